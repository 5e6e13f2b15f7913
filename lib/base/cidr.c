/* SPDX-License-Identifier: MIT */
/* Ranges of addresses. */
#include <shoal/error.h>
#include <shoal/types.h>

#include "base/text.h"

#include <string.h>

#define IPV4_BITS 32
#define IPV6_BITS 128
#define MAPPED    96 /* bits before an IPv4 address */

/* The text up to the slash as shoal_addr_parse wants it. */
static bool
parse_ip(const char *text, size_t len, struct shoal_addr *addr)
{
	char copy[SHOAL_ADDR_TEXT];
	bool ipv6 = memchr(text, ':', len) != NULL;

	if (len + sizeof("[]:1") > sizeof(copy) || memchr(text, '%', len) != NULL ||
	        memchr(text, '[', len) != NULL || memchr(text, ']', len) != NULL) {
		return false;
	}
	copy[0] = '[';
	memcpy(copy + 1, text, len);
	memcpy(copy + 1 + len, ipv6 ? "]:1" : ":1", ipv6 ? 4 : 3);
	return (ipv6 || memchr(text, '.', len) != NULL) &&
	       shoal_addr_parse(addr, ipv6 ? copy : copy + 1) == SHOAL_OK;
}

/* The bits of one byte of the range that count. */
static uint8_t
mask_of(unsigned bits, size_t byte)
{
	unsigned before = 8 * (unsigned)byte;

	if (bits >= before + 8) {
		return 0xff;
	}
	return (uint8_t)(bits <= before ? 0u : 0xff00u >> (bits - before));
}

int
shoal_cidr_parse(struct shoal_cidr *cidr, const char *text)
{
	size_t len = strcspn(text, "/");
	struct shoal_addr addr;
	struct shoal_cidr parsed;
	uint64_t most, bits;

	if (!parse_ip(text, len, &addr)) {
		return SHOAL_ERR_INVALID;
	}
	most = memchr(text, ':', len) != NULL ? IPV6_BITS : IPV4_BITS;
	bits = most;
	if (text[len] == '/' && !shoal_text_parse_u64(text + len + 1, most, &bits)) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(parsed.ip, addr.ip, sizeof(parsed.ip));
	parsed.bits = (uint8_t)(most == IPV4_BITS ? MAPPED + bits : bits);
	for (size_t i = 0; i < sizeof(parsed.ip); i++) {
		if ((parsed.ip[i] & ~mask_of(parsed.bits, i) & 0xff) != 0) {
			return SHOAL_ERR_INVALID;
		}
	}
	*cidr = parsed;
	return SHOAL_OK;
}

bool
shoal_cidr_contains(const struct shoal_cidr *cidr, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < sizeof(cidr->ip); i++) {
		if (((cidr->ip[i] ^ addr->ip[i]) & mask_of(cidr->bits, i)) != 0) {
			return false;
		}
	}
	return true;
}
