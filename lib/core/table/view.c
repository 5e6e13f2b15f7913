/* SPDX-License-Identifier: MIT */
/* What a host may ask of a core: members, counts, health, counters, a hash over everything, memory.
 * Nothing here changes anything. */
#include <string.h>

#include "core/node.h"

uint64_t
shoal_core_meta_held(const struct shoal_core *core)
{
	return core->members.meta_bytes;
}

uint32_t
shoal_core_slots(const struct shoal_core *core)
{
	return core->members.records.end;
}

static uint64_t
outside(uint64_t time)
{
	return time > SHOAL_TIME_ORIGIN ? time - SHOAL_TIME_ORIGIN : 0;
}

/* Only while it takes part is it of interest how it can be reached. */
static enum shoal_diagnosis
diagnosis_of(const struct shoal_core *core, const struct shoal_record *record, bool self)
{
	const struct shoal_id *id = &record->info->id;

	bool inbound = shoal_members_inbound(record) && (self || shoal_members_counts(record));

	/* Where another member lives at its address, that is why nobody can dial it there. */
	return shoal_gone_is_shared(core, id) ? SHOAL_DIAGNOSIS_SHARED_ADDRESS
	       : inbound                      ? SHOAL_DIAGNOSIS_INBOUND_ONLY
	       : shoal_partial_is(core, id)   ? SHOAL_DIAGNOSIS_PARTIAL
	                                      : SHOAL_DIAGNOSIS_NONE;
}

bool
shoal_core_member(const struct shoal_core *core, uint32_t slot, struct shoal_core_member *member)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record == NULL) {
		return false;
	}
	const struct shoal_info *info = record->info;
	memset(member, 0, sizeof *member);
	member->id = info->id;
	member->salt = info->salt;
	member->name = shoal_members_name(record);
	for (unsigned i = 0; i < info->addrs; i++) {
		member->addr[i] = shoal_info_addr(info, i);
	}
	member->addrs = info->addrs;
	member->url = shoal_info_url(info);
	member->state = (enum shoal_state)record->state;
	member->incarnation = record->incarnation;
	if (record->state != SHOAL_STATE_UNKNOWN && record->hold != SHOAL_NONE) {
		member->since_ns = outside(shoal_members_hold(core, record)->since);
	}
	member->heard_ns = outside(shoal_members_heard(core, record));
	member->rtt_ns = SHOAL_US(record->srtt_us);
	member->app_version = info->app_version;
	member->protocol_min = info->protocol_min;
	member->protocol_max = info->protocol_max;
	member->self = slot == SHOAL_SELF;
	member->forgotten = (shoal_members_marks(core, record) & SHOAL_MARK_FORGOTTEN) != 0;
	member->diagnosis = diagnosis_of(core, record, member->self);
	struct shoal_meta meta = shoal_info_meta(info);
	member->meta_version = meta.version;
	member->meta_hash = meta.hash;
	member->meta = meta.body.data;
	member->meta_len = meta.body.len;
	return true;
}

uint64_t
shoal_core_link(const struct shoal_core *core, uint32_t slot, uint64_t *waits)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (waits != NULL) {
		*waits = peer != NULL ? shoal_fifo_len(&peer->mail) : 0;
	}
	return record != NULL && shoal_members_inbound(record) ? shoal_inbound_link(core, slot) : 0;
}

int
shoal_core_find(const struct shoal_core *core, const struct shoal_id *id, uint32_t *slot)
{
	uint32_t found = shoal_members_find(core, id);
	if (found == SHOAL_NONE) {
		return SHOAL_ERR_NOT_FOUND;
	}
	*slot = found;
	return SHOAL_OK;
}

size_t
shoal_core_count(const struct shoal_core *core, enum shoal_state state)
{
	return (unsigned)state < SHOAL_STATES ? core->members.count[state] : 0;
}

unsigned
shoal_core_health(const struct shoal_core *core)
{
	return core->health;
}

const struct shoal_counters *
shoal_core_counters(const struct shoal_core *core)
{
	return &core->counters;
}

const struct shoal_histograms *
shoal_core_histograms(const struct shoal_core *core)
{
	return &core->histograms;
}

static uint64_t
mix(uint64_t hash, uint64_t value)
{
	hash ^= value;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* Eight bytes a step, put together by arithmetic: the same on any machine. */
static uint64_t
mix_bytes(uint64_t hash, const uint8_t *data, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++) {
		value = value << 8 | data[i];
		if (i % 8 == 7) {
			hash = mix(hash, value);
			value = 0;
		}
	}
	return mix(mix(hash, value), len);
}

static uint64_t
mix_info(uint64_t hash, const struct shoal_record *record)
{
	const struct shoal_info *info = record->info;

	hash = mix_bytes(hash, info->id.bytes, sizeof info->id.bytes);
	hash = mix_bytes(hash, (const uint8_t *)shoal_members_name(record), info->name_len);
	for (unsigned i = 0; i < info->addrs; i++) {
		struct shoal_addr addr = shoal_info_addr(info, i);
		hash = mix_bytes(hash, addr.ip, sizeof addr.ip);
		hash = mix(hash, (uint64_t)addr.scope << 16 | addr.port);
	}
	hash = mix(hash, shoal_info_moved(info));
	return mix(hash, (uint64_t)info->app_version << 16 | (uint64_t)info->protocol_min << 8 |
	                         info->protocol_max);
}

static uint64_t
mix_hold(uint64_t hash, const struct shoal_hold *hold)
{
	if (hold == NULL) {
		return mix(hash, 0);
	}
	hash = mix(hash, hold->timer.at);
	hash = mix(hash, hold->begun);
	hash = mix(mix(hash, hold->moved), hold->weight);
	hash = mix(hash, hold->since);
	hash = mix(hash, hold->refused_at);
	for (size_t i = 0; i < hold->doubters; i++) {
		hash = mix_bytes(hash, hold->doubter[i].bytes, sizeof hold->doubter[i].bytes);
	}
	return mix(hash, (uint64_t)hold->doubters << 8 | hold->rearmed);
}

uint64_t
shoal_core_hash(const struct shoal_core *core)
{
	uint64_t hash = mix(core->now, core->rng.state);

	for (uint32_t slot = 0; slot < core->members.records.end; slot++) {
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (record == NULL) {
			continue;
		}
		hash = mix_info(hash, record);
		hash = mix(hash, slot);
		hash = mix(hash, record->incarnation);
		hash = mix(hash, shoal_meta_sum(core, slot));
		hash = mix_bytes(hash, record->info->salt.bytes, sizeof record->info->salt.bytes);
		hash = mix(hash, (uint64_t)record->heard_ms << 8 | record->both);
		hash = mix(hash, (uint64_t)record->state << 32 | record->flags);
		hash = mix(hash, (uint64_t)record->srtt_us << 32 | record->rttvar_us);
		hash = mix(hash, (uint64_t)record->sampled_ms << 32 | record->samples);
		hash = mix(hash, record->place);
		hash = mix_hold(hash, shoal_members_hold(core, record));
	}
	for (uint32_t i = 0; i < core->nets.count; i++) {
		const struct shoal_net *net = &core->nets.item[i];
		hash = mix(mix_bytes(hash, net->prefix, sizeof net->prefix), net->at);
		hash = mix(hash, (uint64_t)net->srtt_us << 32 | net->rttvar_us);
	}
	/* A replay has no keys and no compressor: what it sends is of another length. */
	for (size_t i = 0; i < SHOAL_COUNTERS; i++) {
		bool length = i == SHOAL_COUNTER_BYTES_OUT || i == SHOAL_COUNTER_COMPRESSED ||
		              i == SHOAL_COUNTER_BYTES_SAVED;
		hash = mix(hash, length ? 0 : core->counters.value[i]);
	}
	hash = mix(mix(hash, core->lag.ns), core->lag.at);
	hash = mix(mix(hash, core->silence.heard), core->silence.since);
	hash = mix(hash, (uint64_t)core->partials.slab.count << 32 | core->partials.tellers);
	hash = mix(hash, (uint64_t)core->reach.ways << 32 | core->ways.count);
	for (uint32_t i = 0; i < core->weights.count; i++) {
		hash = mix(mix(hash, core->weights.item[i].at), core->weights.item[i].lost);
	}
	hash = mix(hash, (uint64_t)core->gossip.entries.count << 32 | core->probes.slab.count);
	hash = mix(hash, (uint64_t)core->relays.slab.count << 32 | core->exchanges.count);
	hash = mix(hash, (uint64_t)core->identity.twins.count << 32 | core->identity.rivals.count);
	hash = mix(mix(hash, core->took.salt), core->took.early);
	hash = mix(hash, core->inquests.count);
	hash = mix(hash, core->talk.peers.count);
	hash = mix(mix(hash, core->talk.number), core->talk.flying);
	hash = mix(mix(hash, core->keep.sum), core->keep.others_bytes);
	hash = mix(hash, (uint64_t)core->seen.slab.count << 32 | core->spread.count);
	for (size_t i = 0; i < SHOAL_LINKS_OUT; i++) {
		hash = mix(hash, core->watch.link[i].number ^ core->watch.link[i].phase);
	}
	for (size_t i = 0; i < SHOAL_LINKS_IN; i++) {
		hash = mix(hash, core->watch.watcher[i].number);
	}
	hash = mix(mix(hash, core->inbound.alone), core->inbound.next);
	hash = mix(hash, shoal_call_hash(core));
	hash = mix(hash, (uint64_t)core->accept.waiting.count << 32 | core->accept.decided.count);
	hash = mix(hash, shoal_heap_next(&core->heap));
	for (uint32_t i = 0; i < core->sync.count; i++) {
		hash = mix(hash, core->sync.differs[i].since);
	}
	hash = mix(mix(hash, core->meta.clock.last), core->pulls.slab.count);
	return mix(hash, (uint64_t)core->leave.phase << 32 | core->health);
}

size_t
shoal_core_memory(const struct shoal_core *core)
{
#ifdef SHOAL_PLANT_SENDS_UNCOUNTED
	return sizeof *core + shoal_members_memory(core);
#endif
	return sizeof *core + shoal_members_memory(core) + shoal_tree_memory(core) +
	       shoal_peer_memory(core) + shoal_cast_memory(core) + core->profile.datagram_max +
	       core->sends.stream_capacity + core->walk.out.cap +
	       shoal_ring_memory(&core->sends.queue) + shoal_ring_memory(&core->events) +
	       shoal_ring_memory(&core->logs) + shoal_ring_memory(&core->checks.waiting) +
	       shoal_slab_memory(&core->inquests) + shoal_ring_memory(&core->checks.tried) +
	       shoal_ring_memory(&core->checks.moves) + shoal_slab_memory(&core->gossip.entries) +
	       shoal_slab_memory(&core->probes.slab) + shoal_slab_memory(&core->relays.slab) +
	       shoal_slab_memory(&core->partials.slab) + shoal_table_memory(&core->gossip.metas) +
	       shoal_slab_memory(&core->pulls.slab) + shoal_table_memory(&core->pulls.by_slot) +
	       shoal_slab_memory(&core->identity.twins) + shoal_slab_memory(&core->accept.waiting) +
	       shoal_slab_memory(&core->accept.decided) +
	       shoal_slab_memory(&core->identity.rivals) + shoal_slab_memory(&core->exchanges) +
	       shoal_seal_memory(core) + shoal_coding_memory(core) + shoal_call_memory(core);
}
