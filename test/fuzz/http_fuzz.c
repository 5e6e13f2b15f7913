/* SPDX-License-Identifier: MIT */
/* Bytes of HTTP, of requests and of answers, through the reader of messages: however they are cut
 * it reads the same, and never holds more than it may; and what it took for a request is read back
 * from what is written of it. The first byte says which side, and in which steps. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "transports/http_message.h"

#define BODY_MAX 300
#define MESSAGES 4

/* What a reader told of a message. */
struct told {
	unsigned status, code;
	uint32_t retry;
	bool complete, keep_alive;
	struct shoal_http_head head;
	size_t len;
	uint8_t body[BODY_MAX];
};

static size_t held;

static bool
hold(void *arg, ptrdiff_t more)
{
	(void)arg;
	held += (size_t)more;
	return true;
}

static unsigned
judge(const struct shoal_http_head *head, void *arg)
{
	(void)arg;
	return strcmp(head->path, "/refused") == 0 ? 403 : 0;
}

static void
fail(const char *what)
{
	fprintf(stderr, "http_fuzz: %s\n", what);
	abort();
}

static void
keep(struct told *told, const struct shoal_http_input *input, unsigned status)
{
	memset(told, 0, sizeof *told);
	told->status = status;
	told->complete = input->complete;
	if (status != 0) {
		return; /* where it is noticed depends on where it was cut */
	}
	told->code = input->status;
	told->retry = shoal_http_retry_s(input, 1000000000);
	told->keep_alive = input->keep_alive;
	told->head.is_post = input->head.is_post;
	told->head.is_get = input->head.is_get;
	told->head.typed = input->head.typed;
	told->head.encoded = input->head.encoded;
	told->head.expects = input->head.expects;
	snprintf(told->head.path, sizeof told->head.path, "%s", input->head.path);
	snprintf(told->head.from, sizeof told->head.from, "%s", input->head.from);
	memcpy(told->head.token, input->head.token, sizeof told->head.token);
	told->len = input->len;
	if (input->len > 0) {
		memcpy(told->body, input->body, input->len);
	}
}

/* Reads up to MESSAGES of them. Returns how many were told of. */
static size_t
read_all(const uint8_t *data, size_t len, bool requests, size_t step, struct told *told)
{
	struct shoal_http_input input;
	size_t count = 0;
	unsigned status = 0;

	shoal_http_input_init(
	        &input, &shoal_allocator_libc, BODY_MAX, requests ? judge : NULL, NULL);
	input.hold = hold;
	while (len > 0 && status == 0 && count < MESSAGES) {
		size_t part = step < len ? step : len;
		size_t read = shoal_http_input_feed(&input, data, part, &status);

		if (read > part || input.len > BODY_MAX || input.len > held || held > BODY_MAX) {
			fail("it read or holds too much");
		}
		if (read == 0 && status == 0) {
			fail("it neither reads nor refuses");
		}
		data += read;
		len -= read;
		if (input.complete && status == 0) {
			keep(&told[count++], &input, 0);
			shoal_http_input_reset(&input);
		}
	}
	if (status == 0 && count < MESSAGES) {
		shoal_http_input_feed(&input, data, 0, &status);
	}
	if (count < MESSAGES) {
		keep(&told[count++], &input, status);
	}
	shoal_http_input_reset(&input);
	if (held != 0) {
		fail("it did not give back what it held");
	}
	return count;
}

static bool
is_visible(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~') {
			return false;
		}
	}
	return true;
}

/* What is written of a request is that request. */
static void
write_and_read(const struct told *told)
{
	static struct told again[MESSAGES];
	char text[4096];

	if (!told->complete || told->status != 0 || told->head.path[0] != '/' ||
	        !is_visible(told->head.path) || !is_visible(told->head.token) ||
	        !is_visible(told->head.from) || strpbrk(told->head.path, "?#") != NULL) {
		return;
	}
	size_t len = shoal_http_write_post(text, sizeof text, "h", 81, told->head.path,
	        told->head.from, told->head.token, told->len);
	if (len == 0 || len + told->len > sizeof text) {
		return;
	}
	memcpy(text + len, told->body, told->len);
	read_all((const uint8_t *)text, len + told->len, true, sizeof text, again);
	bool refused = strcmp(told->head.path, "/refused") == 0;
	bool same = strcmp(again->head.from, told->head.from) == 0 &&
	            memcmp(again->head.token, told->head.token, sizeof told->head.token) == 0 &&
	            again->len == told->len && memcmp(again->body, told->body, told->len) == 0;
	if (!refused && (again->status != 0 || !same)) {
		fail("what was written is read as something else");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct told whole[MESSAGES], parts[MESSAGES];

	if (len < 2) {
		return 0;
	}
	bool requests = (data[0] & 1) == 0;
	size_t step = (size_t)(data[0] >> 1) % 64 + 1;
	size_t count = read_all(data + 1, len - 1, requests, len, whole);
	size_t count_parts = read_all(data + 1, len - 1, requests, step, parts);

	if (count != count_parts) {
		fail("how many messages it is depends on where they are cut");
	}
	for (size_t i = 0; i < count; i++) {
		bool refused = whole[i].status != 0 && parts[i].status != 0;
		if (!refused && memcmp(&whole[i], &parts[i], sizeof whole[i]) != 0) {
			fail("what a message says depends on where it is cut");
		}
		if (requests) {
			write_and_read(&whole[i]);
		}
	}
	return 0;
}
