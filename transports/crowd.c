/* SPDX-License-Identifier: MIT */
/* Connections by phase, in all and of each source. Every call is O(1). */
#include "transports/crowd.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "transports/socket.h"

#define BUCKETS_MAX 4096
#define SOURCE_MIN  16

static void
side_init(struct shoal_crowd_side *side)
{
	for (unsigned i = 0; i < SHOAL_CROWD_PHASES; ++i) {
		shoal_list_init(&side->phase[i]);
	}
	side->count = 0;
}

int
shoal_crowd_init(struct shoal_crowd *crowd, const struct shoal_allocator *mem,
        const uint64_t key[2], size_t max, void (*evict)(struct shoal_crowd_member *))
{
	*crowd = (struct shoal_crowd){.mem = mem,
	        .key = key,
	        .evict = evict,
	        .max = max,
	        .inbound_max = max - max / 4,
	        .source_max = max / 4 > SOURCE_MIN ? max / 4 : SOURCE_MIN,
	        .buckets = 16};
	while (crowd->buckets < max && crowd->buckets < BUCKETS_MAX) {
		crowd->buckets *= 2;
	}
	side_init(&crowd->inbound);
	side_init(&crowd->outbound);
	crowd->source = shoal_alloc_zeroed(mem, crowd->buckets, sizeof(*crowd->source));
	if (crowd->source == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t i = 0; i < crowd->buckets; ++i) {
		shoal_list_init(&crowd->source[i]);
	}
	return SHOAL_OK;
}

void
shoal_crowd_done(struct shoal_crowd *crowd)
{
	if (crowd->source != NULL) {
		shoal_alloc_free(crowd->mem, crowd->source);
		crowd->source = NULL;
	}
}

static struct shoal_crowd_source *
find_source(struct shoal_crowd *crowd, const struct shoal_addr *peer, bool make)
{
	struct shoal_addr key = shoal_socket_source(peer);
	struct shoal_list *bucket =
	        &crowd->source[shoal_socket_hash(crowd->key, &key) & (crowd->buckets - 1)];

	SHOAL_LIST_FOREACH (node, bucket) {
		struct shoal_crowd_source *source =
		        SHOAL_LIST_ITEM(node, struct shoal_crowd_source, node);
		if (shoal_addr_equal(&source->key, &key)) {
			return source;
		}
	}
	struct shoal_crowd_source *source =
	        make ? shoal_alloc_zeroed(crowd->mem, 1, sizeof(*source)) : NULL;
	if (source != NULL) {
		source->key = key;
		side_init(&source->side);
		shoal_list_init(&source->waiting);
		shoal_list_push_back(bucket, &source->node);
	}
	return source;
}

void
shoal_crowd_drop(struct shoal_crowd *crowd, struct shoal_crowd_source *source)
{
	if (source->side.count == 0) {
		shoal_list_remove(&source->node);
		shoal_list_remove(&source->in_turn);
		shoal_alloc_free(crowd->mem, source);
	}
}

static bool
evict(struct shoal_crowd *crowd, struct shoal_crowd_side *side, bool of_source)
{
	for (unsigned phase = 0; phase < SHOAL_CROWD_PHASES - 1; ++phase) {
		struct shoal_list *node = shoal_list_first(&side->phase[phase]);
		if (node != NULL) {
			crowd->evict(of_source ? SHOAL_LIST_ITEM(
			                                 node, struct shoal_crowd_member, in_source)
			                       : SHOAL_LIST_ITEM(
			                                 node, struct shoal_crowd_member, in_side));
			return true;
		}
	}
	return false;
}

bool
shoal_crowd_evict(struct shoal_crowd *crowd)
{
	return evict(crowd, &crowd->inbound, false) || evict(crowd, &crowd->outbound, false);
}

static bool
is_full(const struct shoal_crowd *crowd)
{
	return crowd->inbound.count + crowd->outbound.count >= crowd->max;
}

struct shoal_crowd_source *
shoal_crowd_admit(struct shoal_crowd *crowd, const struct shoal_addr *peer)
{
	struct shoal_crowd_source *source = find_source(crowd, peer, false);

	if (source != NULL && source->side.count >= crowd->source_max &&
	        !evict(crowd, &source->side, true)) {
		return NULL;
	}
	if (crowd->inbound.count >= crowd->inbound_max && !evict(crowd, &crowd->inbound, false)) {
		return NULL;
	}
	if (is_full(crowd) && !shoal_crowd_evict(crowd)) {
		return NULL;
	}
	return find_source(crowd, peer, true); /* it may have gone with its last connection */
}

bool
shoal_crowd_dial(struct shoal_crowd *crowd)
{
	return !is_full(crowd) || evict(crowd, &crowd->outbound, false) ||
	       evict(crowd, &crowd->inbound, false);
}

void
shoal_crowd_place(struct shoal_crowd *crowd, struct shoal_crowd_member *member, unsigned phase)
{
	struct shoal_crowd_source *source = member->source;
	struct shoal_crowd_side *side = source != NULL ? &crowd->inbound : &crowd->outbound;
	bool is_new = !shoal_list_linked(&member->in_side);

	member->phase = phase;
	shoal_list_remove(&member->in_side);
	shoal_list_push_back(&side->phase[phase], &member->in_side);
	side->count += is_new;
	if (source != NULL) {
		shoal_list_remove(&member->in_source);
		shoal_list_push_back(&source->side.phase[phase], &member->in_source);
		source->side.count += is_new;
	}
}

void
shoal_crowd_remove(struct shoal_crowd *crowd, struct shoal_crowd_member *member)
{
	struct shoal_crowd_source *source = member->source;

	if (!shoal_list_linked(&member->in_side)) {
		return;
	}
	shoal_list_remove(&member->in_side);
	--(source != NULL ? &crowd->inbound : &crowd->outbound)->count;
	if (source != NULL) {
		shoal_list_remove(&member->in_source);
		--source->side.count;
		shoal_crowd_drop(crowd, source);
		member->source = NULL;
	}
}
