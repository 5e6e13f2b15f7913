/* SPDX-License-Identifier: MIT */
/* Times, durations, words and columns; see text.h. The locale's character type is UTF-8 (main.c).
 */
#include "text.h"

#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_SEC UINT64_C(1000000000)

uint64_t
cli_text_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t
cli_text_boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

const char *
cli_text_time(uint64_t wall_ns, char text[CLI_TIME_TEXT])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SEC);
	struct tm tm = {0};
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, CLI_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, CLI_TIME_TEXT - n, ".%03uZ",
	        (unsigned)(wall_ns % NS_PER_SEC / NS_PER_MS));
	return text;
}

const char *
cli_text_clock(uint64_t wall_ns, char text[CLI_TIME_TEXT])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_SEC);
	struct tm tm = {0};
	size_t n;

	localtime_r(&seconds, &tm);
	n = strftime(text, CLI_TIME_TEXT, "%H:%M:%S", &tm);
	snprintf(
	        text + n, CLI_TIME_TEXT - n, ".%03u", (unsigned)(wall_ns % NS_PER_SEC / NS_PER_MS));
	return text;
}

const char *
cli_text_duration(uint64_t ms, char text[CLI_DURATION_TEXT])
{
	unsigned long long s = ms / 1000;

	if (ms < 1000) {
		snprintf(text, CLI_DURATION_TEXT, "%llums", (unsigned long long)ms);
	} else if (s < 60) {
		snprintf(text, CLI_DURATION_TEXT, "%llu.%llus", s,
		        (unsigned long long)ms % 1000 / 100);
	} else if (s < 3600) {
		snprintf(text, CLI_DURATION_TEXT, "%llum%02llus", s / 60, s % 60);
	} else if (s < 86400) {
		snprintf(text, CLI_DURATION_TEXT, "%lluh%02llum", s / 3600, s % 3600 / 60);
	} else {
		snprintf(text, CLI_DURATION_TEXT, "%llud%02lluh", s / 86400, s % 86400 / 3600);
	}
	return text;
}

int
cli_text_parse_duration(const char *text, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	size_t digits = strspn(text, "0123456789"), i;
	uint64_t n;

	if (digits == 0 || digits > 9) {
		return -1;
	}
	n = strtoull(text, NULL, 10);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text + digits, units[i].unit) == 0) {
			*ms = n * units[i].ms;
			return 0;
		}
	}
	return -1;
}

int
cli_text_print(const char *text, uint64_t *print)
{
	if (strlen(text) != 16 || strspn(text, "0123456789abcdefABCDEF") != 16) {
		return -1;
	}
	*print = strtoull(text, NULL, 16);
	return 0;
}

int
cli_text_bool(const char *text)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			return (int)(i % 2);
		}
	}
	return -1;
}

size_t
cli_text_printable(const char *text, char *copy, size_t len)
{
	size_t columns = 0, out = 0;
	mbstate_t state = {0};

	while (*text != '\0' && out + MB_LEN_MAX < len) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, MB_LEN_MAX, &state);
		int width = n == (size_t)-1 || n == (size_t)-2 ? -1 : wcwidth(c);

		if (width < 0 || !iswprint((wint_t)c)) {
			copy[out++] = '?';
			columns++;
			text += n == (size_t)-1 || n == (size_t)-2 ? 1 : n;
			memset(&state, 0, sizeof(state));
			continue;
		}
		memcpy(copy + out, text, n);
		out += n;
		text += n;
		columns += (size_t)width;
	}
	copy[out] = '\0';
	return columns;
}

size_t
cli_text_cut(char *text, size_t columns)
{
	mbstate_t state = {0};
	size_t taken = 0, n;
	wchar_t c;

	while (*text != '\0') {
		n = mbrtowc(&c, text, MB_LEN_MAX, &state);
		if (n > MB_LEN_MAX || taken + (size_t)wcwidth(c) > columns) {
			*text = '\0';
			break;
		}
		taken += (size_t)wcwidth(c);
		text += n;
	}
	return taken;
}

char *
cli_text_safe(const char *text)
{
	size_t len = strlen(text) + MB_LEN_MAX + 1;
	char *copy = cli_alloc(len, 1);

	cli_text_printable(text, copy, len);
	return copy;
}
