/* SPDX-License-Identifier: MIT */
/* Text in a fixed buffer: strings, numbers, ids, addresses, durations. Invariant: with cap above 0,
 * data[len] is 0 and len is below cap. The first append that does not fit is cut, at a whole UTF-8
 * character, and ends the text: a later and shorter one would only hide what is missing. Linear in
 * what is appended. */
#include "base/text.h"

#include <string.h>

void
shoal_text_init(struct shoal_text *text, char *data, size_t cap)
{
	text->data = data;
	text->len = 0;
	text->cap = cap;
	text->cut = false;
	if (cap > 0) {
		data[0] = 0;
	}
}

static void
append(struct shoal_text *text, const char *str, size_t len)
{
	size_t room = text->cap > 0 ? text->cap - 1 - text->len : 0;

	if (text->cut || len == 0) {
		return;
	}
	if (len > room) {
		text->cut = true;
		len = room;
		while (len > 0 && ((uint8_t)str[len] & 0xc0) == 0x80) {
			len--;
		}
		if (text->cap == 0) {
			return;
		}
	}
	memcpy(text->data + text->len, str, len);
	text->len += len;
	text->data[text->len] = 0;
}

void
shoal_text_str(struct shoal_text *text, const char *str)
{
	append(text, str, strlen(str));
}

/* Bytes of the control character at str, 0 where it is none. C1 controls are two bytes in UTF-8. */
static size_t
control_len(const uint8_t *str, size_t len)
{
	if (str[0] < 0x20 || str[0] == 0x7f) {
		return 1;
	}
	return str[0] == 0xc2 && len > 1 && str[1] >= 0x80 && str[1] < 0xa0 ? 2 : 0;
}

void
shoal_text_strn(struct shoal_text *text, const char *str, size_t len)
{
	const char *end;
	size_t start = 0, i = 0;

	if (len == 0) {
		return;
	}
	end = memchr(str, 0, len);
	if (end != NULL) {
		len = (size_t)(end - str);
	}
	while (i < len) {
		size_t control = control_len((const uint8_t *)str + i, len - i);

		if (control == 0) {
			i++;
			continue;
		}
		append(text, str + start, i - start);
		append(text, "??", control);
		i += control;
		start = i;
	}
	append(text, str + start, len - start);
}

void
shoal_text_char(struct shoal_text *text, char c)
{
	append(text, &c, 1);
}

void
shoal_text_u64(struct shoal_text *text, uint64_t value)
{
	char digit[20];
	size_t at = sizeof(digit);

	do {
		digit[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	append(text, digit + at, sizeof(digit) - at);
}

void
shoal_text_hex(struct shoal_text *text, uint64_t value, unsigned digits)
{
	char digit[16];
	size_t at = sizeof(digit);

	for (; digits > sizeof(digit); digits--) {
		append(text, "0", 1);
	}
	do {
		digit[--at] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value > 0 || sizeof(digit) - at < digits);
	append(text, digit + at, sizeof(digit) - at);
}

void
shoal_text_id(struct shoal_text *text, const struct shoal_id *id)
{
	size_t i;

	for (i = 0; i < sizeof(id->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			append(text, "-", 1);
		}
		shoal_text_hex(text, id->bytes[i], 2);
	}
}

static void
append_ipv4(struct shoal_text *text, const uint8_t ip[4])
{
	size_t i;

	for (i = 0; i < 4; i++) {
		if (i > 0) {
			append(text, ".", 1);
		}
		shoal_text_u64(text, ip[i]);
	}
}

/* RFC 5952: lower case, no leading zeros, the first of the longest runs of two or more zero groups
 * as "::". */
static void
append_ipv6(struct shoal_text *text, const uint8_t ip[16])
{
	uint16_t group[8];
	size_t zeros_at = 8, zeros = 1, i, run;

	for (i = 0; i < 8; i++) {
		group[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
	}
	for (i = 0; i < 8; i += run + 1) {
		for (run = 0; i + run < 8 && group[i + run] == 0; run++) {
			;
		}
		if (run > zeros) {
			zeros = run;
			zeros_at = i;
		}
	}
	for (i = 0; i < 8; i++) {
		if (i == zeros_at) {
			append(text, "::", 2);
			i += zeros - 1;
			continue;
		}
		if (i > 0 && i != zeros_at + zeros) {
			append(text, ":", 1);
		}
		shoal_text_hex(text, group[i], 1);
	}
}

void
shoal_text_addr(struct shoal_text *text, const struct shoal_addr *addr)
{
	if (shoal_addr_is_ipv4(addr)) {
		append_ipv4(text, addr->ip + 12);
	} else {
		append(text, "[", 1);
		append_ipv6(text, addr->ip);
		if (addr->scope != 0) {
			append(text, "%", 1);
			shoal_text_u64(text, addr->scope);
		}
		append(text, "]", 1);
	}
	append(text, ":", 1);
	shoal_text_u64(text, addr->port);
}

static uint64_t
rounded(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit >= unit - unit / 2 ? 1 : 0);
}

void
shoal_text_duration(struct shoal_text *text, uint64_t ns)
{
	/* below: where the next unit takes over; fine: one decimal below 10. */
	static const struct {
		uint64_t unit, below;
		bool fine;
		const char *name;
	} scale[] = {
	        {1, 1000, false, " ns"},
	        {SHOAL_US(1), 1000, true, " us"},
	        {SHOAL_MS(1), 1000, true, " ms"},
	        {SHOAL_SEC(1), 120, true, " s"},
	        {SHOAL_SEC(60), 120, false, " min"},
	        {SHOAL_SEC(3600), 48, false, " h"},
	        {SHOAL_SEC(86400), UINT64_MAX, false, " d"},
	};
	size_t i = 0;

	while (rounded(ns, scale[i].unit) >= scale[i].below) {
		i++;
	}
	if (scale[i].fine && rounded(ns, scale[i].unit / 10) < 100) {
		uint64_t tenths = rounded(ns, scale[i].unit / 10);

		shoal_text_u64(text, tenths / 10);
		append(text, ".", 1);
		shoal_text_u64(text, tenths % 10);
	} else {
		shoal_text_u64(text, rounded(ns, scale[i].unit));
	}
	shoal_text_str(text, scale[i].name);
}

bool
shoal_text_parse_u64(const char *str, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;

	if (*str == 0) {
		return false;
	}
	for (; *str != 0; str++) {
		uint64_t digit;

		if (*str < '0' || *str > '9') {
			return false;
		}
		digit = (uint64_t)(*str - '0');
		if (digit > max || sum > (max - digit) / 10) {
			return false;
		}
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
}

/* Bytes of the character at data, 0 where it is none (Unicode 15, table 3-7). */
static size_t
utf8_len(const uint8_t *data, size_t len)
{
	uint8_t first = data[0], low = 0x80, high = 0xbf;
	size_t need, i;

	if (first < 0x80) {
		return first != 0 ? 1 : 0;
	}
	if (first < 0xc2 || first > 0xf4) {
		return 0;
	}
	need = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (first == 0xe0) {
		low = 0xa0;
	} else if (first == 0xed) {
		high = 0x9f;
	} else if (first == 0xf0) {
		low = 0x90;
	} else if (first == 0xf4) {
		high = 0x8f;
	}
	if (len < need || data[1] < low || data[1] > high) {
		return 0;
	}
	for (i = 2; i < need; i++) {
		if ((data[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return need;
}

bool
shoal_text_is_utf8(const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t n = utf8_len(data, len);

		if (n == 0) {
			return false;
		}
		data += n;
		len -= n;
	}
	return true;
}

bool
shoal_text_is_name(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool c1 = data[i] == 0xc2 && i + 1 < len && data[i + 1] < 0xa0;
		if (data[i] < 0x20 || data[i] == 0x7f || c1) {
			return false;
		}
	}
	return shoal_text_is_utf8(data, len);
}
