/* SPDX-License-Identifier: MIT */
/* The bytes of a message are "data", a text, where they are one, and "data_hex" else. */
#include "agent_message.h"

#include "agent_find.h"
#include "document.h"
#include "http_answer.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS     5000
#define TIMEOUT_MS_MAX 600000

/* What a body says. */
struct said {
	json_t *body;
	uint16_t type;
	const void *data;
	size_t len;
	uint8_t *bytes; /* of data_hex */
	unsigned flags;
};

static void
put_data(json_t *document, const void *data, size_t len)
{
	json_t *text = memchr(data, 0, len) == NULL ? json_stringn(data, len) : NULL;
	char *hex;

	if (text != NULL) {
		json_object_set_new(document, "data", text);
		return;
	}
	hex = malloc(2 * len + 1);
	if (hex == NULL) {
		return;
	}
	for (size_t i = 0; i < len; i++) {
		snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *)data)[i]);
	}
	json_object_set_new(document, "data_hex", json_stringn(hex, 2 * len));
	free(hex);
}

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* -1: they are no bytes. */
static int
read_hex(struct said *said, const char *text)
{
	size_t len = strlen(text) / 2;

	said->bytes = malloc(len + 1);
	if (said->bytes == NULL || strlen(text) % 2 != 0) {
		return -1;
	}
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0) {
			return -1;
		}
		said->bytes[i] = (uint8_t)(high << 4 | low);
	}
	said->data = said->bytes;
	said->len = len;
	return 0;
}

static void
done(struct said *said)
{
	json_decref(said->body);
	free(said->bytes);
}

/* -1: the request was answered. */
static int
read_body(struct said *said, struct evhttp_request *request)
{
	const json_t *type, *data, *digits;
	const char *hex;
	int rc = -1;

	memset(said, 0, sizeof(*said));
	said->body = cli_body(request);
	if (said->body == NULL) {
		return -1;
	}
	type = json_object_get(said->body, "type");
	data = json_object_get(said->body, "data");
	digits = json_object_get(said->body, "data_hex");
	hex = json_string_value(digits);
	if (data != NULL && digits != NULL) {
		rc = -1;
	} else if (json_is_string(data)) {
		said->data = json_string_value(data);
		said->len = json_string_length(data);
		rc = 0;
	} else if (hex != NULL) {
		rc = read_hex(said, hex);
	}
	if (rc != 0 || !json_is_integer(type) ||
	        json_integer_value(type) < SHOAL_TYPE_APPLICATION ||
	        json_integer_value(type) > UINT16_MAX) {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "say {\"type\": 128 to 65535, \"data\": text or \"data_hex\": digits, one of the "
		        "two}, and to whom");
		done(said);
		return -1;
	}
	said->type = (uint16_t)json_integer_value(type);
	said->flags = json_is_true(json_object_get(said->body, "reliable")) ? SHOAL_RELIABLE : 0;
	return 0;
}

/* -1: the request was answered. */
static int
find(struct shoal_cluster *cluster, struct evhttp_request *request, const struct said *said,
        struct shoal_id *id)
{
	const char *word = json_string_value(json_object_get(said->body, "member"));
	struct shoal_member_list *members;
	struct cli_found found;
	int rc;

	if (word == NULL || word[0] == '\0') {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "member: say a name, an id, or how an id begins");
		return -1;
	}
	members = shoal_members(cluster, NULL);
	if (members == NULL) {
		cli_refuse(request, SHOAL_ERR_NOMEM, NULL);
		return -1;
	}
	rc = cli_agent_find(&found, word, members, NULL, request);
	shoal_member_list_free(members);
	*id = found.id;
	return rc;
}

static void
answer(struct evhttp_request *request, int rc)
{
	if (rc == 0) {
		cli_answer(request, HTTP_OK, json_pack("{s:b}", "sent", 1));
	} else {
		cli_refuse(request, rc, shoal_last_error());
	}
}

void
cli_agent_send(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	struct shoal_id id;
	struct said said;

	if (read_body(&said, request) < 0) {
		return;
	}
	if (find(cluster, request, &said, &id) == 0) {
		answer(request,
		        shoal_send(cluster, &id, said.type, said.data, said.len, said.flags));
	}
	done(&said);
}

/* -1: the request was answered. */
static int
read_reach(struct shoal_reach *reach, struct evhttp_request *request, const struct said *said)
{
	const json_t *hops = json_object_get(said->body, "hops");
	const json_t *ttl = json_object_get(said->body, "ttl_ms");

	shoal_reach_init(reach);
	reach->tag = json_string_value(json_object_get(said->body, "tag"));
	reach->flags = said->flags;
	if (json_is_false(json_object_get(said->body, "forward"))) {
		reach->flags |= SHOAL_NO_FORWARD;
	}
	if ((reach->flags & SHOAL_NO_FORWARD) != 0 && (reach->flags & SHOAL_RELIABLE) != 0) {
		cli_refuse(request, SHOAL_ERR_INVALID,
		        "reliable needs that it is forwarded: members keep it for others");
		return -1;
	}
	if (hops != NULL &&
	        (json_integer_value(hops) < 1 || json_integer_value(hops) > SHOAL_HOPS_MAX)) {
		cli_refuse(request, SHOAL_ERR_INVALID, "hops: say 1 to 64");
		return -1;
	}
	if (ttl != NULL && (json_integer_value(ttl) < 1 || json_integer_value(ttl) > UINT32_MAX)) {
		cli_refuse(request, SHOAL_ERR_INVALID, "ttl_ms: say 1 to 4294967295");
		return -1;
	}
	reach->hops = (unsigned)json_integer_value(hops);
	reach->ttl_ms = (unsigned)json_integer_value(ttl);
	return 0;
}

void
cli_agent_broadcast(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	struct shoal_reach reach;
	struct said said;

	if (read_body(&said, request) < 0) {
		return;
	}
	if (read_reach(&reach, request, &said) == 0) {
		answer(request,
		        shoal_broadcast_within(cluster, &reach, said.type, said.data, said.len));
	}
	done(&said);
}

static const char *
end_text(int code)
{
	switch (code) {
	case SHOAL_ERR_UNSUPPORTED:
		return "nobody handles requests of this type there";
	case SHOAL_ERR_CALLBACK:
		return "who handles requests of this type there has failed";
	case SHOAL_ERR_LIMIT:
		return "too many requests are handled there, try again later";
	default:
		return shoal_strerror(code);
	}
}

static void
on_end(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	struct evhttp_request *request = arg;
	json_t *document;

	(void)cluster;
	if (code != 0) {
		cli_refuse(request, code, end_text(code));
		return;
	}
	document = json_object();
	put_data(document, data, len);
	cli_answer(request, HTTP_OK, document);
}

void
cli_agent_request(struct shoal_cluster *cluster, struct evhttp_request *request)
{
	json_int_t timeout_ms = TIMEOUT_MS;
	const json_t *value;
	struct shoal_id id;
	struct said said;
	int rc;

	if (read_body(&said, request) < 0) {
		return;
	}
	value = json_object_get(said.body, "timeout_ms");
	timeout_ms = value != NULL ? json_integer_value(value) : timeout_ms;
	if (timeout_ms < 1 || timeout_ms > TIMEOUT_MS_MAX) {
		cli_refuse(request, SHOAL_ERR_INVALID, "timeout_ms: say 1 to 600000");
	} else if (find(cluster, request, &said, &id) == 0) {
		rc = shoal_request(cluster, &id, said.type, said.data, said.len,
		        (unsigned)timeout_ms, on_end, request, NULL);
		if (rc != 0) {
			cli_refuse(request, rc, shoal_last_error());
		}
	}
	done(&said);
}

json_t *
cli_document_message(struct shoal_cluster *cluster, const struct shoal_message *message)
{
	struct shoal_member_list *members = shoal_members(cluster, NULL);
	const struct shoal_member *sender = NULL;
	char time[CLI_TIME_TEXT], id[SHOAL_ID_TEXT];
	unsigned flags = shoal_message_flags(message);
	json_t *document;

	if (members != NULL) {
		sender = shoal_member_list_find_by_id(members, shoal_message_sender(message));
	}
	shoal_id_print(shoal_message_sender(message), id);
	document = json_pack("{s:s, s:s, s:s, s:o, s:i, s:b, s:b, s:i}", "time",
	        cli_text_time(cli_text_wall_ns(), time), "event", "message", "id", id, "name",
	        cli_document_text(sender != NULL ? shoal_member_name(sender) : ""), "type",
	        (int)shoal_message_type(message), "broadcast", (flags & SHOAL_BROADCAST) != 0,
	        "reliable", (flags & SHOAL_RELIABLE) != 0, "hops",
	        (int)shoal_message_hops(message));
	put_data(document, shoal_message_data(message), shoal_message_len(message));
	shoal_member_list_free(members);
	return document;
}
