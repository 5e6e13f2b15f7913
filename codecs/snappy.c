/* SPDX-License-Identifier: MIT */
/* snappy behind the compressor's vtable. The length that a compressed text claims is held against
 * the limit before anything is written, and snappy itself never writes more than it claimed. Works
 * in time linear in the longer of both texts. */
#include <shoal/codec.h>

#ifdef SHOAL_HAVE_SNAPPY

#include <snappy-c.h>

static int
compress(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t room = cap;

	if (cap < snappy_max_compressed_length(len)) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (snappy_compress((const char *)data, len, (char *)out, &room) != SNAPPY_OK) {
		return SHOAL_ERR_TOO_BIG;
	}
	*out_len = room;
	return SHOAL_OK;
}

static int
uncompress(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	const char *text = (const char *)data;
	size_t claimed, room = cap;

	if (snappy_uncompressed_length(text, len, &claimed) != SNAPPY_OK) {
		return SHOAL_ERR_MALFORMED;
	}
	if (claimed > cap) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (snappy_uncompress(text, len, (char *)out, &room) != SNAPPY_OK) {
		return SHOAL_ERR_MALFORMED;
	}
	*out_len = room;
	return SHOAL_OK;
}

static const struct shoal_compressor_ops snappy = {
        .abi = SHOAL_COMPRESSOR_ABI,
        .name = "snappy",
        .bound = snappy_max_compressed_length,
        .compress = compress,
        .uncompress = uncompress,
};

const struct shoal_compressor_ops *
shoal_compressor_snappy(void)
{
	return &snappy;
}

#else

const struct shoal_compressor_ops *
shoal_compressor_snappy(void)
{
	return NULL;
}

#endif
