/* SPDX-License-Identifier: MIT */
/* How names are resolved, in a config. */
#include "cluster/config/names.h"

#include "base/addr.h"
#include "cluster/join/address.h"
#include "cluster/report/last_error.h"

#include <string.h>

#define DNS_PORT 53

static const struct {
	const char *text;
	enum shoal_family family;
} families[] = {
        {"any", SHOAL_FAMILY_ANY},
        {"ipv4-first", SHOAL_FAMILY_IPV4_FIRST},
        {"ipv6-first", SHOAL_FAMILY_IPV6_FIRST},
        {"ipv4", SHOAL_FAMILY_IPV4},
        {"ipv6", SHOAL_FAMILY_IPV6},
};

static int
refuse(const char *text)
{
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "dns: \"%.200s\"; allowed are name servers as ip or ip:port, %d at most, with a "
	        "comma between several",
	        text, SHOAL_ADDRS_MAX);
}

/* One server, without a zero at its end. */
static int
read_server(struct shoal_addr *addr, const char *text, size_t len)
{
	char item[SHOAL_ADDR_TEXT];
	struct shoal_address_parts parts;

	while (len > 0 && *text == ' ') {
		text++;
		len--;
	}
	while (len > 0 && text[len - 1] == ' ') {
		len--;
	}
	if (len >= sizeof(item)) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(item, text, len);
	item[len] = '\0';
	if (shoal_address_split(&parts, item) != 0 || (parts.has_port && parts.port == 0)) {
		return SHOAL_ERR_INVALID;
	}
	if (shoal_address_numeric(addr, parts.host, parts.has_port ? parts.port : DNS_PORT) != 0) {
		return SHOAL_ERR_INVALID;
	}
	/* c-ares takes no scope. */
	return addr->scope != 0 || shoal_addr_is_wildcard(addr) ? SHOAL_ERR_INVALID : 0;
}

static int
read_dns(struct shoal_settings *settings, const char *text)
{
	const char *at = text;

	settings->dns_count = 0;
	while (at != NULL) {
		const char *comma = strchr(at, ',');
		size_t len = comma != NULL ? (size_t)(comma - at) : strlen(at);

		if (settings->dns_count == SHOAL_ADDRS_MAX ||
		        read_server(&settings->dns[settings->dns_count], at, len) != 0) {
			return refuse(text);
		}
		settings->dns_count++;
		at = comma != NULL ? comma + 1 : NULL;
	}
	return 0;
}

static int
read_family(struct shoal_settings *settings, const char *text)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (strcmp(text, families[i].text) == 0) {
			settings->family = families[i].family;
			return 0;
		}
	}
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "family: \"%.100s\"; allowed are any, ipv4-first, ipv6-first, ipv4 and ipv6", text);
}

int
shoal_names_check(struct shoal_settings *settings, const struct shoal_config *config)
{
	int rc = config->dns != NULL ? read_dns(settings, config->dns) : 0;

	if (rc == 0 && config->family != NULL) {
		rc = read_family(settings, config->family);
	}
	return rc;
}
