/* SPDX-License-Identifier: MIT */
/* Which form a seed has is decided by how it begins. A host that looks like a number must be one: a
 * name server would be asked for ever and know nothing.
 *
 * Whose SRV records are meant (RFC 2782): a name that begins with an underscore is taken as it is,
 * for records that somebody else named, as Kubernetes and Consul do; before any other one stands
 * the service and its protocol. */
#include "cluster/join/seed.h"

#include "base/addr.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FORMS                                                                                      \
	"allowed are ip:port, [v6]:port, host:port, host, srv+name, http://host:port/path, "       \
	"https://host:port/path and srv+https://name/path"

#define NO_PORT     "port 0 cannot be dialled; allowed are 1 to 65535"
#define NO_USER     "a user and a password are not allowed in it; a token is for that"
#define NOT_DIALLED "a wildcard, broadcast or multicast address cannot be dialled"

struct prefix {
	const char *text;
	enum shoal_seed_form form;
	bool tls;
	const char *service; /* before the name */
};

/* The longer ones first. */
static const struct prefix prefixes[] = {
        {"srv+https://", SHOAL_SEED_SERVICE_URL, true, "_shoal-https._tcp."},
        {"srv+http://", SHOAL_SEED_SERVICE_URL, false, "_shoal-http._tcp."},
        {"srv+", SHOAL_SEED_SERVICE, false, "_shoal._tcp."},
        {"https://", SHOAL_SEED_URL, true, ""},
        {"http://", SHOAL_SEED_URL, false, ""},
};

bool
shoal_seed_can_be_dialled(const struct shoal_addr *addr)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (shoal_addr_is_wildcard(addr)) {
		return false;
	}
	if (shoal_addr_is_ipv4(addr)) {
		return (addr->ip[12] & 0xf0) != 0xe0 &&
		       memcmp(addr->ip + 12, broadcast, sizeof(broadcast)) != 0;
	}
	return addr->ip[0] != 0xff;
}

/* What else a name may not be, who looks it up knows. */
static const char *
fault_of_name(const char *name)
{
	for (const char *at = name; *at != '\0'; at++) {
		if (*at <= ' ' || *at >= 0x7f || strchr("/[]:%@?#\\\"", *at) != NULL) {
			return "a character is not allowed in a host name (one of other letters is "
			       "written as xn--...); " FORMS;
		}
	}
	return strlen(name) > SHOAL_HOST_MAX ? "a host name has at most 253 characters; " FORMS
	                                     : NULL;
}

bool
shoal_seed_is_host(const char *text)
{
	struct shoal_addr addr;

	return *text != '\0' &&
	       (fault_of_name(text) == NULL || shoal_address_numeric(&addr, text, 1) == 0);
}

static const char *
read_host(struct shoal_seed *seed, const char *text)
{
	struct shoal_address_parts parts;
	const char *percent;

	if (strstr(text, "://") != NULL) {
		return "the scheme is not known; " FORMS;
	}
	if (shoal_address_split(&parts, text) != 0) {
		return FORMS;
	}
	if (parts.has_port && parts.port == 0) {
		return NO_PORT;
	}
	seed->form = SHOAL_SEED_ADDRESS;
	seed->has_port = parts.has_port;
	seed->port = parts.port;
	if (shoal_address_numeric(&seed->addr, parts.host, parts.port) == 0) {
		return shoal_seed_can_be_dialled(&seed->addr) ? NULL : NOT_DIALLED;
	}
	percent = strchr(parts.host, '%');
	if (percent != NULL && strncasecmp(parts.host, "fe80:", 5) == 0) {
		return "there is no such interface here; the scope behind % is the name or the "
		       "number of one";
	}
	if (strpbrk(parts.host, ":%") != NULL ||
	        strspn(parts.host, "0123456789.") == strlen(parts.host)) {
		return "the address is not valid; " FORMS;
	}
	seed->form = SHOAL_SEED_HOST;
	memcpy(seed->host, parts.host, sizeof(seed->host));
	return fault_of_name(seed->host);
}

static const char *
read_service(struct shoal_seed *seed, const char *name, const char *service)
{
	const char *path = seed->form == SHOAL_SEED_SERVICE_URL ? strchr(name, '/') : NULL;
	size_t len = path != NULL ? (size_t)(path - name) : strlen(name), before;
	struct shoal_addr addr;
	struct shoal_url url;

	if (len == 0) {
		return "a name is missing; " FORMS;
	}
	if (memchr(name, '@', len) != NULL) {
		return NO_USER;
	}
	if (memchr(name, ':', len) != NULL) {
		return "SRV records have their ports: none may stand behind the name; " FORMS;
	}
	before = name[0] == '_' ? 0 : strlen(service);
	if (before + len >= sizeof(seed->host)) {
		return "a host name has at most 253 characters; " FORMS;
	}
	memcpy(seed->host, service, before);
	memcpy(seed->host + before, name, len);
	seed->host[before + len] = '\0';
	if (shoal_address_numeric(&addr, seed->host + before, 1) == 0) {
		return "SRV records are those of a name, not of an address; " FORMS;
	}
	if (path == NULL) {
		return fault_of_name(seed->host);
	}
	if (strlen(path) > SHOAL_URL_MAX) {
		return "a URL has at most 200 characters";
	}
	memcpy(seed->path, path, strlen(path) + 1);
	return shoal_seed_url(seed, &(struct shoal_service){.host = "a", .port = 1}, &url) == 0
	               ? fault_of_name(seed->host)
	               : "the path is not one of a URL; " FORMS;
}

static const char *
read_prefixed(struct shoal_seed *seed, const struct prefix *prefix, const char *text)
{
	const char *fault = NULL;

	seed->form = prefix->form;
	seed->tls = prefix->tls;
	if (prefix->form != SHOAL_SEED_URL) {
		return read_service(seed, text + strlen(prefix->text), prefix->service);
	}
	if (shoal_url_parse(&seed->url, text, strlen(text), &fault) != 0) {
		return fault;
	}
	if (shoal_url_is_wildcard(&seed->url)) {
		return NOT_DIALLED;
	}
	return seed->url.port == 0 ? NO_PORT : NULL;
}

int
shoal_seed_parse(struct shoal_seed *seed, const char *text, char *why, size_t len)
{
	const char *fault = NULL;
	bool known = false;

	memset(seed, 0, sizeof(*seed));
	for (size_t i = 0; !known && i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		known = strncasecmp(text, prefixes[i].text, strlen(prefixes[i].text)) == 0;
		if (known) {
			fault = read_prefixed(seed, &prefixes[i], text);
		}
	}
	if (!known) {
		fault = read_host(seed, text);
	}
	if (fault == NULL) {
		return 0;
	}
	snprintf(why, len, "seed \"%.100s\": %s", text, fault);
	return SHOAL_ERR_INVALID;
}

int
shoal_seed_url(
        const struct shoal_seed *seed, const struct shoal_service *service, struct shoal_url *url)
{
	char text[SHOAL_HOST_MAX + SHOAL_URL_MAX + 32];
	size_t len = strlen(service->host);
	bool v6 = strchr(service->host, ':') != NULL;

	/* The dot at the end of a full name is in no certificate. */
	len -= len > 1 && service->host[len - 1] == '.';
	snprintf(text, sizeof(text), "%s://%s%.*s%s:%u%s", seed->tls ? "https" : "http",
	        v6 ? "[" : "", (int)len, service->host, v6 ? "]" : "", service->port, seed->path);
	return shoal_url_parse(url, text, strlen(text), NULL);
}
