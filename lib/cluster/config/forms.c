/* SPDX-License-Identifier: MIT */
/* Addresses have two forms, ip:port and a URL, and each has transports of its own: a member can
 * reach those that have an address of a form that it has, too. What is bound decides; `transport`
 * says what is meant, so that a slip in bind is told and not found out by members that do not find
 * each other. */
#include "cluster/config/forms.h"

#include "base/addr.h"
#include "cluster/join/address.h"
#include "cluster/report/last_error.h"

#include <string.h>

static bool
has_url(const struct shoal_settings *settings)
{
	return settings->web.text[0] != '\0';
}

static int
read_bind(struct shoal_settings *settings, const struct shoal_config *config)
{
	struct shoal_address_list list;
	char why[300];

	if (config->bind == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "bind: NULL; allowed are \"ip:port\" and \"http://ip:port/path\", with a "
		        "comma between several");
	}
	if (shoal_address_list(&list, config->bind, false, why, sizeof(why)) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "bind: %s", why);
	}
	memcpy(settings->bind, list.addr, sizeof(settings->bind));
	settings->binds = list.count;
	settings->web = list.url;
	return 0;
}

static int
check_dialled(const struct shoal_config *config, const struct shoal_address_list *list)
{
	bool wildcard = shoal_url_is_wildcard(&list->url);

	for (size_t i = 0; i < list->count; i++) {
		wildcard = wildcard || shoal_addr_is_wildcard(&list->addr[i]);
	}
	if (wildcard) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "advertise: \"%s\"; a wildcard is not allowed: peers cannot dial it",
		        config->advertise);
	}
	if (list->url.text[0] != '\0' && list->url.port == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "advertise: \"%s\"; port 0 is not allowed: peers cannot dial it",
		        list->url.text);
	}
	return 0;
}

static int
read_advertise(struct shoal_settings *settings, const struct shoal_config *config)
{
	struct shoal_address_list list;
	char why[300];

	if (config->advertise == NULL) {
		return 0;
	}
	if (shoal_address_list(&list, config->advertise, true, why, sizeof(why)) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "advertise: %s", why);
	}
	if (list.url.text[0] != '\0' && !has_url(settings)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "advertise: \"%s\" needs a URL in bind, where this member listens for what "
		        "comes by it, as http://127.0.0.1:8001/path",
		        list.url.text);
	}
	if (list.count > 0 && settings->binds == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "advertise: \"%s\" needs ip:port in bind, which names a URL only",
		        config->advertise);
	}
	if ((list.count > 0 ? list.count : settings->binds) + has_url(settings) > SHOAL_ADDRS_MAX) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "advertise: more than %d addresses, with the URL of bind", SHOAL_ADDRS_MAX);
	}
	memcpy(settings->advertise, list.addr, sizeof(settings->advertise));
	settings->advertises = list.count;
	memcpy(settings->web_advertise, list.url.text, sizeof(settings->web_advertise));
	return check_dialled(config, &list);
}

static int
refuse_bind(const struct shoal_config *config, const char *what)
{
	return shoal_last_error_set(SHOAL_ERR_INVALID, "transport: \"%s\" %s; bind is \"%s\"",
	        config->transport, what, config->bind);
}

static int
check_name(const struct shoal_settings *settings, const struct shoal_config *config)
{
	const char *name = config->transport;

	if (name == NULL) {
		return 0;
	}
	if (config->dialer != NULL && strcmp(name, "socket") == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "transport: \"socket\"; a dialer makes streams and no datagrams: allowed "
		        "are tcp and http");
	}
	if (config->transports != NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "transport: \"%s\"; allowed without transports", name);
	}
	if (strcmp(name, "udp") == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "transport: \"udp\" alone cannot join, since joins are exchanges on "
		        "streams; allowed are socket (udp and tcp), tcp and http");
	}
	if (strcmp(name, "http") == 0) {
		return settings->binds == 0
		               ? 0
		               : refuse_bind(config, "needs a URL in bind and nothing else, as "
		                                     "http://127.0.0.1:7946");
	}
	if (strcmp(name, "socket") == 0 || strcmp(name, "tcp") == 0) {
		return !has_url(settings)
		               ? 0
		               : refuse_bind(config, "needs ip:port in bind and no URL; without "
		                                     "transport, bind may name both");
	}
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "transport: \"%s\"; allowed are socket (udp and tcp), tcp and http", name);
}

static bool
is_complete(const struct shoal_transport_ops *ops)
{
	bool complete = ops->name != NULL && ops->start != NULL && ops->address != NULL &&
	                ops->stop != NULL && ops->free != NULL;

	complete = complete && ((ops->caps & SHOAL_TRANSPORT_DATAGRAM) == 0 || ops->send != NULL);
	if (ops->caps & SHOAL_TRANSPORT_STREAM) {
		complete = complete && ops->stream != NULL && ops->request != NULL &&
		           ops->reply != NULL;
	}
	if (ops->caps & SHOAL_TRANSPORT_WATCH) {
		complete = complete && (ops->caps & SHOAL_TRANSPORT_STREAM) != 0 &&
		           ops->fresh != NULL && ops->watch != NULL && ops->unwatch != NULL &&
		           ops->tell != NULL && ops->drop != NULL;
	}
	if (ops->caps & SHOAL_TRANSPORT_WEB) {
		const uint32_t needs = SHOAL_TRANSPORT_DATAGRAM | SHOAL_TRANSPORT_STREAM;

		complete = complete && (ops->caps & needs) == needs && ops->know != NULL &&
		           ops->url != NULL;
	}
	complete = complete && ((ops->caps & SHOAL_TRANSPORT_WAITING) == 0 || ops->waiting != NULL);
	complete = complete && ((ops->caps & SHOAL_TRANSPORT_PEERS) == 0 || ops->peer != NULL);
	return complete && ((ops->caps & SHOAL_TRANSPORT_TOLD) == 0 || ops->told != NULL);
}

/* before: what those before it can. */
static int
check_transport(size_t i, const struct shoal_transport_ops *ops, uint32_t *before)
{
	const uint32_t known =
	        SHOAL_TRANSPORT_DATAGRAM | SHOAL_TRANSPORT_STREAM | SHOAL_TRANSPORT_WATCH;
	uint32_t adds;

	if (ops == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "transports[%zu]: no functions", i);
	}
	if (ops->abi != SHOAL_TRANSPORT_ABI) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "transports[%zu]: abi %u; allowed is %d", i, ops->abi, SHOAL_TRANSPORT_ABI);
	}
	if (!is_complete(ops)) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "transports[%zu]: a required function is NULL", i);
	}
	/* What one can for URLs, it can for nothing else. */
	adds = ops->caps & (ops->caps & SHOAL_TRANSPORT_WEB ? SHOAL_TRANSPORT_WEB : known);
	if ((adds & ~*before) == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "transports[%zu]: \"%s\" can nothing that those before it cannot", i,
		        ops->name);
	}
	*before |= adds;
	return 0;
}

/* Whether those of the application are the ones that bind needs. */
static int
check_kinds(const struct shoal_settings *settings, uint32_t caps)
{
	bool sockets = (caps & ~(uint32_t)SHOAL_TRANSPORT_WEB) != 0;
	bool web = (caps & SHOAL_TRANSPORT_WEB) != 0;

	if ((settings->binds > 0 || sockets) && (caps & SHOAL_TRANSPORT_STREAM) == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "transports: no streams; joins are exchanges on streams");
	}
	if (web != has_url(settings)) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, web ? "transports: one is for URLs, and bind has none"
		                               : "transports: none is for URLs, and bind has one");
	}
	if (sockets && settings->binds == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "transports: one is for ip:port, and bind has a URL only");
	}
	return 0;
}

static int
check_transports(const struct shoal_settings *settings, const struct shoal_config *config)
{
	uint32_t caps = 0;

	if (config->transports == NULL && config->transport_count == 0) {
		return 0;
	}
	if (config->transports == NULL || config->transport_count == 0 ||
	        config->transport_count > SHOAL_TRANSPORTS_MAX) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "transport_count: %zu; allowed are 1 to %d with transports, 0 without",
		        config->transport_count, SHOAL_TRANSPORTS_MAX);
	}
	for (size_t i = 0; i < config->transport_count; i++) {
		int rc = check_transport(i, config->transports[i].ops, &caps);

		if (rc != 0) {
			return rc;
		}
	}
	return check_kinds(settings, caps);
}

/* It goes into a line of a request's head. */
static bool
is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~') {
			return false;
		}
	}
	return len > 0 && len <= SHOAL_TOKEN_MAX;
}

static int
check_token(const struct shoal_settings *settings, const struct shoal_config *config)
{
	const char *token = config->token;

	if (token == NULL || *token == '\0') {
		return 0;
	}
	if (!has_url(settings)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "token: is for members at URLs, and bind has none; without it packets are "
		        "protected by keys");
	}
	size_t len = strcspn(token, " ");
	const char *also = token[len] == ' ' ? token + len + 1 : NULL;

	if (!is_token(token, len) || (also != NULL && !is_token(also, strlen(also)))) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "token: allowed are up to %d visible characters of ASCII, and once more "
		        "as many behind a space",
		        SHOAL_TOKEN_MAX);
	}
	return 0;
}

/* A URL is bound by an address: a name is what others know. An evhttp of the application listens by
 * itself. */
static int
check_listener(const struct shoal_settings *settings, const struct shoal_config *config)
{
	struct shoal_addr addr;

	if (!has_url(settings) || config->transports != NULL ||
	        shoal_address_numeric(&addr, settings->web.host, settings->web.port) == 0) {
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "bind: \"%s\": to listen there, its host must be an address of this machine, "
	        "0.0.0.0 or [::]; advertise is for the URL by which others reach it",
	        settings->web.text);
}

int
shoal_forms_check(struct shoal_settings *settings, const struct shoal_config *config)
{
	int rc = read_bind(settings, config);

	if (rc == 0) {
		rc = read_advertise(settings, config);
	}
	if (rc == 0) {
		rc = check_name(settings, config);
	}
	if (rc == 0) {
		rc = check_transports(settings, config);
	}
	if (rc == 0) {
		rc = check_listener(settings, config);
	}
	return rc != 0 ? rc : check_token(settings, config);
}

bool
shoal_forms_want_udp(const struct shoal_settings *settings)
{
	const char *name = settings->config.transport;

	return settings->config.dialer == NULL && (name == NULL || strcmp(name, "tcp") != 0);
}
