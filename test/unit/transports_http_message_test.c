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

static unsigned
judge_any(const struct shoal_http_head *head, void *arg)
{
	(void)head;
	(void)arg;
	return 0;
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
	assert_int_equal(
	        status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"), 100);
	assert_int_equal(
	        status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n"), 413);
	assert_int_equal(
	        status_of(
	                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
	        400);
	assert_int_equal(
	        status_of("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	                  "5\r\nhello\r\n0\r\n\r\n"),
	        411);
	assert_int_equal(status_of("nonsense\r\n\r\n"), 400);
	assert_int_equal(status_of("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
	                           "Transfer-Encoding: chunked\r\n\r\n"),
	        400); /* request smuggling (RFC 9112, 6.1) */
	assert_int_equal(status_of("CONNECT a:1 HTTP/1.1\r\n\r\n"), 405);
	int len = snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: h\r\nX: ");
	memset(text + len, 'a', SHOAL_HTTP_HEAD_MAX);
	text[len + SHOAL_HTTP_HEAD_MAX] = '\0';
	assert_int_equal(status_of(text), 431);
	len = snprintf(text, sizeof text, "POST /");
	memset(text + len, 'a', SHOAL_HTTP_PATH_MAX);
	text[len + SHOAL_HTTP_PATH_MAX] = '\0';
	assert_int_equal(status_of(text), 414);
}

/* What somebody between could read in another way. */
static void
what_two_readers_could_read_differently_is_refused(void **state)
{
	static const struct {
		unsigned status;
		const char *text;
	} cases[] = {
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
	              "Content-Length: 5\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nhello"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length\t: 5\r\n\r\nhello"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nX Y: 5\r\n\r\n"},
	        {411, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"},
	        {411, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
	              "2\r\nhi\r\n0\r\n\r\n"},
	        {411, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	              "2\rXhiYZ0\r\n\r\n"},
	        {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nX: a\r\n\tb\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nX: a\rY: b\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\n\rY: b\r\n\r\n"},
	        {200, "POST / HTTP/1.1\nHost: h\n\n"},
	        {400, "POST / HTTP/1.1\r\nHost : h\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\n\r\n"},
	        {400, "POST / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n"},
	        {505, "POST / HTTP/2.0\r\nHost: h\r\n\r\n"},
	        {200, "POST / HTTP/1.0\r\n\r\n"},
	        {200, "\r\n\r\nPOST / HTTP/1.1\r\nHost: h\r\nX:  b c\r\n\r\n"},
	        {200, "POST / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (status_of(cases[i].text) != cases[i].status) {
			fail_msg("%s", cases[i].text);
		}
		/* Also where it comes byte by byte. */
		struct shoal_http_input input;
		unsigned status = 0;
		begin(&input, true);
		for (const char *at = cases[i].text; *at != '\0' && status == 0; at++) {
			shoal_http_input_feed(&input, at, 1, &status);
		}
		assert_int_equal(status != 0 ? status : 200, cases[i].status);
		shoal_http_input_reset(&input);
	}
}

/* As they have no headers, that is all there is to count. */
static void
answers_before_the_answer_are_bounded(void **state)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct shoal_http_input input;
	unsigned status = 0, count = 0;

	(void)state;
	begin(&input, false);
	while (status == 0 && count < 10000) {
		shoal_http_input_feed(&input, text, sizeof text - 1, &status);
		count++;
	}
	assert_int_equal(status, 431);
	assert_in_range(count, 100, 1000);
	shoal_http_input_reset(&input);
}

/* A body's length is what it is, in what comes behind the head too. */
static void
what_stands_behind_chunks_says_nothing(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.shoal\r\n"
	                           "Transfer-Encoding: chunked\r\n\r\n"
	                           "2;a=b\r\nhi\r\n0\r\nContent-Encoding: gzip\r\n"
	                           "Retry-After: 9\r\n\r\n";
	struct shoal_http_input input;
	unsigned status;

	(void)state;
	begin(&input, false);
	shoal_http_input_feed(&input, text, sizeof text - 1, &status);
	assert_int_equal(status, 0);
	assert_true(input.complete && input.head.typed && !input.head.encoded);
	assert_int_equal(input.len, 2);
	assert_int_equal(input.retry_after_s, 0);
	shoal_http_input_reset(&input);
}

static void
paths_are_the_same_however_they_are_written(void **state)
{
	static const char *const cases[][2] = {{"/a/b", "/a/b"}, {"/%61/%62?x#y", "/a/b"},
	        {"http://h:1/a", "/a"}, {"HTTPS://h/a?b", "/a"}, {"/a%2fb", "/a%2Fb"},
	        {"/%2561", "/%2561"}, {"/%00", "/%00"}, {"/%C3%a9", "/\303\251"},
	        {"/%zz%", "/%zz%"}, {"*", "*"}, {"http://h", ""}};
	struct shoal_http_input input;
	unsigned status;
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: h\r\n\r\n",
		        cases[i][0][0] == '*' ? "OPTIONS" : "GET", cases[i][0]);
		shoal_http_input_init(&input, &shoal_allocator_libc, 100, judge_any, NULL);
		shoal_http_input_feed(&input, text, strlen(text), &status);
		assert_int_equal(status, 0);
		assert_string_equal(input.head.path, cases[i][1]);
		shoal_http_input_reset(&input);
	}
}

static size_t held, held_max;

static bool
hold(void *arg, ptrdiff_t more)
{
	(void)arg;
	if (more > 0 && held + (size_t)more > held_max) {
		return false;
	}
	held += (size_t)more;
	return true;
}

/* What a body takes is asked for as it grows, and given back. */
static void
a_body_that_cannot_be_held_is_refused(void **state)
{
	static char text[30000] = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n";
	struct shoal_http_input input;
	unsigned status;

	(void)state;
	size_t len = strlen(text) + 20000;
	held = 0;
	for (held_max = 0; held_max <= 40000; held_max += 10000) {
		shoal_http_input_init(&input, &shoal_allocator_libc, 20000, judge_any, NULL);
		input.hold = hold;
		shoal_http_input_feed(&input, text, len / 2, &status);
		if (status == 0) {
			shoal_http_input_feed(&input, text + len / 2, len - len / 2, &status);
		}
		assert_int_equal(status, held_max < 20000 ? 503 : 0);
		assert_true(held <= held_max && held >= input.len);
		shoal_http_input_reset(&input);
		assert_int_equal(held, 0);
	}
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
	        "GET / HTTP/1.1\r\nHost: h\r\nShoal-From: http://%s\r\nAuthorization: Bearer a\r\n"
	        "Authorization: Bearer b\r\nAuthorization: Basic c\r\n\r\n",
	        name);
	shoal_http_input_feed(&input, text, strlen(text), &status);
	assert_int_equal(status, 0);
	assert_true(input.complete && input.head.is_get);
	assert_string_equal(input.head.from, "");
	assert_string_equal(input.head.token, "");
	shoal_http_input_reset(&input);
	snprintf(text, sizeof text,
	        "GET / HTTP/1.1\r\nHost: h\r\nShoal-From: http://a\r\nShoal-From: http://b\r\n\r\n");
	shoal_http_input_feed(&input, text, strlen(text), &status);
	assert_string_equal(input.head.from, "");
	shoal_http_input_reset(&input);
	/* Nor where it comes a third time. */
	snprintf(text, sizeof text,
	        "GET / HTTP/1.1\r\nHost: h\r\nShoal-From: http://a\r\nShoal-From: http://b\r\n"
	        "Shoal-From: http://c\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n"
	        "Authorization: Bearer c\r\nContent-Type: a\r\nContent-Type: " SHOAL_HTTP_TYPE
	        "\r\nContent-Encoding: gzip\r\nContent-Encoding: identity\r\n\r\n");
	shoal_http_input_feed(&input, text, strlen(text), &status);
	assert_string_equal(input.head.from, "");
	assert_string_equal(input.head.token, "");
	assert_true(!input.head.typed && input.head.encoded);
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

static uint32_t
retry_of(const char *headers, uint64_t wall)
{
	struct shoal_http_input input;
	unsigned status;
	char text[300];

	begin(&input, false);
	snprintf(text, sizeof text, "HTTP/1.1 503 x\r\n%sContent-Length: 0\r\n\r\n", headers);
	shoal_http_input_feed(&input, text, strlen(text), &status);
	assert_true(input.complete);
	uint32_t retry = shoal_http_retry_s(&input, wall);
	shoal_http_input_reset(&input);
	return retry;
}

static void
when_to_come_again_is_said_in_seconds_or_as_a_date(void **state)
{
	(void)state;
	assert_int_equal(retry_of("", 0), 0);
	assert_int_equal(retry_of("Retry-After: 120\r\n", 0), 120);
	assert_int_equal(retry_of("Retry-After: 99999999999999999999999\r\n", 0), 86400);
	assert_int_equal(retry_of("Retry-After: -5\r\n", 0), 0);
	assert_int_equal(retry_of("Retry-After: soon\r\n", 0), 0);
	/* By the clock of whoever says it, where that is told; else by this one. */
	assert_int_equal(retry_of("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	                          "Date: Sun, 06 Nov 1994 08:49:30 GMT\r\n",
	                         99),
	        7);
	assert_int_equal(retry_of("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 784111770), 7);
	assert_int_equal(retry_of("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 784111778), 0);
	assert_int_equal(retry_of("Retry-After: Thu, 29 Feb 2024 00:00:01 GMT\r\n", 1709164800), 1);
	assert_int_equal(retry_of("Retry-After: Fri, 01 Mar 2024 00:00:00 GMT\r\n", 1709251199), 1);
	assert_int_equal(retry_of("Retry-After: Sun, 06 Nox 1994 08:49:37 GMT\r\n", 784111770), 0);
	assert_int_equal(
	        retry_of("Retry-After: Sun, 06 Nov 2094 08:49:37 GMT\r\n", 784111770), 86400);
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

static bool
equal(const char *one, const char *other)
{
	char a[SHOAL_HTTP_TOKEN_MAX + 1] = "", b[SHOAL_HTTP_TOKEN_MAX + 1] = "";

	memcpy(a, one, strlen(one));
	memcpy(b, other, strlen(other));
	return shoal_http_same_token(a, b);
}

static void
tokens_are_equal_or_not(void **state)
{
	(void)state;
	assert_true(equal("", ""));
	assert_true(equal("abc", "abc"));
	assert_false(equal("abc", "abd"));
	assert_false(equal("abc", "ab"));
	assert_false(equal("ab", "abc"));
	assert_false(equal("", "abc"));
	assert_false(equal("abc", ""));
	assert_false(equal("abab", "ab"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(requests_are_read_one_by_one_however_they_are_cut),
	        cmocka_unit_test(what_is_too_much_or_no_http_is_refused),
	        cmocka_unit_test(what_two_readers_could_read_differently_is_refused),
	        cmocka_unit_test(answers_before_the_answer_are_bounded),
	        cmocka_unit_test(what_stands_behind_chunks_says_nothing),
	        cmocka_unit_test(paths_are_the_same_however_they_are_written),
	        cmocka_unit_test(a_body_that_cannot_be_held_is_refused),
	        cmocka_unit_test(when_to_come_again_is_said_in_seconds_or_as_a_date),
	        cmocka_unit_test(a_head_is_judged_before_its_body_is_read),
	        cmocka_unit_test(a_header_that_was_cut_or_is_there_twice_says_nothing),
	        cmocka_unit_test(answers_are_read_with_what_they_say_of_later),
	        cmocka_unit_test(what_is_written_is_read),
	        cmocka_unit_test(tokens_are_equal_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
