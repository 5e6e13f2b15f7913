/* SPDX-License-Identifier: MIT */
/* An answer is sealed with the counter of its request, so requests are remembered: the latest
 * REQUESTS of a capture, by their connection and number. */
#include "reveal.h"

#include "options.h"
#include "text.h"

#include <shoal/cluster.h>

#include <stdlib.h>
#include <string.h>

#define REQUESTS 4096

enum {
	FRAME_REQUEST = 1,
	FRAME_REPLY = 2,
	FRAME_ONE_WAY = 3,
	FRAME_WATCH = 4
};

struct request {
	struct shoal_addr from, to;
	uint64_t exchange, counter;
};

struct cli_reveal {
	struct shoal_packet_opener *opener;
	struct request request[REQUESTS];
	size_t requests; /* ever */
};

int
cli_reveal_new(struct cli_reveal **reveal, const char *path)
{
	struct shoal_key keys[SHOAL_KEYS_MAX];
	struct shoal_packet_opener *opener;
	size_t count = 0;
	int rc;

	if (path != NULL && shoal_keys_load(path, keys, &count) < 0) {
		return cli_error("%s", shoal_last_error());
	}
	rc = shoal_packet_opener_new(
	        &opener, keys, count, shoal_cipher_aes_gcm(), shoal_compressor_snappy(), NULL);
	shoal_key_wipe(keys, sizeof(keys));
	if (rc != 0) {
		return cli_error("keys: %s", shoal_strerror(rc));
	}
	if (shoal_packet_opener_codec(opener, shoal_codec_msgpack()) < 0 ||
	        shoal_packet_opener_codec(opener, shoal_codec_json()) < 0) {
		shoal_packet_opener_free(opener);
		return cli_error("codecs: %s", shoal_strerror(SHOAL_ERR_INVALID));
	}
	*reveal = cli_alloc(1, sizeof(**reveal));
	(*reveal)->requests = 0;
	(*reveal)->opener = opener;
	return CLI_DONE;
}

void
cli_reveal_free(struct cli_reveal *reveal)
{
	if (reveal != NULL) {
		shoal_packet_opener_free(reveal->opener);
		free(reveal);
	}
}

void
cli_reveal_any(struct cli_reveal *reveal, const uint8_t *data, size_t len,
        struct shoal_packet_opened *opened)
{
	static const enum shoal_packet_way ways[] = {
	        SHOAL_WAY_DATAGRAM, SHOAL_WAY_ONE_WAY, SHOAL_WAY_REQUEST, SHOAL_WAY_WATCH};
	int rc = SHOAL_ERR_AUTH;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && rc == SHOAL_ERR_AUTH; i++) {
		rc = shoal_packet_opener_open(reveal->opener, ways[i], 0, data, len, opened);
	}
}

void
cli_reveal_datagram(struct cli_reveal *reveal, const uint8_t *data, size_t len,
        struct shoal_packet_opened *opened)
{
	(void)shoal_packet_opener_open(reveal->opener, SHOAL_WAY_DATAGRAM, 0, data, len, opened);
}

static bool
is_of(const struct request *request, const struct cli_capture_packet *reply, uint64_t exchange)
{
	return request->exchange == exchange && shoal_addr_equal(&request->from, &reply->to) &&
	       shoal_addr_equal(&request->to, &reply->from);
}

/* The counter of what a reply answers; 0: it was not seen, or clear. */
static uint64_t
find_request(
        const struct cli_reveal *reveal, const struct cli_capture_packet *reply, uint64_t exchange)
{
	for (size_t i = 0; i < reveal->requests && i < REQUESTS; i++) {
		const struct request *request =
		        &reveal->request[(reveal->requests - 1 - i) % REQUESTS];
		if (is_of(request, reply, exchange)) {
			return request->counter;
		}
	}
	return 0;
}

void
cli_reveal_frame(struct cli_reveal *reveal, const struct cli_capture_packet *packet, uint8_t kind,
        uint64_t exchange, const uint8_t *data, size_t len, struct shoal_packet_opened *opened)
{
	static const enum shoal_packet_way ways[] = {[FRAME_REQUEST] = SHOAL_WAY_REQUEST,
	        [FRAME_REPLY] = SHOAL_WAY_ANSWER,
	        [FRAME_ONE_WAY] = SHOAL_WAY_ONE_WAY,
	        [FRAME_WATCH] = SHOAL_WAY_WATCH};
	uint64_t asked = kind == FRAME_REPLY ? find_request(reveal, packet, exchange) : 0;

	(void)shoal_packet_opener_open(reveal->opener, ways[kind], asked, data, len, opened);
	if ((kind == FRAME_REQUEST || kind == FRAME_WATCH) && opened->sealed) {
		reveal->request[reveal->requests++ % REQUESTS] =
		        (struct request){packet->from, packet->to, exchange, opened->counter};
	}
}
