/* SPDX-License-Identifier: MIT */
/* What goes out on a connection: the greeting and frames, each in one allocation with its header,
 * copied once from the host. Every byte of them is counted against the budget of tcp_limits.c from
 * here until it is freed. */
#define _GNU_SOURCE
#include <string.h>

#include "base/writer.h"
#include "transports/tcp.h"

const uint8_t shoal_tcp_message_hello[SHOAL_TCP_GREETING] = {'S', 'H', 'O', 'A', 'L', 0, 0, 0};

static struct shoal_tcp_message *
allocate(struct shoal_tcp *tcp, struct shoal_tcp_connection *connection, size_t len, int *code)
{
	size_t size = sizeof(struct shoal_tcp_message) + len;
	*code = SHOAL_ERR_LIMIT;
	if (!shoal_tcp_limits_hold(tcp, connection, size)) {
		return NULL;
	}
	struct shoal_tcp_message *message = shoal_alloc(&tcp->work, size);
	*code = SHOAL_ERR_NOMEM;
	if (message == NULL) {
		shoal_tcp_limits_unhold(tcp, size);
		return NULL;
	}
	memset(message, 0, sizeof(*message));
	message->len = len;
	return message;
}

void
shoal_tcp_message_free(struct shoal_tcp *tcp, struct shoal_tcp_message *message)
{
	shoal_tcp_limits_unhold(tcp, sizeof(*message) + message->len);
	shoal_alloc_free(&tcp->work, message);
}

struct shoal_tcp_message *
shoal_tcp_message_greeting(struct shoal_tcp *tcp)
{
	int code;
	struct shoal_tcp_message *message =
	        allocate(tcp, NULL, sizeof(shoal_tcp_message_hello), &code);
	if (message != NULL) {
		memcpy(message->bytes, shoal_tcp_message_hello, sizeof(shoal_tcp_message_hello));
	}
	return message;
}

struct shoal_tcp_message *
shoal_tcp_message_new(struct shoal_tcp_connection *connection, enum shoal_tcp_kind kind,
        uint64_t number, const uint8_t *data, size_t len, int *code)
{
	*code = SHOAL_ERR_LIMIT;
	if (!shoal_tcp_output_has_room(connection, SHOAL_TCP_HEADER + len)) {
		return NULL;
	}
	struct shoal_tcp_message *message =
	        allocate(connection->tcp, connection, SHOAL_TCP_HEADER + len, code);
	if (message == NULL) {
		return NULL;
	}
	message->one_way = kind == SHOAL_TCP_ONE_WAY;
	struct shoal_writer writer;
	shoal_writer_init(&writer, message->bytes, message->len);
	shoal_writer_u32(&writer, (uint32_t)len);
	shoal_writer_u8(&writer, (uint8_t)kind);
	shoal_writer_u64(&writer, number);
	shoal_writer_bytes(&writer, data, len);
	return message;
}
