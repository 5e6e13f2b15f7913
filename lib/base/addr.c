/* SPDX-License-Identifier: MIT */
/* Addresses: reading, comparing, classes. Printing is text.c's.
 *
 * The reader is strict, because what it reads is compared byte for byte later: numbers without
 * leading zeros (some readers take them for octal), a scope on link-local addresses only, nothing
 * before or after. An IPv4 address that is written in its mapped form is the same address. A parse
 * function takes the text's position and moves it past what it read; false: it is not there. */
#include "base/addr.h"

#include "base/text.h"
#include <shoal/error.h>

#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool
parse_number(const char **at, uint64_t max, uint64_t *value)
{
	const char *start = *at, *end = start;
	uint64_t sum = 0;

	for (; *end >= '0' && *end <= '9'; end++) {
		sum = sum * 10 + (uint64_t)(*end - '0');
		if (sum > max) {
			return false;
		}
	}
	if (end == start || (*start == '0' && end > start + 1)) {
		return false;
	}
	*at = end;
	*value = sum;
	return true;
}

static bool
parse_char(const char **at, char c)
{
	if (**at != c) {
		return false;
	}
	(*at)++;
	return true;
}

static bool
parse_ipv4(const char **at, uint8_t ip[4])
{
	size_t i;

	for (i = 0; i < 4; i++) {
		uint64_t part;

		if ((i > 0 && !parse_char(at, '.')) || !parse_number(at, 255, &part)) {
			return false;
		}
		ip[i] = (uint8_t)part;
	}
	return true;
}

/* 1 to 4 hexadecimal digits. */
static bool
parse_group(const char **at, uint8_t group[2])
{
	unsigned value = 0, digits;

	for (digits = 0;; digits++, (*at)++) {
		char c = **at;

		if (c >= '0' && c <= '9') {
			value = value << 4 | (unsigned)(c - '0');
		} else if (c >= 'a' && c <= 'f') {
			value = value << 4 | (unsigned)(c - 'a' + 10);
		} else if (c >= 'A' && c <= 'F') {
			value = value << 4 | (unsigned)(c - 'A' + 10);
		} else {
			break;
		}
		if (digits == 4) {
			return false;
		}
	}
	group[0] = (uint8_t)(value >> 8);
	group[1] = (uint8_t)value;
	return digits > 0;
}

/* Groups up to the "::" or the end, the last two perhaps in IPv4 form. Returns the bytes read; 17:
 * malformed. */
static size_t
parse_groups(const char **at, uint8_t *ip, size_t room)
{
	size_t len = 0;

	for (;;) {
		const char *start = *at;

		if (len + 2 > room || !parse_group(at, ip + len)) {
			return 17;
		}
		if (**at == '.') {
			*at = start;
			if (len + 4 > room || !parse_ipv4(at, ip + len) || **at == ':') {
				return 17;
			}
			return len + 4;
		}
		len += 2;
		if (**at != ':' || (*at)[1] == ':') {
			return len;
		}
		(*at)++;
	}
}

static bool
parse_ipv6(const char **at, uint8_t ip[16])
{
	uint8_t back[16];
	size_t front_len = 0, back_len = 0;

	memset(ip, 0, 16);
	if (**at != ':') {
		front_len = parse_groups(at, ip, 16);
		if (front_len == 16) {
			return true;
		}
	}
	if (front_len > 14 || !parse_char(at, ':') || !parse_char(at, ':')) {
		return false;
	}
	if (**at != ']' && **at != '%') {
		/* "::" stands for one group at least. */
		back_len = parse_groups(at, back, 14 - front_len);
		if (back_len > 14) {
			return false;
		}
		memcpy(ip + 16 - back_len, back, back_len);
	}
	return true;
}

static bool
is_link_local(const struct shoal_addr *addr)
{
	return addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0x80;
}

static bool
parse_bracketed(const char **at, struct shoal_addr *addr)
{
	uint64_t scope = 0;

	if (!parse_ipv6(at, addr->ip)) {
		return false;
	}
	if (parse_char(at, '%') &&
	        (!is_link_local(addr) || !parse_number(at, UINT32_MAX, &scope) || scope == 0)) {
		return false;
	}
	addr->scope = (uint32_t)scope;
	return parse_char(at, ']');
}

int
shoal_addr_parse(struct shoal_addr *addr, const char *text)
{
	struct shoal_addr parsed = {.port = 0};
	uint64_t port;

	if (parse_char(&text, '[')) {
		if (!parse_bracketed(&text, &parsed)) {
			return SHOAL_ERR_INVALID;
		}
	} else {
		memcpy(parsed.ip, mapped, sizeof(mapped));
		if (!parse_ipv4(&text, parsed.ip + 12)) {
			return SHOAL_ERR_INVALID;
		}
	}
	if (!parse_char(&text, ':') || !parse_number(&text, UINT16_MAX, &port) || *text != 0) {
		return SHOAL_ERR_INVALID;
	}
	parsed.port = (uint16_t)port;
	*addr = parsed;
	return 0;
}

const char *
shoal_addr_print(const struct shoal_addr *addr, char *text, size_t len)
{
	struct shoal_text out;

	shoal_text_init(&out, text, len);
	shoal_text_addr(&out, addr);
	return text;
}

void
shoal_addr_from_ipv4(struct shoal_addr *addr, const uint8_t ip[4], uint16_t port)
{
	*addr = (struct shoal_addr){.port = port};
	memcpy(addr->ip, mapped, sizeof(mapped));
	memcpy(addr->ip + 12, ip, 4);
}

bool
shoal_addr_is_ipv4(const struct shoal_addr *addr)
{
	return memcmp(addr->ip, mapped, sizeof(mapped)) == 0;
}

bool
shoal_addr_is_zero(const struct shoal_addr *addr)
{
	static const struct shoal_addr zero;

	return shoal_addr_equal(addr, &zero);
}

bool
shoal_addr_same_host(const struct shoal_addr *a, const struct shoal_addr *b)
{
	return a->scope == b->scope && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool
shoal_addr_equal(const struct shoal_addr *a, const struct shoal_addr *b)
{
	return a->port == b->port && shoal_addr_same_host(a, b);
}

bool
shoal_addr_is_wildcard(const struct shoal_addr *addr)
{
	static const uint8_t zero[16];
	size_t from = shoal_addr_is_ipv4(addr) ? 12 : 0;

	return memcmp(addr->ip + from, zero, sizeof(zero) - from) == 0;
}

bool
shoal_addr_is_loopback(const struct shoal_addr *addr)
{
	static const uint8_t one[16] = {[15] = 1};

	if (shoal_addr_is_ipv4(addr)) {
		return addr->ip[12] == 127;
	}
	return memcmp(addr->ip, one, sizeof(one)) == 0;
}
