/* SPDX-License-Identifier: MIT */
/* struct shoal_member: what the application holds of a member.
 *
 * Every change makes a new object, so that whoever holds one sees one moment and needs no lock. The
 * exception is the round trip time: it moves with every probe and would make a copy each second of
 * each member; it is one atomic word. An object lives in one allocation with its name, refers to
 * its allocator and to what the member says of itself, which has a count of its own, and so may
 * outlive its cluster. Counts are atomic: any thread
 * may drop the last reference. */
#include "cluster/members/member.h"

#include "base/alloc.h"

#include <string.h>

/* false: no memory. */
static bool
describe(struct shoal_member *member, const struct shoal_allocator *mem,
        const struct shoal_core_member *from, const struct shoal_member *before)
{
	if (from->meta_version == 0) {
		return true;
	}
	if (before != NULL && shoal_id_compare(&before->id, &from->id) == 0 &&
	        shoal_described_is(before->described, from->meta_version, from->meta_hash)) {
		member->described = shoal_described_ref(before->described);
		return true;
	}
	member->described = shoal_described_new(
	        mem, from->meta_version, from->meta_hash, from->meta, from->meta_len);
	return member->described != NULL;
}

struct shoal_member *
shoal_member_new(const struct shoal_allocator *mem, const struct shoal_core_member *from,
        uint64_t since_wall_ns, const struct shoal_member *before)
{
	const char *url = from->url != NULL ? from->url : "";
	size_t len = strlen(from->name);
	struct shoal_member *member =
	        shoal_alloc_zeroed(mem, 1, sizeof(*member) + len + 1 + strlen(url) + 1);

	if (member == NULL || !describe(member, mem, from, before)) {
		shoal_alloc_free(mem, member);
		return NULL;
	}
	atomic_init(&member->refs, 1);
	atomic_init(&member->rtt_ns, from->rtt_ns);
	member->mem = mem;
	member->app_version = from->app_version;
	member->id = from->id;
	member->addrs = from->addrs;
	memcpy(member->addr, from->addr, sizeof(member->addr));
	member->state = from->state;
	member->diagnosis = from->diagnosis;
	member->since_wall_ns = since_wall_ns;
	member->incarnation = from->incarnation;
	member->protocol_min = from->protocol_min;
	member->protocol_max = from->protocol_max;
	member->self = from->self;
	memcpy(member->name, from->name, len + 1);
	member->url = member->name + len + 1;
	memcpy(member->name + len + 1, url, strlen(url) + 1);
	return member;
}

struct shoal_member *
shoal_member_copy(const struct shoal_member *member, enum shoal_state state, uint64_t since_wall_ns)
{
	struct shoal_core_member from = {.id = member->id,
	        .name = member->name,
	        .url = member->url,
	        .addrs = member->addrs,
	        .state = state,
	        .diagnosis = member->diagnosis,
	        .incarnation = member->incarnation,
	        .rtt_ns = shoal_member_rtt(member),
	        .app_version = member->app_version,
	        .protocol_min = member->protocol_min,
	        .protocol_max = member->protocol_max,
	        .self = member->self,
	        .meta_version = shoal_described_version(member->described),
	        .meta_hash = shoal_described_hash(member->described)};

	memcpy(from.addr, member->addr, sizeof(from.addr));
	return shoal_member_new(member->mem, &from, since_wall_ns, member);
}

void
shoal_member_measured(struct shoal_member *member, uint64_t rtt_ns)
{
	atomic_store_explicit(&member->rtt_ns, rtt_ns, memory_order_relaxed);
}

struct shoal_member *
shoal_member_ref(struct shoal_member *member)
{
	if (member != NULL) {
		atomic_fetch_add_explicit(&member->refs, 1, memory_order_relaxed);
	}
	return member;
}

void
shoal_member_unref(struct shoal_member *member)
{
	if (member == NULL) {
		return;
	}
	if (atomic_fetch_sub_explicit(&member->refs, 1, memory_order_acq_rel) == 1) {
		shoal_described_unref(member->described);
		shoal_alloc_free(member->mem, member);
	}
}

const struct shoal_id *
shoal_member_id(const struct shoal_member *member)
{
	return &member->id;
}

const char *
shoal_member_name(const struct shoal_member *member)
{
	return member->name;
}

const struct shoal_addr *
shoal_member_address(const struct shoal_member *member)
{
	return &member->addr[0];
}

const char *
shoal_member_url(const struct shoal_member *member)
{
	return member->url;
}

const char *
shoal_member_address_print(const struct shoal_member *member, char *text, size_t len)
{
	if (!shoal_addr_is_web(&member->addr[0])) {
		return shoal_addr_print(&member->addr[0], text, len);
	}
	if (len > 0) {
		size_t n = strlen(member->url) < len ? strlen(member->url) : len - 1;

		memcpy(text, member->url, n);
		text[n] = '\0';
	}
	return text;
}

size_t
shoal_member_addresses(const struct shoal_member *member, const struct shoal_addr **addrs)
{
	if (addrs != NULL) {
		*addrs = member->addr;
	}
	return member->addrs;
}

enum shoal_state
shoal_member_state(const struct shoal_member *member)
{
	return member->state;
}

enum shoal_diagnosis
shoal_member_diagnosis(const struct shoal_member *member)
{
	return member->diagnosis;
}

uint64_t
shoal_member_since(const struct shoal_member *member)
{
	return member->since_wall_ns;
}

uint64_t
shoal_member_incarnation(const struct shoal_member *member)
{
	return member->incarnation;
}

uint64_t
shoal_member_rtt(const struct shoal_member *member)
{
	return atomic_load_explicit(&member->rtt_ns, memory_order_relaxed);
}

uint32_t
shoal_member_app_version(const struct shoal_member *member)
{
	return member->app_version;
}

void
shoal_member_protocol(const struct shoal_member *member, unsigned *lowest, unsigned *highest)
{
	if (lowest != NULL) {
		*lowest = member->protocol_min;
	}
	if (highest != NULL) {
		*highest = member->protocol_max;
	}
}

bool
shoal_member_is_self(const struct shoal_member *member)
{
	return member->self;
}

const char *
shoal_cause_text(const struct shoal_cause *cause)
{
	static _Thread_local char text[SHOAL_LOG_TEXT_MAX];

	return shoal_cause_print(cause, text, sizeof(text));
}
