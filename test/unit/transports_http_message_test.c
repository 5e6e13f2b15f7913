/* SPDX-License-Identifier: MIT */
/* HTTP messages: what is read of them however they are cut, what is refused and with which status,
 * and that nothing is held beyond its bound. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "transports/http_message.h"

static unsigned verdict;

static unsigned
judge(const struct shoal_http_head *head, void *arg)
{
	assert_ptr_equal(arg, &verdict);
	assert_true(head->path[0] != 0);
	return verdict;
}

static void
begin(struct shoal_http_input *input, bool requests)
{
	verdict = 0;
	shoal_http_input_init(input, &shoal_allocator_libc, 100, requests ? judge : NULL, &verdict);
}

static const char post[] = "POST /gossip/request?x=1 HTTP/1.1\r\n"
                           "Host: node.example\r\n"
                           "authorization: BEARER se cret\r\n"
                           "SHOAL-FROM: https://a.example/g \r\n"
                           "Content-Type: application/vnd.shoal; q=1\r\n"
                           "Expect: 100-continue\r\n"
                           "X-Other: y\r\n"
                           "Content-Length: 5\r\n\r\nhello";

static void
check_post(const struct shoal_http_input *input)
{
	assert_true(
	        input->complete && input->head.is_post && !input->head.is_get && input->keep_alive);
	assert_string_equal(input->head.path, "/gossip/request");
	assert_string_equal(input->head.token, "se cret");
	assert_string_equal(input->head.from, "https://a.example/g");
	assert_true(input->head.typed && input->head.expects);
	assert_int_equal(input->len, 5);
	assert_memory_equal(input->body, "hello", 5);
}

static void
requests_are_read_one_by_one_however_they_are_cut(void **state)
{
	size_t one = sizeof post - 1;
	char two[2 * sizeof post];
	struct shoal_http_input input;
	unsigned status;

	(void)state;
	memcpy(two, post, one);
	memcpy(two + one, post, one);
	begin(&input, true);
	for (size_t step = 1; step <= 2 * one; step++) {
		size_t at = 0, seen = 0;

		while (at < 2 * one) {
			size_t part = step < 2 * one - at ? step : 2 * one - at;
			size_t read = shoal_http_input_feed(&input, two + at, part, &status);
			assert_int_equal(status, 0);
			assert_true(read > 0);
			at += read;
			if (input.complete) {
				assert_int_equal(at % one, 0);
				check_post(&input);
				shoal_http_input_reset(&input);
				seen++;
			}
		}
		assert_int_equal(seen, 2);
	}
	shoal_http_input_reset(&input);
}

static unsigned
status_of(const char *text)
{
	struct shoal_http_input input;
	unsigned status;

	begin(&input, true);
	shoal_http_input_feed(&input, text, strlen(text), &status);
	bool complete = input.complete;
	shoal_http_input_reset(&input);
	return status != 0 ? status : complete ? 200 : 100;
}

static void
what_is_too_much_or_no_http_is_refused(void **state)
{
	char text[SHOAL_HTTP_HEAD_MAX + 200];

	(void)state;
	assert_int_equal(status_of("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n"), 100);
	assert_int_equal(status_of("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n"), 413);
	assert_int_equal(
	        status_of("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
	        400);
	assert_int_equal(status_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	                           "5\r\nhello\r\n0\r\n\r\n"),
	        200);
	snprintf(text, sizeof text,
	        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n%0101d", 0);
	assert_int_equal(status_of(text), 413);
	assert_int_equal(status_of("nonsense\r\n\r\n"), 400);
	assert_int_equal(status_of("POST / HTTP/1.1\r\nContent-Length: 5\r\n"
	                           "Transfer-Encoding: chunked\r\n\r\n"),
	        400); /* request smuggling (RFC 9112, 6.1) */
	assert_int_equal(status_of("CONNECT a:1 HTTP/1.1\r\n\r\n"), 405);
	int len = snprintf(text, sizeof text, "POST / HTTP/1.1\r\nX: ");
	memset(text + len, 'a', SHOAL_HTTP_HEAD_MAX);
	text[len + SHOAL_HTTP_HEAD_MAX] = '\0';
	assert_int_equal(status_of(text), 431);
	len = snprintf(text, sizeof text, "POST /");
	memset(text + len, 'a', SHOAL_HTTP_PATH_MAX);
	text[len + SHOAL_HTTP_PATH_MAX] = '\0';
	assert_int_equal(status_of(text), 404);
}

/* The body is not waited for. */
static void
a_head_is_judged_before_its_body_is_read(void **state)
{
	struct shoal_http_input input;
	unsigned status;

	(void)state;
	begin(&input, true);
	verdict = 401;
	shoal_http_input_feed(&input, post, sizeof post - 4, &status);
	assert_int_equal(status, 401);
	assert_int_equal(input.len, 0);
	assert_int_equal(shoal_http_input_feed(&input, post, sizeof post - 1, &status), 0);
	assert_int_equal(status, 401);
	shoal_http_input_reset(&input);
}

static void
a_header_that_was_cut_or_is_there_twice_says_nothing(void **state)
{
	char text[2000], name[400];
	struct shoal_http_input input;
	unsigned status;

	(void)state;
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	begin(&input, true);
	snprintf(text, sizeof text,
	        "GET / HTTP/1.1\r\nShoal-From: http://%s\r\nAuthorization: Bearer a\r\n"
	        "Authorization: Bearer b\r\nAuthorization: Basic c\r\n\r\n",
	        name);
	shoal_http_input_feed(&input, text, strlen(text), &status);
	assert_int_equal(status, 0);
	assert_true(input.complete && input.head.is_get);
	assert_string_equal(input.head.from, "");
	assert_string_equal(input.head.token, "");
	shoal_http_input_reset(&input);
	snprintf(text, sizeof text,
	        "GET / HTTP/1.1\r\nShoal-From: http://a\r\nShoal-From: http://b\r\n\r\n");
	shoal_http_input_feed(&input, text, strlen(text), &status);
	assert_string_equal(input.head.from, "");
	shoal_http_input_reset(&input);
}

static void
answers_are_read_with_what_they_say_of_later(void **state)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n"
	                           "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n"
	                           "Connection: close\r\nContent-Length: 2\r\n\r\nno";
	struct shoal_http_input input;
	unsigned status;

	(void)state;
	begin(&input, false);
	size_t read = 0;
	while (!input.complete) {
		read += shoal_http_input_feed(&input, text + read, sizeof text - 1 - read, &status);
		assert_int_equal(status, 0);
	}
	assert_int_equal(read, sizeof text - 1);
	assert_int_equal(input.status, 503);
	assert_int_equal(input.retry_after_s, 7);
	assert_false(input.keep_alive);
	shoal_http_input_reset(&input);
	/* To the end of the connection; and cut off. */
	shoal_http_input_feed(&input, "HTTP/1.0 200 OK\r\n\r\nall", 22, &status);
	assert_false(input.complete);
	shoal_http_input_feed(&input, "", 0, &status);
	assert_true(input.complete && input.len == 3);
	shoal_http_input_reset(&input);
	shoal_http_input_feed(
	        &input, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall", 41, &status);
	shoal_http_input_feed(&input, "", 0, &status);
	assert_int_equal(status, 400);
	shoal_http_input_reset(&input);
}

static void
what_is_written_is_read(void **state)
{
	struct shoal_http_input input;
	unsigned status;
	char text[1024];

	(void)state;
	begin(&input, true);
	size_t len = shoal_http_write_post(text, sizeof text, "::1", 81, "/a", "http://b", "t", 3);
	assert_non_null(strstr(text, "\r\nHost: [::1]:81\r\n"));
	assert_int_equal(shoal_http_input_feed(&input, text, len, &status), len);
	shoal_http_input_feed(&input, "abc", 3, &status);
	assert_true(input.complete && input.head.is_post && input.head.typed);
	assert_string_equal(input.head.token, "t");
	assert_string_equal(input.head.from, "http://b");
	shoal_http_input_reset(&input);
	assert_int_equal(shoal_http_write_post(text, 40, "h", 0, "", "http://b", "", 3), 0);
	static const struct {
		unsigned status;
		const char *has;
	} answers[] = {{204, "204 No Content"}, {401, "WWW-Authenticate: Bearer"},
	        {405, "Allow: POST"}, {415, "Accept: " SHOAL_HTTP_TYPE}, {429, "Retry-After: 9"}};
	begin(&input, false);
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		len = shoal_http_write_answer(text, sizeof text, answers[i].status, 9, 0, i == 1);
		assert_non_null(strstr(text, answers[i].has));
		assert_int_equal(shoal_http_input_feed(&input, text, len, &status), len);
		assert_true(input.complete);
		assert_int_equal(input.status, answers[i].status);
		assert_int_equal(input.keep_alive, i != 1);
		shoal_http_input_reset(&input);
	}
}

static void
tokens_are_equal_or_not(void **state)
{
	(void)state;
	assert_true(shoal_http_same_token("", ""));
	assert_true(shoal_http_same_token("abc", "abc"));
	assert_false(shoal_http_same_token("abc", "abd"));
	assert_false(shoal_http_same_token("abc", "ab"));
	assert_false(shoal_http_same_token("ab", "abc"));
	assert_false(shoal_http_same_token("", "abc"));
	assert_false(shoal_http_same_token("abc", ""));
	assert_false(shoal_http_same_token("abab", "ab"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(requests_are_read_one_by_one_however_they_are_cut),
	        cmocka_unit_test(what_is_too_much_or_no_http_is_refused),
	        cmocka_unit_test(a_head_is_judged_before_its_body_is_read),
	        cmocka_unit_test(a_header_that_was_cut_or_is_there_twice_says_nothing),
	        cmocka_unit_test(answers_are_read_with_what_they_say_of_later),
	        cmocka_unit_test(what_is_written_is_read),
	        cmocka_unit_test(tokens_are_equal_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
