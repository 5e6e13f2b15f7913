/* SPDX-License-Identifier: MIT */
/* Two clusters on one event_base over the memory transport that send each other messages. */
#ifndef SHOAL_TEST_CLUSTER_TALK_H
#define SHOAL_TEST_CLUSTER_TALK_H

#include "unit.h"

#include <shoal/shoal.h>

#include <event2/event.h>

#define TALK_TYPE 200

struct talk {
	const struct shoal_allocator *mem;     /* of both; NULL: malloc */
	const struct shoal_transport_ops *ops; /* of one; NULL: those of the memory transport */
	struct event_base *base;
	struct shoal_memory_net *net;
	struct shoal_cluster *one, *two;
	struct shoal_id id_one, id_two;
};

/* What one heard, or was told: 32-bit numbers that count up. */
struct heard {
	uint32_t next, wrong;
	size_t calls;
	int code;     /* of the last end */
	uint32_t bad; /* ends with another code than 0 */
};

/* Those of the memory transport, to be changed. */
static inline struct shoal_transport_ops
talk_memory_ops(void)
{
	struct shoal_transport memory;
	struct shoal_memory_net *net;

	assert_int_equal(shoal_memory_net_new(&net, NULL), 0);
	assert_int_equal(shoal_transport_memory(&memory, net), 0);
	struct shoal_transport_ops ops = *memory.ops;
	memory.ops->free(memory.self);
	shoal_memory_net_free(net);
	return ops;
}

static inline struct shoal_cluster *
talk_make(struct talk *talk, const char *name, struct shoal_config *config)
{
	struct shoal_transport memory;
	struct shoal_cluster *cluster;

	config->name = name;
	config->bind = "127.0.0.1:0";
	config->run = SHOAL_RUN_BASE;
	config->allocator = talk->mem;
	config->base = talk->base;
	assert_int_equal(shoal_transport_memory(&memory, talk->net), 0);
	memory.ops = talk->ops != NULL && talk->one == NULL ? talk->ops : memory.ops;
	config->transports = &memory;
	config->transport_count = 1;
	assert_int_equal(shoal_cluster_new(&cluster, config), 0);
	assert_int_equal(shoal_cluster_start(cluster), 0);
	return cluster;
}

static inline void
talk_turn(struct talk *talk)
{
	const struct timeval step = {.tv_usec = 1000};

	event_base_loopexit(talk->base, &step);
	event_base_dispatch(talk->base);
}

/* Until *count is that, or for so long that it never will be. */
static inline void
talk_until(struct talk *talk, const size_t *count, size_t wanted)
{
	for (unsigned i = 0; *count < wanted; i++) {
		assert_true(i < 60000);
		talk_turn(talk);
	}
	assert_int_equal(*count, wanted);
}

static inline void
talk_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	(void)cluster;
	(void)text;
	(void)reached;
	assert_int_equal(code, 0);
	++*(size_t *)arg;
}

/* What is said with this config is bounded by it. */
static inline void
talk_begin(struct talk *talk, struct shoal_config *config)
{
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	struct shoal_member *self;
	size_t ends = 0;

	talk->base = event_base_new();
	assert_int_equal(shoal_memory_net_new(&talk->net, NULL), 0);
	talk->one = talk_make(talk, "one", config);
	talk->two = talk_make(talk, "two", config);
	assert_int_equal(shoal_cluster_address(talk->two, address, sizeof(address)), 0);
	assert_int_equal(
	        shoal_cluster_join_async(talk->one, seeds, 1, 5000, talk_joined, &ends), 0);
	assert_int_equal(shoal_cluster_wait_async(talk->two, 2, 5000, talk_joined, &ends), 0);
	talk_until(talk, &ends, 2);
	self = shoal_cluster_self(talk->one);
	talk->id_one = *shoal_member_id(self);
	shoal_member_unref(self);
	self = shoal_cluster_self(talk->two);
	talk->id_two = *shoal_member_id(self);
	shoal_member_unref(self);
}

static inline void
talk_done(struct talk *talk)
{
	assert_int_equal(shoal_cluster_free(talk->one), 0);
	assert_int_equal(shoal_cluster_free(talk->two), 0);
	assert_int_equal(event_base_get_num_events(talk->base, EVENT_BASE_COUNT_ADDED), 0);
	event_base_free(talk->base);
	shoal_memory_net_free(talk->net);
}

static inline void
talk_heard(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct heard *heard = arg;
	uint32_t number = 0;

	(void)cluster;
	assert_true(shoal_message_len(message) >= sizeof(number));
	memcpy(&number, shoal_message_data(message), sizeof(number));
	heard->wrong += number != heard->next;
	heard->next = number + 1;
	heard->calls++;
}

static inline void
talk_sent(struct shoal_cluster *cluster, int code, void *arg)
{
	struct heard *heard = arg;

	(void)cluster;
	heard->code = code;
	heard->bad += code != 0;
	heard->calls++;
}

static inline void
talk_writable(struct shoal_cluster *cluster, const struct shoal_id *to, void *arg)
{
	(void)cluster;
	assert_false(shoal_id_is_zero(to));
	++*(size_t *)arg;
}

#endif
