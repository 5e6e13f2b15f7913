/* SPDX-License-Identifier: MIT */
/* Answers of the control socket in JSON, and the bodies of its requests. */
#ifndef SHOAL_CLI_HTTP_ANSWER_H
#define SHOAL_CLI_HTTP_ANSWER_H

#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>

/* Answers with a body of JSON, which is taken; to HEAD with its length only. */
void cli_answer_body(struct evhttp_request *request, int status, struct evbuffer *body);

/* The same with a body of another type. */
void cli_answer_typed(
        struct evhttp_request *request, int status, const char *type, struct evbuffer *body);

/* Answers with a document, which is taken; NULL: memory ran out. */
void cli_answer(struct evhttp_request *request, int status, json_t *document);

/* Begins an answer that comes in parts, which together are a document; ended by the last part. */
void cli_answer_begin(struct evhttp_request *request);
void cli_answer_part(struct evhttp_request *request, const char *text, bool last);

/* Answers with the error of a code; text NULL or "": what the library says of the code. */
void cli_refuse(struct evhttp_request *request, int code, const char *text);

/* The body as a JSON object, {} where there is none. NULL: it is something else, and the request
 * was answered with what and where. */
json_t *cli_body(struct evhttp_request *request);

#endif
