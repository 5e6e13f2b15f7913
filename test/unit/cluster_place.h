/* SPDX-License-Identifier: MIT */
/* Members on the memory transport, which may have any address, and a name server of the test's that
 * says where they are. */
#ifndef SHOAL_TEST_CLUSTER_PLACE_H
#define SHOAL_TEST_CLUSTER_PLACE_H

#include "unit.h"

#include <shoal/shoal.h>

#include "base/addr.h"
#include "unit_dns.h"

#include <stdio.h>

#define MEMBERS_MAX 4

static struct shoal_addr place_asked[256]; /* whom the joining member asked, in order */
static size_t place_asked_count;
static char place_silent[SHOAL_ADDR_TEXT]; /* a request to this address gets no answer */

struct place {
	struct event_base *base;
	struct shoal_memory_net *net;
	struct dns dns;
	char dns_text[SHOAL_ADDR_TEXT];
	struct shoal_transport_ops ops; /* of the memory transport, with an ear */
	struct shoal_cluster *member[MEMBERS_MAX];
	size_t members;
	struct shoal_config config; /* of the one that joins */
	char log[4096];
	/* The end of the join. */
	size_t ended, reached;
	int code;
	char text[2048];
};

static int (*place_real_request)(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns);

static inline int
place_request(void *self, const struct shoal_addr *to, uint64_t exchange, const uint8_t *data,
        size_t len, uint64_t timeout_ns)
{
	char text[SHOAL_ADDR_TEXT];

	if (place_asked_count < COUNT_OF(place_asked)) {
		place_asked[place_asked_count] = *to;
	}
	place_asked_count++;
	if (strcmp(shoal_addr_print(to, text, sizeof(text)), place_silent) == 0) {
		return 0;
	}
	return place_real_request(self, to, exchange, data, len, timeout_ns);
}

static inline void
place_on_log(const struct shoal_log_record *record, void *arg)
{
	struct place *place = arg;
	size_t len = strlen(place->log);

	snprintf(place->log + len, sizeof(place->log) - len, "%s\n", record->text);
}

static inline void
place_open(struct place *place)
{
	memset(place, 0, sizeof(*place));
	place_asked_count = 0;
	place_silent[0] = '\0';
	place->base = event_base_new();
	assert_int_equal(shoal_memory_net_new(&place->net, NULL), 0);
	dns_start(&place->dns, place->base);
	shoal_addr_print(&place->dns.addr, place->dns_text, sizeof(place->dns_text));
	shoal_config_init(&place->config);
	place->config.dns = place->dns_text;
	place->config.log = place_on_log;
	place->config.log_arg = place;
	place->config.log_rate = 0;
}

/* The same where the name server holds these. */
static inline void
place_open_with(struct place *place, const struct dns_record *record, size_t records)
{
	place_open(place);
	place->dns.record = record;
	place->dns.records = records;
}

static inline struct shoal_cluster *
place_start(struct place *place, const char *name, const char *bind, bool joins)
{
	struct shoal_config config;
	struct shoal_transport memory;
	struct shoal_cluster *cluster;

	shoal_config_init(&config);
	config = joins ? place->config : config;
	config.name = name;
	config.bind = bind;
	config.run = SHOAL_RUN_BASE;
	config.base = place->base;
	assert_int_equal(shoal_transport_memory(&memory, place->net), 0);
	if (joins) {
		place->ops = *memory.ops;
		place_real_request = place->ops.request;
		place->ops.request = place->ops.fresh = place_request;
		memory.ops = &place->ops;
	}
	config.transports = &memory;
	config.transport_count = 1;
	assert_int_equal(shoal_cluster_new(&cluster, &config), 0);
	assert_int_equal(shoal_cluster_start(cluster), 0);
	return place->member[place->members++] = cluster;
}

static inline void
place_turn(struct place *place)
{
	const struct timeval step = {.tv_usec = 1000};

	event_base_loopexit(place->base, &step);
	event_base_dispatch(place->base);
}

static inline void
place_on_joined(
        struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct place *place = arg;

	(void)cluster;
	place->ended++;
	place->code = code;
	place->reached = reached;
	snprintf(place->text, sizeof(place->text), "%s", text);
}

static inline int
place_join(struct place *place, struct shoal_cluster *cluster, const char *seed, unsigned ms)
{
	place->ended = 0;
	assert_int_equal(
	        shoal_cluster_join_async(cluster, &seed, 1, ms, place_on_joined, place), 0);
	for (unsigned i = 0; place->ended == 0; i++) {
		assert_true(i < 60000);
		place_turn(place);
	}
	return place->code;
}

static inline void
place_close(struct place *place)
{
	for (size_t i = 0; i < place->members; i++) {
		assert_int_equal(shoal_cluster_free(place->member[i]), 0);
	}
	dns_stop(&place->dns);
	event_base_free(place->base);
	shoal_memory_net_free(place->net);
}

static inline size_t
place_members_of(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	size_t n = shoal_member_list_count(list);

	shoal_member_list_free(list);
	return n;
}

static inline void
place_until_members(struct place *place, struct shoal_cluster *cluster, size_t wanted)
{
	for (unsigned i = 0; place_members_of(cluster) < wanted; i++) {
		assert_true(i < 60000);
		place_turn(place);
	}
}

static inline const char *
place_asked_at(size_t i)
{
	static char text[SHOAL_ADDR_TEXT];

	assert_true(i < place_asked_count);
	return shoal_addr_print(&place_asked[i], text, sizeof(text));
}

static inline void
place_says(const struct place *place, const char *part)
{
	if (strstr(place->text, part) == NULL) {
		fail_msg("\"%s\" is not in \"%s\"", part, place->text);
	}
}

#endif
