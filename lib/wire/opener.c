/* SPDX-License-Identifier: MIT */
/* Sealed and compressed packets made clear for people. Packets of many senders come in any order,
 * some twice: nothing is remembered of them, so that no window turns any away, and each costs its
 * subkey. */
#include <shoal/packet.h>

#include <string.h>

#include "base/alloc.h"
#include "wire/coded.h"
#include "wire/packet.h"

_Static_assert((int)SHOAL_WAY_ONE_WAY == (int)SHOAL_PACKET_ONE_WAY &&
                       (int)SHOAL_WAY_REQUEST == (int)SHOAL_PACKET_REQUEST &&
                       (int)SHOAL_WAY_WATCH == (int)SHOAL_PACKET_WATCH &&
                       (int)SHOAL_WAY_ANSWER == (int)SHOAL_PACKET_ANSWER,
        "the ways of packet.h");

struct shoal_packet_opener {
	struct shoal_allocator mem;
	struct shoal_keyring *ring; /* NULL: without keys */
	const struct shoal_compressor_ops *compressor;
	const struct shoal_codec_ops *codec[SHOAL_CODECS_MAX];
	size_t codecs;
	uint8_t *in, *plain, *scratch, *compact;
	size_t in_cap, plain_cap, scratch_cap, compact_cap;
};

static int
install(struct shoal_packet_opener *opener, const struct shoal_key *keys, size_t count,
        const struct shoal_cipher_ops *cipher)
{
	struct shoal_keyring_config config = {.cipher = cipher, .allocator = &opener->mem};
	int rc = count > 0 && cipher == NULL ? SHOAL_ERR_UNSUPPORTED : SHOAL_OK;

	if (rc == SHOAL_OK && count > 0) {
		rc = shoal_keyring_new(&opener->ring, &config);
	}
	for (size_t i = 0; i < count && rc == SHOAL_OK; i++) {
		rc = shoal_keyring_install(opener->ring, keys[i].bytes, keys[i].len, NULL);
	}
	return rc;
}

int
shoal_packet_opener_new(struct shoal_packet_opener **opener, const struct shoal_key *keys,
        size_t count, const struct shoal_cipher_ops *cipher,
        const struct shoal_compressor_ops *compressor, const struct shoal_allocator *allocator)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct shoal_packet_opener *made = shoal_alloc_zeroed(&mem, 1, sizeof *made);

	if (made == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	made->mem = mem;
	made->compressor = compressor;
	int rc = install(made, keys, count, cipher);
	if (rc != SHOAL_OK) {
		shoal_packet_opener_free(made);
		return rc;
	}
	*opener = made;
	return SHOAL_OK;
}

void
shoal_packet_opener_free(struct shoal_packet_opener *opener)
{
	if (opener != NULL) {
		struct shoal_allocator mem = opener->mem;
		shoal_keyring_free(opener->ring);
		shoal_alloc_free(&mem, opener->in);
		shoal_alloc_free(&mem, opener->plain);
		shoal_alloc_free(&mem, opener->scratch);
		shoal_alloc_free(&mem, opener->compact);
		shoal_alloc_free(&mem, opener);
	}
}

int
shoal_packet_opener_codec(struct shoal_packet_opener *opener, const struct shoal_codec_ops *codec)
{
	if (codec == NULL || codec->abi != SHOAL_CODEC_ABI) {
		return SHOAL_ERR_INVALID;
	}
	if (opener->codecs == SHOAL_CODECS_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	opener->codec[opener->codecs++] = codec;
	return SHOAL_OK;
}

static bool
has_room(const struct shoal_packet_opener *opener, uint8_t **data, size_t *cap, size_t need)
{
	uint8_t *larger;

	if (need <= *cap) {
		return true;
	}
	larger = shoal_alloc_resize(&opener->mem, *data, need, 1);
	if (larger != NULL) {
		*data = larger;
		*cap = need;
	}
	return larger != NULL;
}

static int
unseal(struct shoal_packet_opener *opener, const struct shoal_packet_header *header,
        enum shoal_packet_way way, uint64_t request, const uint8_t **data, size_t *len)
{
	struct shoal_packet_frame frame = {(enum shoal_packet_kind)way, request};
	size_t clear;

	if (opener->ring == NULL) {
		return SHOAL_ERR_KEY;
	}
	if (!has_room(opener, &opener->in, &opener->in_cap, *len)) {
		return SHOAL_ERR_NOMEM;
	}
	memcpy(opener->in, *data, *len);
	int rc = shoal_packet_unseal(opener->in, *len, header, &frame, opener->ring, false, &clear);
	if (rc == SHOAL_OK) {
		*data = opener->in + SHOAL_PACKET_SEAL;
		*len = clear;
	}
	return rc;
}

static int
uncompress(struct shoal_packet_opener *opener, const uint8_t **data, size_t *len)
{
	size_t most = shoal_packet_expands(*len), made;

	if (opener->compressor == NULL) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	if (!has_room(opener, &opener->plain, &opener->plain_cap, most)) {
		return SHOAL_ERR_NOMEM;
	}
	int rc = shoal_packet_uncompress(
	        *data, *len, opener->compressor, opener->plain, most, &made);
	if (rc == SHOAL_OK) {
		*data = opener->plain;
		*len = made;
	}
	return rc;
}

static const struct shoal_codec_ops *
find_codec(const struct shoal_packet_opener *opener, uint8_t id)
{
	for (size_t i = 0; i < opener->codecs; i++) {
		if (opener->codec[i]->id == id) {
			return opener->codec[i];
		}
	}
	return NULL;
}

static int
decode(struct shoal_packet_opener *opener, const struct shoal_codec_ops *codec,
        const uint8_t **data, size_t *len)
{
	size_t most = shoal_packet_expands(*len), made;

	if (codec == NULL) {
		return SHOAL_ERR_CODEC;
	}
	if (!has_room(opener, &opener->scratch, &opener->scratch_cap, *len) ||
	        !has_room(opener, &opener->compact, &opener->compact_cap, most)) {
		return SHOAL_ERR_NOMEM;
	}
	int rc =
	        shoal_coded_open(*data, *len, codec, opener->scratch, opener->compact, most, &made);
	if (rc == SHOAL_OK) {
		*data = opener->compact;
		*len = made;
	}
	return rc;
}

int
shoal_packet_opener_open(struct shoal_packet_opener *opener, enum shoal_packet_way way,
        uint64_t request, const uint8_t *data, size_t len, struct shoal_packet_opened *opened)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;

	memset(opened, 0, sizeof *opened);
	opened->data = data;
	opened->len = len;
	shoal_reader_init(&reader, data, len);
	int rc = shoal_packet_header(&reader, &header);
	if (rc != SHOAL_OK) {
		return rc;
	}
	opened->sealed = (header.flags & SHOAL_PACKET_SEALED) != 0;
	opened->compressed = (header.flags & SHOAL_PACKET_COMPRESSED) != 0;
	opened->counter = header.by.counter;
	if (opened->sealed) {
		rc = unseal(opener, &header, way, request, &data, &len);
	}
	if (rc == SHOAL_OK && opened->compressed) {
		rc = uncompress(opener, &data, &len);
	}
	if (rc == SHOAL_OK && header.codec != 0) {
		const struct shoal_codec_ops *codec = find_codec(opener, header.codec);

		opened->codec = codec != NULL ? codec->name : "";
		rc = decode(opener, codec, &data, &len);
	}
	if (rc == SHOAL_OK) {
		opened->data = data;
		opened->len = len;
	}
	return rc;
}
