/* SPDX-License-Identifier: MIT */
/* Datagrams are never fragmented, so one that is larger than a link on the way is lost. Where the
 * network says so, the size for that member falls at once; where it says nothing (a black hole),
 * the probes find out: the first to a member and one in 256 are padded to the full size. A padded
 * one that is lost while what follows it (a small one, relays, a stream) is answered, twice in a
 * row, lowers the size. Which of those is answered does not matter: that they race would decide. A
 * padded probe that is answered proves its size and raises it again.
 *
 * What the network says can be forged by whoever saw a packet; the size never falls below what
 * every path takes, so that this costs packets and loses nothing. A member's size is one byte in
 * its record. Whom a report is about is looked up among those to whom something large was sent
 * lately: an entry may be overwritten, and then the report is lost and the next one counts. */
#include "core/detect/path.h"

#include "base/addr.h"
#include "base/hash.h"
#include "core/node.h"

/* One probe in so many is padded. */
#define PADDED_ONE_IN 256

void
shoal_path_init(struct shoal_core *core)
{
	core->paths.key[0] = shoal_rng_u64(&core->rng);
	core->paths.key[1] = shoal_rng_u64(&core->rng);
}

static size_t
size_of(const struct shoal_core *core, unsigned level, bool ipv4)
{
	size_t most = core->profile.datagram_max;

	if (level > 0 || !ipv4) {
		most = most < SHOAL_PATH_IPV6 ? most : SHOAL_PATH_IPV6;
	}
	return level < 2 ? most : SHOAL_PATH_LEAST;
}

static unsigned
level_of(const struct shoal_record *record)
{
	return record->flags >> SHOAL_PATH_SHIFT & SHOAL_PATH_LEVEL;
}

static void
set_level(struct shoal_core *core, struct shoal_record *record, unsigned level, unsigned flags)
{
	unsigned was = level_of(record);

	record->flags = (uint8_t)((record->flags & SHOAL_RECORD_FLAGS) |
	                          (level | flags) << SHOAL_PATH_SHIFT);
	if (level != was) {
		shoal_count(core,
		        level > was ? SHOAL_COUNTER_PATHS_LOWERED : SHOAL_COUNTER_PATHS_RAISED);
	}
}

size_t
shoal_path_limit(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_addr *to)
{
	return size_of(core, record != NULL ? level_of(record) : 0, shoal_addr_is_ipv4(to));
}

static bool
is_ipv4(const struct shoal_record *record)
{
	struct shoal_addr addr = shoal_members_addr(record);
	return shoal_addr_is_ipv4(&addr);
}

size_t
shoal_path_probe(struct shoal_core *core, const struct shoal_record *record)
{
	unsigned level = level_of(record);
	bool drawn = shoal_rng_below(&core->rng, PADDED_ONE_IN) == 0;

#ifdef SHOAL_PLANT_SIZE_FIRST_SMALL
	return drawn ? size_of(core, level > 0 ? level - 1 : 0, is_ipv4(record)) : 0;
#endif
	if (level < 2 && (record->flags >> SHOAL_PATH_SHIFT & SHOAL_PATH_PROVEN) == 0) {
		return size_of(core, level, is_ipv4(record));
	}
	return drawn ? size_of(core, level > 0 ? level - 1 : 0, is_ipv4(record)) : 0;
}

void
shoal_path_answered(struct shoal_core *core, struct shoal_record *record, size_t size, bool late)
{
	unsigned level = level_of(record);
	bool ipv4 = is_ipv4(record);

	if (!late) {
#ifdef SHOAL_PLANT_SIZE_NEVER_RISES
		size = 0;
#endif
		while (level > 0 && size_of(core, level, ipv4) < size) {
			level--;
		}
		set_level(core, record, level, SHOAL_PATH_PROVEN);
		return;
	}
	if (size > size_of(core, level, ipv4) || size <= SHOAL_PATH_LEAST) {
		return; /* a larger size was tried and did not pass; or there is no smaller one */
	}
	/* Once may be mere loss. After twice, once is enough for the next size. */
	while (level < 2 && (record->flags >> SHOAL_PATH_SHIFT & SHOAL_PATH_DOUBTED) != 0 &&
	        size_of(core, level, ipv4) >= size) {
		level++;
	}
#ifdef SHOAL_PLANT_SIZE_NEVER_FALLS
	level = level_of(record);
#endif
	set_level(core, record, level, SHOAL_PATH_DOUBTED);
}

static uint32_t *
recent(struct shoal_core *core, const struct shoal_addr *to)
{
	uint64_t hash = shoal_hash_sip(core->paths.key, to->ip, sizeof to->ip);
	return &core->paths.recent[(hash ^ to->port) % SHOAL_PATH_RECENT];
}

void
shoal_path_sent(struct shoal_core *core, uint32_t slot, const struct shoal_addr *to, size_t size)
{
	if (size > SHOAL_PATH_LEAST) {
		*recent(core, to) = slot;
	}
}

void
shoal_path_too_large(struct shoal_core *core, const struct shoal_addr *to, size_t size)
{
	struct shoal_record *record = shoal_members_at(core, *recent(core, to));

#ifdef SHOAL_PLANT_TOO_LARGE_UNHEARD
	return;
#endif
	if (record == NULL || !shoal_members_is_at(record, to)) {
		return;
	}
	unsigned level = level_of(record);
	bool ipv4 = is_ipv4(record);
	if (size == 0) {
		level += level < 2;
	}
	while (size > 0 && level < 2 && size_of(core, level, ipv4) > size) {
		level++;
	}
	if (level != level_of(record)) {
		set_level(core, record, level, 0);
	}
}
