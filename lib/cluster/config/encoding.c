/* SPDX-License-Identifier: MIT */
/* One codec for all that a cluster says: the packets of its members, and the values of its
 * applications; and what packets are compressed with. */
#include "cluster/config/encoding.h"

#include <shoal/message.h>

#include "base/text.h"
#include "cluster/cluster.h"
#include "cluster/report/last_error.h"

#include <string.h>

/* NULL: there is none of this name. */
static const struct shoal_codec_ops *
find(const char *name)
{
	const struct shoal_codec_ops *const all[] = {
	        shoal_codec_binary(), shoal_codec_msgpack(), shoal_codec_json()};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(name, all[i]->name) == 0) {
			return all[i];
		}
	}
	return NULL;
}

static int
check_name(const struct shoal_config *config)
{
	const struct shoal_codec_ops *own = config->codec_ops;

	if (own == NULL) {
		return config->codec == NULL || find(config->codec) != NULL
		               ? 0
		               : shoal_last_error_set(SHOAL_ERR_INVALID,
		                         "codec: \"%s\"; allowed are binary, msgpack and json, and "
		                         "with codec_ops one of your own",
		                         config->codec);
	}
	if (own->abi != SHOAL_CODEC_ABI) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "codec_ops: abi %u; allowed is %d",
		        own->abi, SHOAL_CODEC_ABI);
	}
	size_t len = own->name != NULL ? strlen(own->name) : 0;
	if (len == 0 || len > SHOAL_CODEC_NAME_MAX ||
	        !shoal_text_is_name((const uint8_t *)own->name, len)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "codec_ops: no name, or one that is longer than %d bytes or not printable",
		        SHOAL_CODEC_NAME_MAX);
	}
	if (own->id < SHOAL_CODEC_APPLICATION && find(own->name) != own) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "codec_ops: number %u; allowed are %d to 255 for a codec of your own",
		        own->id, SHOAL_CODEC_APPLICATION);
	}
	if (config->codec != NULL && strcmp(config->codec, own->name) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "codec: \"%s\"; allowed is \"%s\", the name of codec_ops, or none",
		        config->codec, own->name);
	}
	return 0;
}

static int
check_compressor(const struct shoal_compressor_ops *own)
{
	if (own == NULL) {
		return 0;
	}
	if (own->abi != SHOAL_COMPRESSOR_ABI) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "compressor: abi %u; allowed is %d",
		        own->abi, SHOAL_COMPRESSOR_ABI);
	}
	return own->bound != NULL && own->compress != NULL && own->uncompress != NULL
	               ? 0
	               : shoal_last_error_set(SHOAL_ERR_INVALID,
	                         "compressor: it needs bound, compress and uncompress");
}

int
shoal_encoding_check(const struct shoal_config *config)
{
	int rc = check_name(config);

	if (rc == 0) {
		rc = check_compressor(config->compressor);
	}
	if (rc != 0) {
		return rc;
	}
	const struct shoal_codec_ops *codec = shoal_encoding_codec(config);
	if (codec->id != SHOAL_CODEC_BINARY &&
	        config->profile.datagram_max < SHOAL_CODEC_DATAGRAM) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "datagram_max: %u; allowed with the codec %s are at least %d",
		        config->profile.datagram_max, codec->name, SHOAL_CODEC_DATAGRAM);
	}
	return 0;
}

const struct shoal_codec_ops *
shoal_encoding_codec(const struct shoal_config *config)
{
	if (config->codec_ops != NULL) {
		return config->codec_ops;
	}
	return config->codec != NULL ? find(config->codec) : shoal_codec_binary();
}

const struct shoal_codec_ops *
shoal_cluster_codec(const struct shoal_cluster *cluster)
{
	return shoal_encoding_codec(&cluster->settings.config);
}

int
shoal_encode(const struct shoal_cluster *cluster, const struct shoal_value *value, uint8_t **data,
        size_t *len)
{
	const struct shoal_config *config = &cluster->settings.config;
	const struct shoal_codec_ops *codec = shoal_encoding_codec(config);

	if (data == NULL || len == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "data and len: NULL");
	}
	int rc = shoal_value_encode(
	        codec, value, config->profile.message_max, config->allocator, data, len);
	return rc == 0 ? 0
	       : rc == SHOAL_ERR_TOO_BIG
	               ? shoal_last_error_set(rc,
	                         "value: deeper than %d, or longer in %s than a message may be: %u "
	                         "bytes (message_max)",
	                         SHOAL_DEPTH_MAX, codec->name, config->profile.message_max)
	               : shoal_last_error_set(rc, "value: not encoded in %s: %s", codec->name,
	                         shoal_strerror(rc));
}

int
shoal_decode(const struct shoal_cluster *cluster, const void *data, size_t len,
        struct shoal_value **value)
{
	const struct shoal_config *config = &cluster->settings.config;
	const struct shoal_codec_ops *codec = shoal_encoding_codec(config);

	if (value == NULL || (data == NULL && len > 0)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "data and value: NULL");
	}
	int rc = shoal_value_decode(codec, data, len, NULL, config->allocator, value);
	return rc == 0 ? 0
	               : shoal_last_error_set(rc, "%zu bytes: no value in %s: %s", len, codec->name,
	                         shoal_strerror(rc));
}
