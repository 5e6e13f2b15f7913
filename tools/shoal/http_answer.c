/* SPDX-License-Identifier: MIT */
/* Answers and bodies; see http_answer.h. Which HTTP status a code has stands here and nowhere else.
 */
#include "http_answer.h"

#include "document.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTP_CONFLICT        409
#define HTTP_BAD_GATEWAY     502
#define HTTP_GATEWAY_TIMEOUT 504

void
cli_answer_typed(
        struct evhttp_request *request, int status, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	size_t len = evbuffer_get_length(body);
	char length[24];

	evhttp_add_header(headers, "Content-Type", type);
	if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		/* evhttp would send the body, and names no length of its own here. */
		snprintf(length, sizeof(length), "%zu", len);
		evhttp_add_header(headers, "Content-Length", length);
		evbuffer_drain(body, len);
	}
	evhttp_send_reply(request, status, NULL, body);
	evbuffer_free(body);
}

void
cli_answer_body(struct evhttp_request *request, int status, struct evbuffer *body)
{
	cli_answer_typed(request, status, "application/json", body);
}

void
cli_answer(struct evhttp_request *request, int status, json_t *document)
{
	struct evbuffer *body = evbuffer_new();
	char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(9));

	json_decref(document);
	if (body == NULL || text == NULL || evbuffer_add_printf(body, "%s\n", text) < 0) {
		evhttp_send_error(request, HTTP_INTERNAL, "out of memory");
		if (body != NULL) {
			evbuffer_free(body);
		}
	} else {
		cli_answer_body(request, status, body);
	}
	free(text);
}

void
cli_answer_begin(struct evhttp_request *request)
{
	evhttp_add_header(
	        evhttp_request_get_output_headers(request), "Content-Type", "application/json");
	evhttp_send_reply_start(request, HTTP_OK, NULL);
}

/* Without memory the document lacks something, which its reader notices. */
void
cli_answer_part(struct evhttp_request *request, const char *text, bool last)
{
	struct evbuffer *part = evbuffer_new();

	if (part != NULL) {
		(void)evbuffer_add(part, text, strlen(text));
		evhttp_send_reply_chunk(request, part);
		evbuffer_free(part);
	}
	if (last) {
		evhttp_send_reply_end(request);
	}
}

static int
status_of(int code)
{
	switch (code) {
	case SHOAL_ERR_INVALID:
	case SHOAL_ERR_UNSUPPORTED:
		return HTTP_BADREQUEST;
	case SHOAL_ERR_STATE:
		return HTTP_CONFLICT;
	case SHOAL_ERR_LIMIT:
	case SHOAL_ERR_AGAIN:
	case SHOAL_ERR_CANCELED:
		return HTTP_SERVUNAVAIL;
	case SHOAL_ERR_TIMEOUT:
		return HTTP_GATEWAY_TIMEOUT;
	case SHOAL_ERR_NO_SEED:
	case SHOAL_ERR_REJECTED:
		return HTTP_BAD_GATEWAY;
	default:
		return HTTP_INTERNAL;
	}
}

void
cli_refuse(struct evhttp_request *request, int code, const char *text)
{
	if (text == NULL || text[0] == '\0') {
		text = shoal_strerror(code);
	}
	cli_answer(request, status_of(code), cli_document_error(code, text));
}

json_t *
cli_body(struct evhttp_request *request)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(body);
	char why[JSON_ERROR_TEXT_LENGTH + 80];
	json_error_t error;
	json_t *document;

	if (len == 0) {
		return json_object();
	}
	document = json_loadb(
	        (const char *)evbuffer_pullup(body, -1), len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(document)) {
		return document;
	}
	if (document != NULL) {
		snprintf(why, sizeof(why), "the body must be a JSON object");
	} else {
		snprintf(why, sizeof(why), "the body is no JSON: line %d, column %d: %s",
		        error.line, error.column, error.text);
	}
	json_decref(document);
	cli_refuse(request, SHOAL_ERR_INVALID, why);
	return NULL;
}
