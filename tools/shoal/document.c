/* SPDX-License-Identifier: MIT */
/* Members, events and the agent itself as JSON; see document.h.
 *
 * 64-bit numbers that may not fit a double (incarnations) are strings. Names were checked where
 * they entered the library, but a text that was cut may end inside a character: such bytes become
 * '?'. */
#include "document.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_MS 1000000

/* struct shoal_cause holds names cut to this length. */
#define CUT_NAME (sizeof(((struct shoal_cause *)0)->accuser_name[0]) - 1)

/* Out of memory anywhere makes the whole document NULL. */
static void
put(json_t **document, const char *key, json_t *value)
{
	if (json_object_set_new(*document, key, value) < 0) {
		json_decref(*document);
		*document = NULL;
	}
}

json_t *
cli_document_text(const char *text)
{
	json_t *value = json_string(text);
	char copy[SHOAL_LOG_TEXT_MAX];

	if (value != NULL) {
		return value;
	}
	cli_text_printable(text, copy, sizeof(copy));
	return json_string(copy);
}

static json_t *
id_of(const struct shoal_id *id)
{
	char text[SHOAL_ID_TEXT];

	shoal_id_print(id, text);
	return json_string(text);
}

static json_t *
address_of(const struct shoal_addr *addr)
{
	char text[SHOAL_ADDR_TEXT];

	return json_string(shoal_addr_print(addr, text, sizeof(text)));
}

static json_t *
place_of(const struct shoal_member *member)
{
	char text[SHOAL_URL_TEXT];

	return json_string(shoal_member_address_print(member, text, sizeof(text)));
}

static int
kind_of(const struct shoal_addr *addr)
{
	return shoal_addr_is_web(addr) ? 2 : shoal_addr_is_ipv4(addr);
}

json_t *
cli_document_way(const struct shoal_member *from, const struct shoal_member *to)
{
	const struct shoal_addr *own, *other;
	size_t n = shoal_member_addresses(from, &own), m = shoal_member_addresses(to, &other);

	for (size_t i = 0; i < m; i++) {
		for (size_t j = 0; j < n; j++) {
			if (kind_of(&other[i]) == kind_of(&own[j])) {
				return shoal_addr_is_web(&other[i])
				               ? json_string(shoal_member_url(to))
				               : address_of(&other[i]);
			}
		}
	}
	return json_null();
}

/* What a transition of before a move stood for is not known any more. */
static json_t *
event_place(const struct shoal_event *event, const struct shoal_member *member)
{
	const struct shoal_addr *addrs;
	size_t n = member == NULL ? 0 : shoal_member_addresses(member, &addrs);

	for (size_t i = 0; shoal_addr_is_web(&event->addr) && i < n; i++) {
		if (shoal_addr_equal(&addrs[i], &event->addr)) {
			return json_string(shoal_member_url(member));
		}
	}
	return shoal_addr_is_web(&event->addr) ? json_string("a URL") : address_of(&event->addr);
}

static json_t *
incarnation_of(const struct shoal_member *member)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, shoal_member_incarnation(member));
	return json_string(text);
}

static json_t *
ms_of(uint64_t ns)
{
	return ns == 0 ? json_null() : json_real((double)ns / NS_PER_MS);
}

static json_t *
integer_of(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
tags_of(const struct shoal_member *member)
{
	json_t *tags = json_array();

	for (size_t i = 0; i < shoal_member_tags(member); i++) {
		json_array_append_new(tags, cli_document_text(shoal_member_tag(member, i)));
	}
	return tags;
}

/* What JSON has no form for, or a program could not hold, is a text. */
static json_t *
value_of(const struct shoal_member *member, const char *key, const struct shoal_meta_value *value)
{
	size_t len = 2 * SHOAL_META_MAX + 1;
	json_t *document = NULL;
	char *text;

	switch (value->type) {
	case SHOAL_META_BOOL:
		return json_boolean(value->is.boolean);
	case SHOAL_META_INT64:
		return json_integer(value->is.int64);
	case SHOAL_META_DOUBLE:
		document = json_real(value->is.number); /* NULL: no finite number */
		break;
	case SHOAL_META_UINT64:
		if (value->is.uint64 <= INT64_MAX) {
			return integer_of(value->is.uint64);
		}
		break;
	default:
		break;
	}
	text = document == NULL ? malloc(len) : NULL;
	if (text != NULL && shoal_member_meta_text(member, key, text, len) == 0) {
		document = json_string(text);
	}
	free(text);
	return document;
}

static json_t *
meta_of(const struct shoal_member *member)
{
	json_t *meta = json_object();
	struct shoal_meta_value value;

	for (size_t i = 0; i < shoal_member_meta_count(member); i++) {
		const char *key = shoal_member_meta_key(member, i, &value);

		put(&meta, key, value_of(member, key, &value));
	}
	return meta;
}

json_t *
cli_document_member(const struct shoal_member *member, uint64_t wall_ns)
{
	uint64_t since = shoal_member_since(member);
	json_t *document = json_object();
	enum shoal_diagnosis diagnosis = shoal_member_diagnosis(member);
	unsigned lowest, highest;

	shoal_member_protocol(member, &lowest, &highest);
	put(&document, "id", id_of(shoal_member_id(member)));
	put(&document, "name", cli_document_text(shoal_member_name(member)));
	put(&document, "address", place_of(member));
	put(&document, "state", json_string(shoal_state_name(shoal_member_state(member))));
	put(&document, "diagnosis",
	        diagnosis == SHOAL_DIAGNOSIS_NONE ? json_null()
	                                          : json_string(shoal_diagnosis_name(diagnosis)));
	put(&document, "incarnation", incarnation_of(member));
	put(&document, "state_age_ms",
	        integer_of(wall_ns > since ? (wall_ns - since) / NS_PER_MS : 0));
	put(&document, "rtt_ms", ms_of(shoal_member_rtt(member)));
	put(&document, "tags", tags_of(member));
	put(&document, "meta", meta_of(member));
	put(&document, "app_version", integer_of(shoal_member_app_version(member)));
	put(&document, "protocol", integer_of(highest));
	put(&document, "self", json_boolean(shoal_member_is_self(member)));
	put(&document, "url",
	        *shoal_member_url(member) == '\0' ? json_null()
	                                          : json_string(shoal_member_url(member)));
	return document;
}

/* The whole name where the member is known and the cause holds a part of it only; the id without a
 * name. */
static json_t *
accuser_of(const struct shoal_member_list *list, const struct shoal_cause *cause, size_t i)
{
	const struct shoal_member *member;

	if (cause->accuser_name[i][0] != '\0' && strlen(cause->accuser_name[i]) < CUT_NAME) {
		return cli_document_text(cause->accuser_name[i]);
	}
	member = list == NULL ? NULL : shoal_member_list_find_by_id(list, &cause->accuser[i]);
	return member == NULL ? id_of(&cause->accuser[i])
	                      : cli_document_text(shoal_member_name(member));
}

/* cluster may be NULL: names are then those of the cause only. */
static json_t *
cause_of(struct shoal_cluster *cluster, const struct shoal_cause *cause)
{
	struct shoal_member_list *list =
	        cause->accusers == 0 || cluster == NULL ? NULL : shoal_members(cluster, NULL);
	json_t *document = json_object(), *accusers = json_array();
	size_t i;

	for (i = 0; i < cause->accusers && i < SHOAL_ACCUSERS_MAX; i++) {
		json_array_append_new(accusers, accuser_of(list, cause, i));
	}
	if (list != NULL) {
		shoal_member_list_free(list);
	}
	put(&document, "kind", json_string(shoal_cause_name(cause->kind)));
	put(&document, "from", shoal_id_is_zero(&cause->from) ? json_null() : id_of(&cause->from));
	put(&document, "accusers", accusers);
	put(&document, "after_ms", ms_of(cause->after_ns));
	put(&document, "detail", cli_document_text(shoal_cause_text(cause)));
	return document;
}

static json_t *
changes_of(unsigned changed)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{SHOAL_CHANGE_METADATA, "metadata"}, {SHOAL_CHANGE_TAGS, "tags"},
	        {SHOAL_CHANGE_ADDRESS, "address"}, {SHOAL_CHANGE_NAME, "name"},
	        {SHOAL_CHANGE_VERSION, "version"}, {SHOAL_CHANGE_INSTANCE, "instance"},
	        {SHOAL_CHANGE_INBOUND, "inbound"}};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((changed & names[i].bit) != 0) {
			json_array_append_new(list, json_string(names[i].name));
		}
	}
	return list;
}

static json_t *
keys_of(const struct shoal_member_event *event)
{
	json_t *list[] = {[SHOAL_KEY_ADDED] = json_array(),
	        [SHOAL_KEY_CHANGED] = json_array(),
	        [SHOAL_KEY_REMOVED] = json_array()};
	enum shoal_key_change change;
	const char *key;
	uint64_t at = 0;

	while (shoal_event_key(event, &at, &key, &change)) {
		json_array_append_new(list[change], cli_document_text(key));
	}
	return json_pack("{s:o, s:o, s:o}", "added", list[SHOAL_KEY_ADDED], "changed",
	        list[SHOAL_KEY_CHANGED], "removed", list[SHOAL_KEY_REMOVED]);
}

json_t *
cli_document_event(struct shoal_cluster *cluster, const struct shoal_member_event *event)
{
	const struct shoal_member *member = event->member;
	json_t *document = json_object();
	char time[CLI_TIME_TEXT];

	put(&document, "time", json_string(cli_text_time(event->wall_ns, time)));
	put(&document, "event", json_string(shoal_event_name(event->kind)));
	if (member == NULL) { /* overflow: about no member */
		put(&document, "id", json_null());
		put(&document, "name", json_null());
		put(&document, "address", json_null());
		put(&document, "state", json_null());
	} else {
		put(&document, "id", id_of(shoal_member_id(member)));
		put(&document, "name", cli_document_text(shoal_member_name(member)));
		put(&document, "address", place_of(member));
		put(&document, "state", json_string(shoal_state_name(event->state)));
		put(&document, "was", json_string(shoal_state_name(event->was)));
		put(&document, "incarnation", incarnation_of(member));
	}
	if (event->kind == SHOAL_EVENT_UPDATE) {
		put(&document, "changed", changes_of(event->changed));
		put(&document, "keys", keys_of(event));
	}
	put(&document, "cause", cause_of(cluster, &event->cause));
	return document;
}

json_t *
cli_document_transition(const struct shoal_event *event, const struct shoal_member *member)
{
	char time[CLI_TIME_TEXT], incarnation[24];
	json_t *document = json_object();

	snprintf(incarnation, sizeof(incarnation), "%" PRIu64, event->incarnation);
	put(&document, "time", json_string(cli_text_time(event->wall_ns, time)));
	put(&document, "event", json_string(shoal_event_name(event->kind)));
	put(&document, "id", id_of(&event->id));
	put(&document, "name", cli_document_text(event->name));
	put(&document, "address", event_place(event, member));
	put(&document, "state", json_string(shoal_state_name(event->state)));
	put(&document, "was", json_string(shoal_state_name(event->was)));
	put(&document, "incarnation", json_string(incarnation));
	put(&document, "rtt_ms", ms_of(event->rtt_ns));
	put(&document, "lag_ms", json_real((double)event->lag_ns / NS_PER_MS));
	put(&document, "cause", cause_of(NULL, &event->cause));
	return document;
}

static json_t *
counts_of(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	size_t counts[SHOAL_STATES] = {0}, n, i;
	json_t *document;

	if (list == NULL) {
		return NULL;
	}
	n = shoal_member_list_count(list);
	for (i = 0; i < n; i++) {
		enum shoal_state state = shoal_member_state(shoal_member_list_at(list, i));

		if ((unsigned)state < SHOAL_STATES) {
			counts[state]++;
		}
	}
	shoal_member_list_free(list);
	document = json_object();
	for (i = 0; i < SHOAL_STATES; i++) {
		put(&document, shoal_state_name((enum shoal_state)i), integer_of(counts[i]));
	}
	return document;
}

static json_t *
counters_of(struct shoal_cluster *cluster)
{
	struct shoal_counters counters;
	json_t *document = json_object();
	size_t i;

	shoal_cluster_counters(cluster, &counters);
	for (i = 0; i < SHOAL_COUNTERS; i++) {
		put(&document, shoal_counter_name((enum shoal_counter)i),
		        integer_of(counters.value[i]));
	}
	return document;
}

/* null: nothing is taken besides. */
static json_t *
migration_of(struct shoal_cluster *cluster)
{
	struct shoal_migration migration;
	json_t *document;

	shoal_cluster_migration(cluster, &migration);
	if (migration.accept_clear == 0 && migration.accept_unlabelled == 0) {
		return json_null();
	}
	document = json_object();
	put(&document, "accept_clear", integer_of(migration.accept_clear));
	put(&document, "accept_unlabelled", integer_of(migration.accept_unlabelled));
	put(&document, "left_ms", integer_of(migration.left_ms));
	return document;
}

/* Days that this member's certificate is good for; null: it has none. */
static json_t *
certificate_of(struct shoal_cluster *cluster)
{
	int days;

	return shoal_cluster_certificate_days(cluster, &days) == 0 ? json_integer(days)
	                                                           : json_null();
}

/* How others reach this member, if there are any. */
static json_t *
reach_of(struct shoal_cluster *cluster, const json_t *members)
{
	json_int_t others = json_integer_value(json_object_get(members, "alive")) +
	                    json_integer_value(json_object_get(members, "suspect")) - 1;
	unsigned peers;
	enum shoal_access reach = shoal_cluster_access(cluster, &peers);
	json_t *document = json_object();

	put(&document, "state",
	        others < 1 && peers == 0 ? json_null() : json_string(shoal_access_name(reach)));
	put(&document, "peers", integer_of(peers));
	return document;
}

/* An address as text says its kind itself. */
static void
add_place(json_t *places, const char *text)
{
	const char *kind = strncmp(text, "https://", 8) == 0  ? "https"
	                   : strncmp(text, "http://", 7) == 0 ? "http"
	                                                      : "sockets";

	json_array_append_new(places, json_pack("{s:s, s:s}", "address", text, "kind", kind));
}

/* All that others are told. */
static json_t *
places_of(const struct shoal_member *self)
{
	json_t *places = json_array();
	const struct shoal_addr *addrs;
	size_t n = shoal_member_addresses(self, &addrs);
	char text[SHOAL_ADDR_TEXT];

	for (size_t i = 0; i < n; i++) {
		add_place(places, shoal_addr_is_web(&addrs[i])
		                          ? shoal_member_url(self)
		                          : shoal_addr_print(&addrs[i], text, sizeof(text)));
	}
	return places;
}

static json_t *
bound_of(struct shoal_cluster *cluster)
{
	json_t *places = json_array();
	char text[SHOAL_URL_TEXT];

	for (size_t i = 0; shoal_cluster_bound(cluster, i, text, sizeof(text)) == 0; i++) {
		add_place(places, text);
	}
	return places;
}

json_t *
cli_document_info(struct shoal_cluster *cluster, uint64_t uptime_ms, unsigned subscribers)
{
	struct shoal_member *self = shoal_cluster_self(cluster);
	const char *label = shoal_cluster_label(cluster);
	struct shoal_key_info keys[SHOAL_KEYS_MAX];
	char address[SHOAL_URL_TEXT] = "";
	json_t *document = json_object(), *members;
	unsigned lowest, highest;

	if (self == NULL) {
		json_decref(document);
		return NULL;
	}
	shoal_member_protocol(self, &lowest, &highest);
	shoal_cluster_address(cluster, address, sizeof(address));
	put(&document, "id", id_of(shoal_member_id(self)));
	put(&document, "name", cli_document_text(shoal_member_name(self)));
	put(&document, "address", json_string(address));
	put(&document, "addresses", places_of(self));
	put(&document, "bound", bound_of(cluster));
	put(&document, "state",
	        json_string(shoal_cluster_state_name(shoal_cluster_state(cluster))));
	put(&document, "health", integer_of(shoal_cluster_health(cluster)));
	put(&document, "convergence_lag_ms",
	        integer_of(shoal_cluster_convergence_lag(cluster) / SHOAL_MS(1)));
	members = counts_of(cluster);
	put(&document, "reach", reach_of(cluster, members));
	put(&document, "members", members);
	put(&document, "uptime_ms", integer_of(uptime_ms));
	put(&document, "version", json_string(shoal_version(NULL)));
	put(&document, "protocol", integer_of(highest));
	put(&document, "label",
	        label == NULL || label[0] == '\0' ? json_null() : cli_document_text(label));
	put(&document, "migration", migration_of(cluster));
	put(&document, "encrypted", json_boolean(shoal_cluster_keys(cluster, keys) > 0));
	put(&document, "certificate_days", certificate_of(cluster));
	put(&document, "codec", json_string(shoal_cluster_codec(cluster)->name));
	put(&document, "incarnation", incarnation_of(self));
	put(&document, "app_version", integer_of(shoal_member_app_version(self)));
	put(&document, "pid", integer_of((uint64_t)getpid()));
	put(&document, "subscribers", integer_of(subscribers));
	put(&document, "counters", counters_of(cluster));
	shoal_member_unref(self);
	return document;
}

json_t *
cli_document_error(int code, const char *text)
{
	json_t *document = json_object();

	put(&document, "error", cli_document_text(text));
	put(&document, "code", json_string(shoal_error_name(code)));
	return document;
}
