/* SPDX-License-Identifier: MIT */
/* Every entry stands in two lists: that of all, by age, and that of its member. What is full loses
 * its oldest; a member without entries is forgotten. All is O(1) but reading, which copies under
 * the lock: the loop waits for at most one copy. */
#include "cluster/report/chronicle.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"

#include <string.h>

struct entry {
	struct shoal_list in_order, in_track;
	uint32_t number, track;
	struct shoal_event event;
};

struct track {
	struct shoal_id id;
	struct shoal_list entries;
	uint32_t count;
};

struct shoal_history {
	const struct shoal_allocator *mem;
	size_t count;
	struct shoal_event event[];
};

static bool
is_of(const void *owner, uint32_t number, const void *key)
{
	const struct shoal_chronicle *chronicle = owner;
	const struct track *track = shoal_slab_at(&chronicle->tracks, number);

	return memcmp(&track->id, key, sizeof(track->id)) == 0;
}

int
shoal_chronicle_init(struct shoal_chronicle *chronicle, const struct shoal_allocator *mem,
        uint32_t limit, const uint64_t key[2])
{
	memset(chronicle, 0, sizeof(*chronicle));
	if (pthread_mutex_init(&chronicle->lock, NULL) != 0) {
		return SHOAL_ERR_SYSTEM;
	}
	chronicle->mem = mem;
	chronicle->limit = limit;
	shoal_slab_init(&chronicle->entries, mem, sizeof(struct entry), limit);
	shoal_slab_init(&chronicle->tracks, mem, sizeof(struct track), limit);
	shoal_table_init(&chronicle->by_id, mem, key, limit, is_of, chronicle);
	shoal_list_init(&chronicle->order);
	return 0;
}

void
shoal_chronicle_done(struct shoal_chronicle *chronicle)
{
	shoal_table_done(&chronicle->by_id);
	shoal_slab_done(&chronicle->tracks);
	shoal_slab_done(&chronicle->entries);
	pthread_mutex_destroy(&chronicle->lock);
}

static uint64_t
hash_of(const struct shoal_chronicle *chronicle, const struct shoal_id *id)
{
	return shoal_table_hash(&chronicle->by_id, id, sizeof(*id));
}

static void
drop(struct shoal_chronicle *chronicle, struct entry *entry)
{
	uint32_t number = entry->track;
	struct track *track = shoal_slab_at(&chronicle->tracks, number);

	shoal_list_remove(&entry->in_order);
	shoal_list_remove(&entry->in_track);
	shoal_slab_give(&chronicle->entries, entry->number);
	if (--track->count == 0) {
		shoal_table_remove(&chronicle->by_id, hash_of(chronicle, &track->id), number);
		shoal_slab_give(&chronicle->tracks, number);
	}
}

/* NULL: no memory. */
static struct track *
track_of(struct shoal_chronicle *chronicle, const struct shoal_id *id, uint32_t *number)
{
	uint64_t hash = hash_of(chronicle, id);
	struct track *track;

	*number = shoal_table_find(&chronicle->by_id, hash, id);
	if (*number != SHOAL_TABLE_NONE) {
		return shoal_slab_at(&chronicle->tracks, *number);
	}
	track = shoal_slab_take(&chronicle->tracks, number);
	if (track == NULL) {
		return NULL;
	}
	track->id = *id;
	shoal_list_init(&track->entries);
	if (shoal_table_put(&chronicle->by_id, hash, *number) != 0) {
		shoal_slab_give(&chronicle->tracks, *number);
		return NULL;
	}
	return track;
}

static void
add(struct shoal_chronicle *chronicle, const struct shoal_event *event)
{
	uint32_t number, of;
	struct entry *entry;
	struct track *track;

	if (chronicle->entries.count == chronicle->limit) {
		drop(chronicle, SHOAL_LIST_ITEM(shoal_list_first(&chronicle->order), struct entry,
		                        in_order));
	}
	entry = shoal_slab_take(&chronicle->entries, &number);
	track = entry != NULL ? track_of(chronicle, &event->id, &of) : NULL;
	if (track == NULL) {
		if (entry != NULL) {
			shoal_slab_give(&chronicle->entries, number);
		}
		return;
	}
	entry->number = number;
	entry->track = of;
	entry->event = *event;
	shoal_list_push_back(&chronicle->order, &entry->in_order);
	shoal_list_push_back(&track->entries, &entry->in_track);
	if (++track->count > SHOAL_HISTORY_EACH_MAX) {
		drop(chronicle,
		        SHOAL_LIST_ITEM(shoal_list_first(&track->entries), struct entry, in_track));
	}
}

static bool
is_transition(const struct shoal_event *event)
{
	return (event->kind & SHOAL_EVENT_ALL) != 0 && event->kind != SHOAL_EVENT_OVERFLOW &&
	       (event->kind != SHOAL_EVENT_UPDATE || event->was != event->state ||
	               event->cause.kind == SHOAL_CAUSE_RESTARTED);
}

void
shoal_chronicle_add(struct shoal_chronicle *chronicle, const struct shoal_event *event)
{
	if (chronicle->limit == 0 || !is_transition(event)) {
		return;
	}
	pthread_mutex_lock(&chronicle->lock);
	add(chronicle, event);
	pthread_mutex_unlock(&chronicle->lock);
}

static struct shoal_history *
make(const struct shoal_allocator *mem, size_t capacity)
{
	struct shoal_history *history =
	        shoal_alloc(mem, sizeof(*history) + capacity * sizeof(history->event[0]));

	if (history != NULL) {
		history->mem = mem;
		history->count = 0;
	}
	return history;
}

static struct shoal_history *
read_one(struct shoal_chronicle *chronicle, const struct shoal_id *id)
{
	struct shoal_history *history = make(chronicle->mem, SHOAL_HISTORY_EACH_MAX);
	uint32_t number;

	if (history == NULL) {
		return NULL;
	}
	pthread_mutex_lock(&chronicle->lock);
	number = shoal_table_find(&chronicle->by_id, hash_of(chronicle, id), id);
	if (number != SHOAL_TABLE_NONE) {
		const struct track *track = shoal_slab_at(&chronicle->tracks, number);

		SHOAL_LIST_FOREACH (node, &track->entries) {
			history->event[history->count++] =
			        SHOAL_LIST_ITEM(node, struct entry, in_track)->event;
		}
	}
	pthread_mutex_unlock(&chronicle->lock);
	return history;
}

/* Room is made without the lock, and again where more members came meanwhile. */
static struct shoal_history *
read_all(struct shoal_chronicle *chronicle)
{
	struct shoal_history *history = NULL;
	uint32_t room = 0, wanted;
	bool done = false;

	while (!done) {
		pthread_mutex_lock(&chronicle->lock);
		wanted = chronicle->tracks.count;
		done = history != NULL && wanted <= room;
		for (uint32_t i = 0; done && i < chronicle->tracks.end; i++) {
			const struct track *track = shoal_slab_at(&chronicle->tracks, i);
			if (track != NULL) {
				history->event[history->count++] =
				        SHOAL_LIST_ITEM(track->entries.prev, struct entry, in_track)
				                ->event;
			}
		}
		pthread_mutex_unlock(&chronicle->lock);
		if (!done) {
			shoal_history_free(history);
			room = wanted;
			history = make(chronicle->mem, room);
			done = history == NULL;
		}
	}
	return history;
}

struct shoal_history *
shoal_chronicle_read(struct shoal_chronicle *chronicle, const struct shoal_id *id)
{
	return id != NULL ? read_one(chronicle, id) : read_all(chronicle);
}

struct shoal_history *
shoal_why(struct shoal_cluster *cluster, const struct shoal_id *id)
{
	return shoal_fork_check(cluster, "why") == 0 ? shoal_chronicle_read(&cluster->chronicle, id)
	                                             : NULL;
}

struct shoal_history *
shoal_why_all(struct shoal_cluster *cluster)
{
	return shoal_fork_check(cluster, "why") == 0
	               ? shoal_chronicle_read(&cluster->chronicle, NULL)
	               : NULL;
}

size_t
shoal_history_count(const struct shoal_history *history)
{
	return history->count;
}

const struct shoal_event *
shoal_history_at(const struct shoal_history *history, size_t i)
{
	return i < history->count ? &history->event[i] : NULL;
}

void
shoal_history_free(struct shoal_history *history)
{
	if (history != NULL) {
		shoal_alloc_free(history->mem, history);
	}
}
