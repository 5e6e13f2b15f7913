/* SPDX-License-Identifier: MIT */
/* Infos and the pool that shares them. In a pool each distinct content is held once, with a count
 * of its holders; a million views of a thousand members then cost a thousand infos (the simulator).
 * Without a pool an info has one holder and no count. Cost: O(size) to take, a SipHash over the
 * content in a pool. */
#include "core/table/info.h"

#include <string.h>

#include "base/alloc.h"
#include "base/panic.h"
#include "base/slab.h"
#include "base/table.h"

#define PACKED_IPV4 7  /* kind, 4 bytes, port */
#define PACKED_IPV6 23 /* kind, 16 bytes, port, scope */
#define MOVED       8  /* an incarnation */
#define INFO_MAX                                                                                   \
	(sizeof(struct shoal_info) + SHOAL_NAME_MAX + 1 + SHOAL_ADDRS_MAX * PACKED_IPV6 +          \
	        SHOAL_URL_MAX + 1 + MOVED)
#define META_HEAD 20 /* version, hash, length of the body */

/* Stands before each info of a pool. */
struct holders {
	uint32_t count;
	uint32_t number; /* in pool->entries */
};

struct shoal_pool {
	struct shoal_allocator mem;
	struct shoal_table by_content;
	struct shoal_slab entries; /* struct shoal_info *, by number */
	size_t bytes;
};

static size_t
packed_size(char kind)
{
	return kind == 4 ? PACKED_IPV4 : PACKED_IPV6;
}

static size_t
pack(const struct shoal_addr *addr, char *out)
{
	bool ipv4 = shoal_addr_is_ipv4(addr);
	char *at = out;

	*at++ = ipv4 ? 4 : 6;
	memcpy(at, ipv4 ? addr->ip + 12 : addr->ip, ipv4 ? 4 : 16);
	at += ipv4 ? 4 : 16;
	memcpy(at, &addr->port, sizeof addr->port);
	at += sizeof addr->port;
	if (!ipv4) {
		memcpy(at, &addr->scope, sizeof addr->scope);
		at += sizeof addr->scope;
	}
	return (size_t)(at - out);
}

struct shoal_addr
shoal_info_addr(const struct shoal_info *info, unsigned i)
{
	struct shoal_addr addr = {.ip = {[10] = 0xff, [11] = 0xff}};
	const char *at = info->bytes;

	while (i-- > 0) {
		at += packed_size(*at);
	}
	bool ipv4 = *at++ == 4;
	memcpy(ipv4 ? addr.ip + 12 : addr.ip, at, ipv4 ? 4 : 16);
	at += ipv4 ? 4 : 16;
	memcpy(&addr.port, at, sizeof addr.port);
	if (!ipv4) {
		memcpy(&addr.scope, at + sizeof addr.port, sizeof addr.scope);
	}
	return addr;
}

struct shoal_addr_list
shoal_info_addrs(const struct shoal_info *info)
{
	struct shoal_addr_list list = {.count = info->addrs};

	for (unsigned i = 0; i < info->addrs; i++) {
		list.item[i] = shoal_info_addr(info, i);
	}
	return list;
}

const char *
shoal_info_name(const struct shoal_info *info)
{
	const char *at = info->bytes;

	for (unsigned i = 0; i < info->addrs; i++) {
		at += packed_size(*at);
	}
	return at;
}

const char *
shoal_info_url(const struct shoal_info *info)
{
	return info->web != 0 ? shoal_info_name(info) + info->name_len + 1 : "";
}

/* Behind the name and the URL. */
static const char *
rest_of(const struct shoal_info *info)
{
	const char *at = shoal_info_name(info) + info->name_len + 1;

	return info->web != 0 ? at + strlen(at) + 1 : at;
}

/* Without metadata. */
static size_t
base_size(const struct shoal_info *info)
{
	return (size_t)(rest_of(info) - (const char *)info) + (info->moved != 0 ? MOVED : 0);
}

uint64_t
shoal_info_moved(const struct shoal_info *info)
{
	uint64_t moved = 0;

	if (info->moved != 0) {
		memcpy(&moved, rest_of(info), sizeof moved);
	}
	return moved;
}

struct shoal_meta
shoal_info_meta(const struct shoal_info *info)
{
	struct shoal_meta meta = {.version = 0};
	uint32_t len;

	if (info->described == 0) {
		return meta;
	}
	const char *at = (const char *)info + base_size(info);
	memcpy(&meta.version, at, sizeof meta.version);
	memcpy(&meta.hash, at + 8, sizeof meta.hash);
	memcpy(&len, at + 16, sizeof len);
	meta.body = (struct shoal_span){(const uint8_t *)at + META_HEAD, len};
	return meta;
}

static size_t
size_of(const struct shoal_info *info)
{
	size_t base = base_size(info);

	return info->described == 0 ? base : base + META_HEAD + shoal_info_meta(info).body.len;
}

static char *
put_text(char *at, struct shoal_span text)
{
	memcpy(at, text.data, text.len);
	at[text.len] = '\0';
	return at + text.len + 1;
}

/* Writes the info of a statement; returns its size. */
static size_t
fill(struct shoal_info *info, const struct shoal_msg_member *m)
{
	char *at = info->bytes;

	memset(info, 0, offsetof(struct shoal_info, bytes));
	info->id = m->id;
	info->salt = m->salt;
	info->app_version = (uint32_t)m->app_version;
	info->protocol_min = m->protocol_min;
	info->protocol_max = m->protocol_max;
	info->name_len = (uint8_t)m->name.len;
	info->addrs = m->addrs.count & 0x1f;
	info->web = m->url.len > 0;
	info->moved = m->moved != 0;
	for (size_t i = 0; i < m->addrs.count; i++) {
		at += pack(&m->addrs.item[i], at);
	}
	at = put_text(at, m->name);
	if (m->url.len > 0) {
		at = put_text(at, m->url);
	}
	if (m->moved != 0) {
		memcpy(at, &m->moved, sizeof m->moved);
		at += sizeof m->moved;
	}
	return (size_t)(at - (char *)info);
}

struct shoal_msg_member
shoal_info_said(const struct shoal_info *info)
{
	return (struct shoal_msg_member){.id = info->id,
	        .salt = info->salt,
	        .name = {(const uint8_t *)shoal_info_name(info), info->name_len},
	        .addrs = shoal_info_addrs(info),
	        .protocol_min = info->protocol_min,
	        .protocol_max = info->protocol_max,
	        .app_version = info->app_version,
	        .moved = shoal_info_moved(info),
	        .url = {(const uint8_t *)shoal_info_url(info), strlen(shoal_info_url(info))}};
}

bool
shoal_info_same(const struct shoal_info *info, const struct shoal_msg_member *member)
{
	_Alignas(struct shoal_info) char room[INFO_MAX];
	size_t size = fill((struct shoal_info *)room, member);

	((struct shoal_info *)room)->described = info->described & 1;
	return size == base_size(info) && memcmp(info, room, size) == 0;
}

bool
shoal_info_same_addrs(const struct shoal_addr_list *a, const struct shoal_addr_list *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; i < a->count && same; i++) {
		same = a->item[i].port == b->item[i].port &&
		       memcmp(a->item[i].ip, b->item[i].ip, sizeof a->item[i].ip) == 0;
	}
	return same;
}

void
shoal_info_keep_scopes(struct shoal_addr_list *told, const struct shoal_addr_list *held, bool all)
{
	for (size_t i = 0; i < told->count * held->count; i++) {
		struct shoal_addr *one = &told->item[i / held->count];
		const struct shoal_addr *known = &held->item[i % held->count];

		if ((all || one->scope == 0) && known->scope != 0 &&
		        memcmp(one->ip, known->ip, sizeof one->ip) == 0) {
			one->scope = known->scope;
		}
	}
}

unsigned
shoal_info_changes(const struct shoal_info *before, const struct shoal_info *after)
{
	struct shoal_addr_list held = shoal_info_addrs(before), now = shoal_info_addrs(after);
	unsigned changes = 0;

	if (memcmp(&before->salt, &after->salt, sizeof before->salt) != 0) {
		changes |= SHOAL_CHANGE_INSTANCE;
	}
	if (!shoal_info_same_addrs(&held, &now)) {
		changes |= SHOAL_CHANGE_ADDRESS;
	}
	if (strcmp(shoal_info_name(before), shoal_info_name(after)) != 0) {
		changes |= SHOAL_CHANGE_NAME;
	}
	if (before->app_version != after->app_version ||
	        before->protocol_min != after->protocol_min ||
	        before->protocol_max != after->protocol_max) {
		changes |= SHOAL_CHANGE_VERSION;
	}
	return changes;
}

static bool
has_content(const void *owner, uint32_t number, const void *key)
{
	const struct shoal_pool *pool = owner;
	struct shoal_info *const *entry = shoal_slab_at(&pool->entries, number);
	size_t size = size_of(key);

	return size == size_of(*entry) && memcmp(*entry, key, size) == 0;
}

static struct holders *
holders_of(struct shoal_info *info)
{
	return (struct holders *)info - 1;
}

static struct shoal_info *
add(struct shoal_pool *pool, const void *content, size_t size, uint64_t hash)
{
	struct holders *holders = shoal_alloc(&pool->mem, sizeof *holders + size);
	struct shoal_info **entry, *info;

	if (holders == NULL) {
		return NULL;
	}
	info = (struct shoal_info *)(holders + 1);
	memcpy(info, content, size);
	holders->count = 1;
	entry = shoal_slab_take(&pool->entries, &holders->number);
	if (entry == NULL) {
		shoal_alloc_free(&pool->mem, holders);
		return NULL;
	}
	*entry = info;
	if (shoal_table_put(&pool->by_content, hash, holders->number) != SHOAL_OK) {
		shoal_slab_give(&pool->entries, holders->number);
		shoal_alloc_free(&pool->mem, holders);
		return NULL;
	}
	pool->bytes += sizeof *holders + size;
	return info;
}

static struct shoal_info *
share(struct shoal_pool *pool, const void *content, size_t size)
{
	uint64_t hash = shoal_table_hash(&pool->by_content, content, size);
	uint32_t number = shoal_table_find(&pool->by_content, hash, content);

	if (number == SHOAL_TABLE_NONE) {
		return add(pool, content, size, hash);
	}
	struct shoal_info *info = *(struct shoal_info **)shoal_slab_at(&pool->entries, number);
	holders_of(info)->count++;
	return info;
}

struct shoal_info *
shoal_info_take(struct shoal_info_source *source, const struct shoal_msg_member *member)
{
	_Alignas(struct shoal_info) char room[INFO_MAX];
	size_t size = fill((struct shoal_info *)room, member);

	if (source->pool != NULL) {
		return share(source->pool, room, size);
	}
	struct shoal_info *info = shoal_alloc(source->mem, size);
	if (info != NULL) {
		memcpy(info, room, size);
		source->bytes += size;
	}
	return info;
}

/* base: an info without its metadata, size bytes. */
static struct shoal_info *
put_together(struct shoal_info_source *source, const void *base, size_t size,
        const struct shoal_meta *meta)
{
	uint32_t len = (uint32_t)meta->body.len;
	struct shoal_info *info = shoal_alloc(source->mem, size + META_HEAD + len);

	if (info == NULL) {
		return NULL;
	}
	char *at = (char *)info + size;
	memcpy(info, base, size);
	info->described = 1;
	memcpy(at, &meta->version, sizeof meta->version);
	memcpy(at + 8, &meta->hash, sizeof meta->hash);
	memcpy(at + 16, &len, sizeof len);
	if (len > 0) {
		memcpy(at + META_HEAD, meta->body.data, len);
	}
	size += META_HEAD + len;
	if (source->pool != NULL) {
		struct shoal_info *shared = share(source->pool, info, size);
		shoal_alloc_free(source->mem, info);
		return shared;
	}
	source->bytes += size;
	return info;
}

struct shoal_info *
shoal_info_describe(struct shoal_info_source *source, const struct shoal_info *info,
        const struct shoal_meta *meta)
{
	return put_together(source, info, base_size(info), meta);
}

struct shoal_info *
shoal_info_renew(struct shoal_info_source *source, const struct shoal_info *info,
        const struct shoal_msg_member *member)
{
	_Alignas(struct shoal_info) char room[INFO_MAX];
	struct shoal_meta meta = shoal_info_meta(info);

	if (info->described == 0) {
		return shoal_info_take(source, member);
	}
	return put_together(source, room, fill((struct shoal_info *)room, member), &meta);
}

void
shoal_info_give(struct shoal_info_source *source, struct shoal_info *info)
{
	struct shoal_pool *pool = source->pool;
	size_t size = size_of(info);

	if (pool == NULL) {
		source->bytes -= size;
		shoal_alloc_free(source->mem, info);
		return;
	}
	struct holders *holders = holders_of(info);
	if (--holders->count > 0) {
		return;
	}
	pool->bytes -= sizeof *holders + size;
	shoal_table_remove(&pool->by_content, shoal_table_hash(&pool->by_content, info, size),
	        holders->number);
	shoal_slab_give(&pool->entries, holders->number);
	shoal_alloc_free(&pool->mem, holders);
}

int
shoal_pool_new(struct shoal_pool **out, const struct shoal_allocator *allocator)
{
	/* The content comes from peers, but from peers of a simulation: a fixed key will do. */
	static const uint64_t key[2] = {UINT64_C(0x73686f616c706f6f), UINT64_C(0x6c6b6579)};
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct shoal_pool *pool = shoal_alloc_zeroed(&mem, 1, sizeof *pool);

	if (pool == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	pool->mem = mem;
	shoal_table_init(&pool->by_content, &pool->mem, key, UINT32_MAX / 2, has_content, pool);
	shoal_slab_init(&pool->entries, &pool->mem, sizeof(struct shoal_info *), UINT32_MAX / 2);
	*out = pool;
	return SHOAL_OK;
}

void
shoal_pool_free(struct shoal_pool *pool)
{
	if (pool == NULL) {
		return;
	}
	SHOAL_ASSERT(pool->entries.count == 0);
	struct shoal_allocator mem = pool->mem;
	shoal_slab_done(&pool->entries);
	shoal_table_done(&pool->by_content);
	shoal_alloc_free(&mem, pool);
}

size_t
shoal_pool_memory(const struct shoal_pool *pool)
{
	return sizeof *pool + pool->bytes + shoal_table_memory(&pool->by_content) +
	       shoal_slab_memory(&pool->entries);
}
