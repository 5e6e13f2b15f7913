/* SPDX-License-Identifier: MIT */
/* The command line's small parts: durations, times, what a terminal may be shown, tables, CSV, and
 * the reader of server-sent events. Output goes to a temporary file in place of standard output. */
#include "sse.h"
#include "table.h"
#include "text.h"

#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void
durations_are_short_at_every_size(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} rows[] = {{0, "0ms"}, {999, "999ms"}, {1000, "1.0s"}, {59999, "59.9s"}, {60000, "1m00s"},
	        {3599999, "59m59s"}, {3600000, "1h00m"}, {86399999, "23h59m"}, {86400000, "1d00h"},
	        {UINT64_MAX, "213503982334d14h"}};
	char text[CLI_DURATION_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(cli_text_duration(rows[i].ms, text), rows[i].text);
	}
}

static void
durations_are_read_with_their_unit_only(void **state)
{
	static const char *const wrong[] = {
	        "", "5", "s", "-1s", "1.5s", "1 s", "1d", "1sx", "9999999999s"};
	uint64_t ms = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(cli_text_parse_duration(wrong[i], &ms), -1);
	}
	assert_int_equal(ms, 7);
	assert_int_equal(cli_text_parse_duration("250ms", &ms), 0);
	assert_int_equal(ms, 250);
	assert_int_equal(cli_text_parse_duration("2m", &ms), 0);
	assert_int_equal(ms, 120000);
}

static void
a_time_is_rfc_3339_in_utc_with_milliseconds(void **state)
{
	char text[CLI_TIME_TEXT];

	(void)state;
	assert_string_equal(
	        cli_text_time(UINT64_C(951782399999999999), text), "2000-02-28T23:59:59.999Z");
	assert_string_equal(cli_text_time(0, text), "1970-01-01T00:00:00.000Z");
}

static void
what_would_steer_a_terminal_is_shown_as_question_marks(void **state)
{
	char copy[64];

	(void)state;
	assert_int_equal(cli_text_printable("a\033[2Jb\n\x7f", copy, sizeof(copy)), 8);
	assert_string_equal(copy, "a?[2Jb??");
	/* A control character beyond ASCII, and bytes that are no UTF-8. */
	assert_int_equal(cli_text_printable("x\xc2\x9by\xff\xc3", copy, sizeof(copy)), 5);
	assert_string_equal(copy, "x?y??");
	assert_int_equal(cli_text_printable("\xe5\x8c\x97\xe4\xba\xac", copy, sizeof(copy)), 4);
	assert_string_equal(copy, "\xe5\x8c\x97\xe4\xba\xac");
}

static void
a_text_that_does_not_fit_is_cut_between_characters(void **state)
{
	char copy[MB_LEN_MAX + 4];

	(void)state;
	assert_int_equal(cli_text_printable("\xe5\x8c\x97\xe4\xba\xac!", copy, sizeof(copy)), 4);
	assert_string_equal(copy, "\xe5\x8c\x97\xe4\xba\xac");
}

static void
a_text_is_cut_at_a_column(void **state)
{
	char text[] = "a\xe5\x8c\x97z";

	(void)state;
	assert_int_equal(cli_text_cut(text, 4), 4);
	assert_string_equal(text, "a\xe5\x8c\x97z");
	assert_int_equal(cli_text_cut(text, 2), 1);
	assert_string_equal(text, "a");
	assert_int_equal(cli_text_cut(text, 0), 0);
	assert_string_equal(text, "");
}

/* What print writes to standard output. */
static void
printed(void (*print)(const struct cli_table *), const struct cli_table *table, char *text,
        size_t len)
{
	FILE *file = tmpfile();
	int output = dup(STDOUT_FILENO);
	size_t n;

	fflush(stdout);
	assert_true(file != NULL && dup2(fileno(file), STDOUT_FILENO) == STDOUT_FILENO);
	print(table);
	fflush(stdout);
	dup2(output, STDOUT_FILENO);
	close(output);
	rewind(file);
	n = fread(text, 1, len - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void
print_all(const struct cli_table *table)
{
	cli_table_print(table, false, NULL);
}

/* The head, and a line about the rows that have no room. */
static void
print_low(const struct cli_table *table)
{
	static const struct cli_screen low = {.rows = 2};

	cli_table_print(table, false, &low);
}

static void
print_narrow(const struct cli_table *table)
{
	static const struct cli_screen narrow = {.rows = 9, .columns = 11};

	cli_table_print(table, false, &narrow);
}

static void
print_colours(const struct cli_table *table)
{
	cli_table_print(table, true, NULL);
}

static struct cli_table *
table_of(const char *const *cells, size_t n)
{
	static const char *const headers[] = {"NAME", "B"};
	struct cli_table *table = cli_table_new(headers, 2);
	size_t i;

	for (i = 0; i < n; i++) {
		cli_table_add(table, cells[i], i == 0 ? CLI_RED : CLI_PLAIN);
	}
	return table;
}

static void
columns_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const cells[] = {"\xe5\x8c\x97\xe4\xba\xac\xe5\x8c\x97", "1", "x", "22"};
	struct cli_table *table = table_of(cells, 4);
	char text[256];

	(void)state;
	printed(print_all, table, text, sizeof(text));
	assert_string_equal(
	        text, "NAME    B\n\xe5\x8c\x97\xe4\xba\xac\xe5\x8c\x97  1\nx       22\n");
	printed(print_low, table, text, sizeof(text));
	assert_string_equal(text, "NAME    B\033[K\nand 2 more\033[K\n");
	/* The first column gets half of the screen; a character of two columns is not cut in two.
	 */
	printed(print_narrow, table, text, sizeof(text));
	assert_string_equal(text, "NAME   B\033[K\n\xe5\x8c\x97\xe4\xba\xac   1\033[K\nx      "
	                          "22\033[K\n");
	printed(print_colours, table, text, sizeof(text));
	assert_non_null(strstr(text, "\033[31m\xe5\x8c\x97\xe4\xba\xac\xe5\x8c\x97\033[0m  1\n"));
	cli_table_free(table);
}

static void
csv_fields_are_quoted_where_they_must_be_and_steer_no_terminal(void **state)
{
	static const char *const cells[] = {
	        "a,b", "say \"hi\"", "line\nend", "", "plain", "\033\x7f\xc2\x85\xc2\x9b"};
	struct cli_table *table = table_of(cells, 6);
	char text[256];

	(void)state;
	printed(cli_table_print_csv, table, text, sizeof(text));
	assert_string_equal(text, "NAME,B\n\"a,b\",\"say \"\"hi\"\"\"\nline?end,\nplain,????\n");
	cli_table_free(table);
}

static void
events_are_read_whatever_the_pieces_they_come_in(void **state)
{
	static const char stream[] =
	        ": hello\n\nevent: join\ndata: {\"a\":1}\nid: 7\n\n"
	        "data:no space\ndata: second\n\nevent: lagged\ndata: {\"n\":3}\n\n";
	static const struct {
		const char *kind, *data;
	} wanted[] = {
	        {":", ""}, {"join", "{\"a\":1}"}, {"message", "no space"}, {"lagged", "{\"n\":3}"}};
	size_t piece, at, n;

	(void)state;
	for (piece = 1; piece < sizeof(stream); piece++) {
		struct cli_sse sse = {0};
		struct cli_sse_event event;

		for (at = n = 0; at < sizeof(stream) - 1; at += piece) {
			size_t len = sizeof(stream) - 1 - at;

			assert_true(cli_sse_feed(&sse, stream + at, len < piece ? len : piece));
			while (cli_sse_next(&sse, &event)) {
				assert_true(n < 4);
				assert_string_equal(event.kind, wanted[n].kind);
				assert_string_equal(event.data, wanted[n].data);
				n++;
			}
		}
		assert_int_equal(n, 4);
		cli_sse_free(&sse);
	}
}

static void
an_event_without_end_is_refused_at_the_bound(void **state)
{
	static char megabyte[1 << 20];
	struct cli_sse sse = {0};
	struct cli_sse_event event;
	size_t fed = 0;

	(void)state;
	memset(megabyte, 'x', sizeof(megabyte));
	while (cli_sse_feed(&sse, megabyte, sizeof(megabyte))) {
		fed += sizeof(megabyte);
		assert_true(fed <= CLI_SSE_MAX);
	}
	assert_int_equal(fed, CLI_SSE_MAX);
	assert_false(cli_sse_next(&sse, &event));
	cli_sse_free(&sse);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(durations_are_short_at_every_size),
	        cmocka_unit_test(durations_are_read_with_their_unit_only),
	        cmocka_unit_test(a_time_is_rfc_3339_in_utc_with_milliseconds),
	        cmocka_unit_test(what_would_steer_a_terminal_is_shown_as_question_marks),
	        cmocka_unit_test(a_text_that_does_not_fit_is_cut_between_characters),
	        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
	        cmocka_unit_test(csv_fields_are_quoted_where_they_must_be_and_steer_no_terminal),
	        cmocka_unit_test(a_text_is_cut_at_a_column),
	        cmocka_unit_test(events_are_read_whatever_the_pieces_they_come_in),
	        cmocka_unit_test(an_event_without_end_is_refused_at_the_bound),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
