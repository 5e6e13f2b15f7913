/* SPDX-License-Identifier: MIT */
/* The allocator's hooks get every block of a cluster, of its members' snapshots and of its
 * transports, from whatever thread, and get each back. Blocks are marked, so that one that comes
 * from elsewhere, or goes elsewhere, is seen. */
#include "kit.h"

#include <stdatomic.h>
#include <stdlib.h>

#define MARK UINT64_C(0x73686f616c206d65)

struct heap {
	struct shoal_allocator hooks;
	_Atomic long live;
	_Atomic unsigned long taken, foreign;
};

struct block {
	uint64_t mark;
	struct heap *heap;
};

static void *
take(size_t size, void *arg)
{
	struct heap *heap = arg;
	struct block *block = malloc(sizeof(*block) + size);

	if (block == NULL) {
		return NULL;
	}
	block->mark = MARK;
	block->heap = heap;
	atomic_fetch_add(&heap->live, 1);
	atomic_fetch_add(&heap->taken, 1);
	return block + 1;
}

static struct block *
block_of(struct heap *heap, void *ptr)
{
	struct block *block = (struct block *)ptr - 1;

	if (block->mark != MARK || block->heap != heap) {
		atomic_fetch_add(&heap->foreign, 1);
	}
	return block;
}

static void *
move(void *ptr, size_t size, void *arg)
{
	struct block *block = realloc(block_of(arg, ptr), sizeof(*block) + size);

	return block != NULL ? block + 1 : NULL;
}

static void
give(void *ptr, void *arg)
{
	struct heap *heap = arg;
	struct block *block = block_of(heap, ptr);

	block->mark = 0;
	atomic_fetch_sub(&heap->live, 1);
	free(block);
}

static void
begin(struct heap *heap)
{
	memset(heap, 0, sizeof(*heap));
	heap->hooks = (struct shoal_allocator){take, move, give, heap};
}

struct seen {
	_Atomic unsigned messages, replies;
};

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	(void)cluster;
	(void)message;
	atomic_fetch_add(&((struct seen *)arg)->messages, 1);
}

static void
on_request(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)message;
	(void)arg;
	assert_int_equal(shoal_reply(cluster, ticket, 0, "y", 1), 0);
}

static bool
has_heard(void *arg)
{
	return atomic_load(&((struct seen *)arg)->messages) >= 2;
}

static struct shoal_cluster *
start(struct heap *heap, const char *name)
{
	static const struct shoal_key key = {.len = 16, .bytes = "sixteen bytes ok"};
	struct shoal_config config = kit_config(name);

	kit_steady(&config);
	config.allocator = &heap->hooks;
	config.keys = &key;
	config.key_count = 1;
	config.record_bytes = 65536;
	config.coalesce_ms = 10;
	return kit_start(&config);
}

static void
every_block_of_a_cluster_comes_from_its_hooks_and_goes_back(void **state)
{
	struct heap heap_a, heap_b;
	struct kit_events events = KIT_EVENTS;
	struct shoal_cluster *a, *b;
	struct shoal_member *self, *kept;
	struct seen seen = {0};
	char reply[8];

	(void)state;
	begin(&heap_a);
	begin(&heap_b);
	a = start(&heap_a, "a");
	b = start(&heap_b, "b");
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, kit_on_member, &events), 0);
	assert_int_equal(shoal_handle(b, 200, on_message, &seen), 0);
	assert_int_equal(shoal_handle_request(b, 201, on_request, NULL), 0);
	kit_join(b, kit_address(a));
	kit_await_members(NULL, a, 2);
	kit_await_members(NULL, b, 2);
	self = shoal_cluster_self(b);
	assert_int_equal(shoal_meta_set_str(b, "role", "web"), 0);
	assert_int_equal(shoal_tag_add(a, "red"), 0);
	assert_int_equal(shoal_send(a, shoal_member_id(self), 200, "x", 1, SHOAL_RELIABLE), 0);
	assert_int_equal(shoal_broadcast(a, 200, "x", 1, SHOAL_RELIABLE), 0);
	assert_int_equal(shoal_request_wait(a, shoal_member_id(self), 201, "x", 1, KIT_PATIENCE_MS,
	                         reply, sizeof(reply), NULL),
	        0);
	assert_true(kit_until(NULL, has_heard, &seen));
	shoal_member_unref(self);
	shoal_history_free(shoal_why_all(a));
	kept = shoal_cluster_self(a);
	kit_free(a);
	/* What is held on to outlives the cluster, and goes back to the same hooks. */
	assert_true(atomic_load(&heap_a.live) > 0);
	shoal_member_unref(kept);
	kit_free(b);
	assert_int_equal(atomic_load(&heap_a.live), 0);
	assert_int_equal(atomic_load(&heap_b.live), 0);
	assert_int_equal(atomic_load(&heap_a.foreign) + atomic_load(&heap_b.foreign), 0);
	assert_true(atomic_load(&heap_a.taken) > 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_block_of_a_cluster_comes_from_its_hooks_and_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
