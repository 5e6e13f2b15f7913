/* SPDX-License-Identifier: MIT */
/* Addresses between their written form and struct shoal_addr, and the one question that needs the
 * machine: which address does a wildcard stand for?
 *
 * Members tell each other where they are reached, and nobody is reached at 0.0.0.0. The kernel
 * answers: a datagram socket that is connected to an address behind the default route has chosen
 * its source, and connecting sends nothing. The destinations are those set aside for documentation
 * (RFC 5737, RFC 3849). Without a default route the first interface that is up and no loopback
 * answers; without that nobody does, and the user has to. Nothing here is on a hot path. */
#include "cluster/join/address.h"

#include "base/addr.h"
#include "base/text.h"
#include "transports/socket.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static int
parse_port(uint16_t *port, const char *text)
{
	uint64_t value;

	if (!shoal_text_parse_u64(text, UINT16_MAX, &value)) {
		return SHOAL_ERR_INVALID;
	}
	*port = (uint16_t)value;
	return 0;
}

int
shoal_address_split(struct shoal_address_parts *parts, const char *text)
{
	const char *host = text, *end = text + strlen(text), *port = NULL;
	const char *colon = strrchr(text, ':');

	memset(parts, 0, sizeof(*parts));
	if (*text == '[') {
		const char *close = strchr(text, ']');

		if (close == NULL || (close[1] != '\0' && close[1] != ':')) {
			return SHOAL_ERR_INVALID;
		}
		port = close[1] == ':' ? close + 2 : NULL;
		host = text + 1;
		end = close;
	} else if (colon != NULL && colon == strchr(text, ':')) {
		port = colon + 1;
		end = colon;
	}
	size_t len = (size_t)(end - host);
	if (len == 0 || len >= sizeof(parts->host)) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(parts->host, host, len);
	parts->has_port = port != NULL;
	return port != NULL ? parse_port(&parts->port, port) : 0;
}

static int
parse_scope(uint32_t *scope, const char *text)
{
	uint64_t value;

	if (shoal_text_parse_u64(text, UINT32_MAX, &value) && value != 0) {
		*scope = (uint32_t)value;
		return 0;
	}
	*scope = if_nametoindex(text);
	return *scope != 0 ? 0 : SHOAL_ERR_INVALID;
}

int
shoal_address_numeric(struct shoal_addr *addr, const char *host, uint16_t port)
{
	char plain[INET6_ADDRSTRLEN + 1];
	const char *percent = strchr(host, '%');
	size_t len = percent != NULL ? (size_t)(percent - host) : strlen(host);
	struct shoal_addr found = {.port = port};
	struct in_addr v4;

	if (percent == NULL && inet_pton(AF_INET, host, &v4) == 1) {
		uint8_t ip[4];

		memcpy(ip, &v4, sizeof(ip));
		shoal_addr_from_ipv4(addr, ip, port);
		return 0;
	}
	if (len >= sizeof(plain)) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(plain, host, len);
	plain[len] = '\0';
	if (inet_pton(AF_INET6, plain, found.ip) != 1 || shoal_addr_is_web(&found)) {
		return SHOAL_ERR_INVALID;
	}
	if (percent != NULL && parse_scope(&found.scope, percent + 1) != 0) {
		return SHOAL_ERR_INVALID;
	}
	*addr = found;
	return 0;
}

static int
parse_item(struct shoal_addr *addr, const char *item, bool port_optional)
{
	struct shoal_address_parts parts;

	if (shoal_address_split(&parts, item) != 0) {
		return SHOAL_ERR_INVALID;
	}
	if (!parts.has_port && !port_optional) {
		return SHOAL_ERR_INVALID;
	}
	return shoal_address_numeric(addr, parts.host, parts.port);
}

/* Copies what stands before the next comma, without the spaces around it. Returns what follows,
 * NULL at the end. */
static const char *
next_item(const char *text, char *item, size_t size)
{
	size_t len = strcspn(text, ",");
	const char *after = text[len] == ',' ? text + len + 1 : NULL;

	while (len > 0 && text[len - 1] == ' ') {
		len--;
	}
	while (len > 0 && *text == ' ') {
		text++;
		len--;
	}
	if (len >= size) {
		len = size - 1;
	}
	memcpy(item, text, len);
	item[len] = '\0';
	return after;
}

static bool
is_among(const struct shoal_addr *list, size_t n, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < n; i++) {
		if (shoal_addr_equal(&list[i], addr)) {
			return true;
		}
	}
	return false;
}

bool
shoal_address_is_url(const char *text)
{
	return strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0;
}

static int
add_url(struct shoal_address_list *list, const char *item, char *why, size_t len)
{
	const char *wrong;

	if (list->url.text[0] != '\0') {
		snprintf(
		        why, len, "more than one URL, \"%s\" and \"%.100s\"", list->url.text, item);
		return SHOAL_ERR_INVALID;
	}
	if (shoal_url_parse(&list->url, item, strlen(item), &wrong) != 0) {
		snprintf(why, len, "\"%.100s\": %s", item, wrong);
		return SHOAL_ERR_INVALID;
	}
	return 0;
}

static int
add_address(struct shoal_address_list *list, const char *item, bool port_optional, char *why,
        size_t len)
{
	struct shoal_addr found;
	const char *port = port_optional ? "[:port]" : ":port";

	if (parse_item(&found, item, port_optional) != 0) {
		snprintf(why, len,
		        "\"%s\" is no address; allowed are 1.2.3.4%s, [2001:db8::1]%s and "
		        "http://host:port/path, with a comma between several",
		        item, port, port);
		return SHOAL_ERR_INVALID;
	}
	if (is_among(list->addr, list->count, &found)) {
		snprintf(why, len, "\"%s\" stands there twice", item);
		return SHOAL_ERR_INVALID;
	}
	list->addr[list->count++] = found;
	return 0;
}

int
shoal_address_list(struct shoal_address_list *list, const char *text, bool port_optional, char *why,
        size_t len)
{
	int rc = 0;

	memset(list, 0, sizeof(*list));
	while (rc == 0 && text != NULL) {
		char item[SHOAL_ADDRESS_HOST_MAX + 16];

		text = next_item(text, item, sizeof(item));
		if (list->count + (list->url.text[0] != '\0') == SHOAL_ADDRS_MAX) {
			snprintf(why, len, "more than %d addresses", SHOAL_ADDRS_MAX);
			return SHOAL_ERR_INVALID;
		}
		rc = shoal_address_is_url(item) ? add_url(list, item, why, len)
		                                : add_address(list, item, port_optional, why, len);
	}
	return rc;
}

static int
source_of_route(struct shoal_addr *addr, bool ipv4, uint16_t port)
{
	union shoal_sockaddr there, here;
	struct shoal_addr outside;
	socklen_t len = sizeof(here);
	int rc = SHOAL_ERR_NOT_FOUND;

	if (shoal_addr_parse(&outside, ipv4 ? "192.0.2.1:9" : "[2001:db8::1]:9") != 0) {
		return SHOAL_ERR_NOT_FOUND;
	}
	int fd = socket(ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return SHOAL_ERR_NOT_FOUND;
	}
	socklen_t there_len = shoal_socket_from_addr(&there, &outside);
	if (connect(fd, &there.any, there_len) == 0 && getsockname(fd, &here.any, &len) == 0 &&
	        shoal_socket_to_addr(addr, &here.any)) {
		addr->port = port;
		rc = 0;
	}
	close(fd);
	return rc;
}

static bool
is_link_local(const struct shoal_addr *addr)
{
	return !shoal_addr_is_ipv4(addr) && addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0x80;
}

static int
first_interface(struct shoal_addr *addr, bool ipv4, uint16_t port)
{
	struct ifaddrs *all;
	int rc = SHOAL_ERR_NOT_FOUND;

	if (getifaddrs(&all) != 0) {
		return rc;
	}
	for (struct ifaddrs *one = all; one != NULL && rc != 0; one = one->ifa_next) {
		struct shoal_addr found;

		if (one->ifa_addr == NULL || !(one->ifa_flags & IFF_UP)) {
			continue;
		}
		if (!shoal_socket_to_addr(&found, one->ifa_addr)) {
			continue;
		}
		if (shoal_addr_is_ipv4(&found) != ipv4 || shoal_addr_is_loopback(&found) ||
		        is_link_local(&found)) {
			continue;
		}
		*addr = found;
		addr->port = port;
		rc = 0;
	}
	freeifaddrs(all);
	return rc;
}

int
shoal_address_of_route(struct shoal_addr *addr, const struct shoal_addr *wildcard)
{
	bool ipv4 = shoal_addr_is_ipv4(wildcard);
	struct shoal_addr found;
	int rc = source_of_route(&found, ipv4, wildcard->port);

	if (rc != 0 || shoal_addr_is_wildcard(&found)) {
		rc = first_interface(&found, ipv4, wildcard->port);
	}
	if (rc == 0) {
		*addr = found;
	}
	return rc;
}

bool
shoal_address_is_local(const struct shoal_addr *addr)
{
	struct ifaddrs *all;
	bool local = shoal_addr_is_loopback(addr);

	if (local || getifaddrs(&all) != 0) {
		return local;
	}
	for (struct ifaddrs *one = all; one != NULL && !local; one = one->ifa_next) {
		struct shoal_addr found;

		if (one->ifa_addr == NULL || !shoal_socket_to_addr(&found, one->ifa_addr)) {
			continue;
		}
		local = memcmp(found.ip, addr->ip, sizeof(found.ip)) == 0;
	}
	freeifaddrs(all);
	return local;
}
