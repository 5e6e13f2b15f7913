/* SPDX-License-Identifier: MIT */
/* Of each instance and each of its two rows the highest number is held and a window below it, as in
 * RFC 6479: a ring of words of which those above the highest are cleared when it passes them. What
 * is below the window counts as heard. Found by a keyed table in O(1); the memory is bounded by
 * SHOAL_SEEN_MAX instances, 450 bytes each.
 *
 * Who holds the key can say anything in another member's name, but not for long: one that is
 * believed raises the highest number by no more than the origin can have said meanwhile, what an
 * origin says itself corrects what others said in its name, and instances that were made up take
 * few places. The time counts anew from each that is believed: many at once raise it by as much
 * each, and who does not hear the origin itself then drops what that one says as past, until it
 * does. */
#include "core/message/seen.h"

#include <string.h>

#include "core/node.h"

struct instance {
	struct shoal_id id;
	uint64_t salt;
};

struct origin {
	struct shoal_list node;
	struct instance instance;
	uint64_t at; /* when something new of it was heard last */
	uint64_t highest, often[SHOAL_SEEN_WORDS];
	uint64_t top, reliable[SHOAL_SEEN_RELIABLE];
	uint64_t direct[2]; /* the highest of either row that it told itself */
	uint64_t heard[2];  /* when something new of either was heard last */
	uint64_t gone;      /* the highest reliable one that was heard and is kept here no more */
	bool stray;
};

/* What the shortest broadcast costs its origin at the least, which tells it to two members where
 * anybody passes it on. */
#define COST_LEAST UINT64_C(80)

/* Words of those that their origin may still keep. */
#define LACKS_WORDS (SHOAL_CASTS_MOST / 64 + 2)

/* One of the rows. */
struct row {
	uint64_t *highest, *word, words;
};

static bool
is_of_instance(const void *owner, uint32_t value, const void *key)
{
	const struct shoal_seen *seen = owner;
	const struct origin *origin = shoal_slab_at(&seen->slab, value);

	return memcmp(&origin->instance, key, sizeof origin->instance) == 0;
}

void
shoal_seen_init(struct shoal_core *core)
{
	struct shoal_seen *seen = &core->seen;

	shoal_slab_init(&seen->slab, &core->mem, sizeof(struct origin), SHOAL_SEEN_MAX);
	shoal_table_init(&seen->by_instance, &core->mem, core->members.by_id.key, SHOAL_SEEN_MAX,
	        is_of_instance, seen);
	shoal_list_init(&seen->order);
}

void
shoal_seen_done(struct shoal_core *core)
{
	shoal_table_done(&core->seen.by_instance);
	shoal_slab_done(&core->seen.slab);
}

static struct instance
instance_of(const struct shoal_cast_key *key)
{
	return (struct instance){key->id, key->salt};
}

static uint32_t
find(const struct shoal_seen *seen, const struct instance *instance)
{
	if (seen->by_instance.count == 0) {
		return SHOAL_NONE;
	}
	return shoal_table_find(&seen->by_instance,
	        shoal_table_hash(&seen->by_instance, instance, sizeof *instance), instance);
}

static struct row
row_of(struct origin *origin, bool reliable)
{
	return reliable ? (struct row){&origin->top, origin->reliable, SHOAL_SEEN_RELIABLE}
	                : (struct row){&origin->highest, origin->often, SHOAL_SEEN_WORDS};
}

static bool
is_below(const struct row *row, uint64_t number)
{
	uint64_t word = number / 64, top = *row->highest / 64;

	return number < *row->highest && top - word >= row->words - 1;
}

bool
shoal_seen_is_past(const struct shoal_core *core, const struct shoal_cast_key *key)
{
	struct instance instance = instance_of(key);
	struct origin *origin = shoal_slab_at(&core->seen.slab, find(&core->seen, &instance));

	if (origin == NULL) {
		return false;
	}
	struct row row = row_of(origin, key->reliable);
	return is_below(&row, key->number);
}

bool
shoal_seen_has(const struct shoal_core *core, const struct shoal_cast_key *key)
{
	struct instance instance = instance_of(key);
	struct origin *origin = shoal_slab_at(&core->seen.slab, find(&core->seen, &instance));

#ifdef SHOAL_PLANT_CAST_AGAIN
	return false;
#endif
	if (origin == NULL) {
		return false;
	}
	struct row row = row_of(origin, key->reliable);
	uint64_t word = key->number / 64;
	if (key->number > *row.highest) {
		return false;
	}
	return is_below(&row, key->number) ||
	       (row.word[word % row.words] >> key->number % 64 & 1) != 0;
}

bool
shoal_seen_lacks(const struct shoal_core *core, const struct shoal_cast_key *key)
{
	struct instance instance = instance_of(key);
	const struct origin *origin = shoal_slab_at(&core->seen.slab, find(&core->seen, &instance));
	bool begun = false;

	if (origin == NULL) {
		return false;
	}
	uint64_t last = origin->top / 64;
	for (uint64_t i = last < LACKS_WORDS ? 0 : last - LACKS_WORDS + 1; i <= last; i++) {
		uint64_t heard = origin->reliable[i % SHOAL_SEEN_RELIABLE];
		uint64_t all = i < last ? UINT64_MAX : UINT64_MAX >> (63 - origin->top % 64);
		if (!begun && heard == 0) {
			continue;
		}
		all &= begun ? UINT64_MAX : ~((heard & -heard) - 1);
		begun = true;
		if ((all & ~heard) != 0) {
			return true;
		}
	}
	return false;
}

static uint8_t *
strays_of(struct shoal_seen *seen, const struct shoal_id *id)
{
	uint64_t hash = shoal_table_hash(&seen->by_instance, id, sizeof *id);

	return &seen->strays[hash % SHOAL_SEEN_PLACES];
}

static void
drop_oldest(struct shoal_seen *seen)
{
	struct origin *origin =
	        SHOAL_LIST_ITEM(shoal_list_first(&seen->order), struct origin, node);
	uint32_t number = find(seen, &origin->instance);

	shoal_table_remove(&seen->by_instance,
	        shoal_table_hash(&seen->by_instance, &origin->instance, sizeof origin->instance),
	        number);
	*strays_of(seen, &origin->instance.id) -= origin->stray;
	shoal_list_remove(&origin->node);
	shoal_slab_give(&seen->slab, number);
}

/* Two for each that is added: so those that are over go, and no call costs much. */
static void
make_room(struct shoal_core *core)
{
	struct shoal_seen *seen = &core->seen;

	for (unsigned i = 0; i < 2 && !shoal_list_empty(&seen->order); i++) {
		const struct origin *origin =
		        SHOAL_LIST_ITEM(shoal_list_first(&seen->order), struct origin, node);
		bool full = i == 0 && seen->slab.count == SHOAL_SEEN_MAX;
		if (!full && core->now - origin->at < SHOAL_SEEN_NS) {
			return;
		}
		drop_oldest(seen);
	}
}

/* NULL: no memory, or too many that were not told. */
static struct origin *
take(struct shoal_core *core, const struct instance *instance, bool told)
{
	struct shoal_seen *seen = &core->seen;
	uint32_t number = find(seen, instance);
	struct origin *origin = shoal_slab_at(&seen->slab, number);

	if (origin != NULL) {
		shoal_list_remove(&origin->node);
		return origin;
	}
	make_room(core);
	uint8_t *strays = strays_of(seen, &instance->id);
	if (!told && *strays >= SHOAL_SEEN_STRAYS) {
		return NULL;
	}
	origin = shoal_slab_take(&seen->slab, &number);
	if (origin == NULL) {
		return NULL;
	}
	origin->instance = *instance;
	uint64_t hash = shoal_table_hash(&seen->by_instance, instance, sizeof *instance);
	if (shoal_table_put(&seen->by_instance, hash, number) != SHOAL_OK) {
		shoal_slab_give(&seen->slab, number);
		return NULL;
	}
	origin->stray = !told;
	*strays += origin->stray;
	return origin;
}

/* Numbers that an origin can have gone on by in some time, as far as its rates let it: one that is
 * not reliable by those of bytes, a reliable one by how many are kept and for how long none of them
 * makes room. */
static uint64_t
left_out(const struct shoal_core *core, bool reliable, uint64_t ns)
{
	const struct shoal_profile *profile = &core->profile;
	uint64_t ms = (ns < SHOAL_SEEN_NS ? ns : SHOAL_SEEN_NS) / SHOAL_MS(1);

	if (reliable) {
		return 2 * SHOAL_CASTS_MOST + ms * SHOAL_CASTS_MOST / profile->digest_interval_ms;
	}
	return SHOAL_SEEN_WORDS * 64 +
	       (profile->cast_burst + ms * profile->cast_rate / 1000) / COST_LEAST;
}

bool
shoal_seen_is_credible(const struct shoal_core *core, const struct shoal_cast_key *key)
{
	struct instance instance = instance_of(key);
	struct origin *origin = shoal_slab_at(&core->seen.slab, find(&core->seen, &instance));

	if (origin == NULL) {
		return key->number <= SHOAL_SEEN_NUMBER_MOST;
	}
	uint64_t highest = *row_of(origin, key->reliable).highest;
	uint64_t passed = core->now - origin->heard[key->reliable];
	return key->number <= SHOAL_SEEN_NUMBER_MOST &&
	       (highest == 0 || key->number <= highest + left_out(core, key->reliable, passed));
}

bool
shoal_seen_correct(struct shoal_core *core, const struct shoal_cast_key *key)
{
	struct instance instance = instance_of(key);
	struct origin *origin = shoal_slab_at(&core->seen.slab, find(&core->seen, &instance));

	if (origin == NULL || key->number <= origin->direct[key->reliable]) {
		return false;
	}
	struct row row = row_of(origin, key->reliable);
	if (!is_below(&row, key->number)) {
		return false;
	}
	uint64_t heard = key->reliable ? origin->gone : key->number - 1;
	uint64_t last = key->number | 63, span = row.words * 64;
	uint64_t first = last < span ? 0 : last - span + 1;
	memset(row.word, 0xff, row.words * sizeof *row.word);
	for (uint64_t i = heard < first ? first : heard + 1; i <= last; i++) {
		row.word[i / 64 % row.words] &= ~(UINT64_C(1) << i % 64);
	}
	*row.highest = key->number;
	return true;
}

void
shoal_seen_gone(struct shoal_core *core, const struct shoal_cast_key *key)
{
	struct instance instance = instance_of(key);
	struct origin *origin = shoal_slab_at(&core->seen.slab, find(&core->seen, &instance));

	if (origin != NULL && key->reliable && key->number > origin->gone &&
	        key->number <= origin->direct[1]) {
		origin->gone = key->number;
	}
}

/* Its origin told this one itself. */
static void
raise_direct(struct origin *origin, const struct shoal_cast_key *key)
{
	uint64_t *most = &origin->direct[key->reliable];

	*most = key->number > *most ? key->number : *most;
}

void
shoal_seen_direct(struct shoal_core *core, const struct shoal_cast_key *key)
{
	struct instance instance = instance_of(key);
	struct origin *origin = shoal_slab_at(&core->seen.slab, find(&core->seen, &instance));

	if (origin != NULL) {
		raise_direct(origin, key);
	}
}

int
shoal_seen_add(struct shoal_core *core, const struct shoal_cast_key *key, bool told, bool direct)
{
	struct instance instance = instance_of(key);
	struct origin *origin = take(core, &instance, told);

	if (origin == NULL) {
		bool full = !told && *strays_of(&core->seen, &key->id) >= SHOAL_SEEN_STRAYS;
		return full ? SHOAL_ERR_LIMIT : SHOAL_ERR_NOMEM;
	}
	if (told && origin->stray) {
		origin->stray = false;
		--*strays_of(&core->seen, &key->id);
	}
	if (direct) {
		raise_direct(origin, key);
	}
	shoal_list_push_back(&core->seen.order, &origin->node);
	origin->at = origin->heard[key->reliable] = core->now;
	struct row row = row_of(origin, key->reliable);
	uint64_t word = key->number / 64, top = *row.highest / 64;
	if (key->number > *row.highest) {
		for (uint64_t i = 1; i <= word - top && i <= row.words; i++) {
			row.word[(top + i) % row.words] = 0;
		}
		*row.highest = key->number;
	}
	row.word[word % row.words] |= UINT64_C(1) << key->number % 64;
	return SHOAL_OK;
}

size_t
shoal_seen_memory(const struct shoal_core *core)
{
	return shoal_slab_memory(&core->seen.slab) + shoal_table_memory(&core->seen.by_instance);
}
