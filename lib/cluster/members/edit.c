/* SPDX-License-Identifier: MIT */
/* The new document is made on a copy, without the lock that the loop needs too; where another edit
 * came first it is made again, and after a few times under the lock.
 *
 * Of changes that are kept the last one of each name counts. What they touch is taken out first and
 * what they set put in then, so that no document on the way is larger than the last one: a
 * transaction is judged by what it leaves, in whatever order it was put together. */
#include "cluster/members/edit.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/report/last_error.h"

#include <shoal/document.h>

#include <string.h>

/* What a packet needs besides a document. */
#define PACKET_REST 1024
/* An edit that others overtook so often is made under the lock. */
#define TRIES_FREE 4

/* Stands before the name and the bytes of a value. */
struct kept {
	bool tag, wanted;
	uint32_t name_len;
	struct shoal_meta_value value;
};

static size_t
most(const struct shoal_cluster *cluster)
{
	size_t stream = cluster->settings.config.profile.stream_max - PACKET_REST;

	if (shoal_cluster_codec(cluster)->id != SHOAL_CODEC_BINARY) {
		stream = shoal_codec_holds(shoal_cluster_codec(cluster), stream);
	}
	return stream < SHOAL_META_MAX ? stream : SHOAL_META_MAX;
}

static int
refuse(const struct shoal_cluster *cluster, const struct shoal_edit_change *change, int rc)
{
	const char *what = change->tag ? "tag" : "metadata";
	int len = (int)(change->name_len < 64 ? change->name_len : 64);

	switch (rc) {
	case SHOAL_ERR_INVALID:
		return shoal_last_error_set(rc,
		        "%s: \"%.*s\"; allowed are names of 1 to %d bytes of UTF-8 without control "
		        "characters, and UTF-8 for strings",
		        what, len, change->name, change->tag ? SHOAL_TAG_MAX : SHOAL_META_KEY_MAX);
	case SHOAL_ERR_TOO_BIG:
		return shoal_last_error_set(rc,
		        "%s: with \"%.*s\" it would be more than %zu bytes, the limit of all that "
		        "a member says",
		        what, len, change->name, most(cluster));
	case SHOAL_ERR_NOT_FOUND:
		return shoal_last_error_set(
		        rc, "%s: \"%.*s\" is not there", what, len, change->name);
	default:
		return shoal_last_error_set(rc, "%s: %s", what, shoal_strerror(rc));
	}
}

/* Makes one change on a document in `from`, into `to`; *len is that of both. */
static int
make(const struct shoal_cluster *cluster, const struct shoal_edit_change *change,
        const uint8_t *from, uint8_t *to, size_t *len)
{
	size_t made = *len;
	int rc;

	if (change->tag) {
		rc = shoal_document_tag(from, *len, change->name, change->name_len, change->wanted,
		        to, most(cluster), &made);
	} else {
		rc = shoal_document_set(from, *len, change->name, change->name_len,
		        change->wanted ? &change->value : NULL, to, most(cluster), &made);
	}
	if (rc == SHOAL_ERR_NOT_FOUND && change->lenient) {
		memcpy(to, from, *len);
		return 0;
	}
	*len = made;
	return rc != 0 ? refuse(cluster, change, rc) : 0;
}

/* The next of those that were kept; *at is moved behind it. */
static struct shoal_edit_change
unkeep(const uint8_t **at)
{
	struct shoal_edit_change change = {.lenient = true};
	struct kept kept;

	memcpy(&kept, *at, sizeof(kept));
	change.tag = kept.tag;
	change.wanted = kept.wanted;
	change.name = (const char *)*at + sizeof(kept);
	change.name_len = kept.name_len;
	change.value = kept.value;
	*at += sizeof(kept) + kept.name_len;
	if (kept.value.type == SHOAL_META_STRING || kept.value.type == SHOAL_META_BYTES) {
		change.value.is.bytes.data = *at;
		*at += kept.value.is.bytes.len;
	}
	return change;
}

/* Under the document's lock: what was made takes its place. */
static int
take(struct shoal_cluster *cluster, const uint8_t *made, size_t len)
{
	struct shoal_own_document *own = &cluster->document;
	uint8_t *data = NULL;

	if (len == own->len && (len == 0 || memcmp(made, own->data, len) == 0)) {
		return 0;
	}
	if (len > 0) {
		data = shoal_alloc(cluster->mem, len);
		if (data == NULL) {
			return shoal_last_error_set(
			        SHOAL_ERR_NOMEM, "metadata: %s", shoal_strerror(SHOAL_ERR_NOMEM));
		}
		memcpy(data, made, len);
	}
	shoal_alloc_free(cluster->mem, own->data);
	own->data = data;
	own->len = len;
	own->changed = true;
	own->edits++;
	return 0;
}

/* A document that is being made: from holds it, to is as large. */
struct draft {
	uint8_t *from, *to;
	size_t len;
};

static int
make_next(const struct shoal_cluster *cluster, const struct shoal_edit_change *change,
        struct draft *draft)
{
	uint8_t *made = draft->to;
	int rc = make(cluster, change, draft->from, made, &draft->len);

	if (rc == 0) {
		draft->to = draft->from;
		draft->from = made;
	}
	return rc;
}

/* Those that were kept between begin and end. */
static int
make_kept(const struct shoal_cluster *cluster, const uint8_t *begin, const uint8_t *end,
        struct draft *draft)
{
	int rc = 0;

	for (const uint8_t *at = begin; rc == 0 && at < end;) {
		struct shoal_edit_change change = unkeep(&at);

		change.wanted = false;
		rc = make_next(cluster, &change, draft);
	}
	for (const uint8_t *at = begin; rc == 0 && at < end;) {
		struct shoal_edit_change change = unkeep(&at);

		rc = change.wanted ? make_next(cluster, &change, draft) : 0;
	}
	return rc;
}

/* Makes all changes or none, one or those that were kept, on what is there now. *overtaken: another
 * edit was faster, nothing has changed. held: the lock is kept all the time. */
static int
apply_once(struct shoal_cluster *cluster, const struct shoal_edit_change *one,
        const struct shoal_edit_list *list, struct draft *draft, bool held, bool *overtaken)
{
	struct shoal_own_document *own = &cluster->document;
	uint64_t edits;
	int rc;

	pthread_mutex_lock(&own->lock);
	edits = own->edits;
	draft->len = own->len;
	if (own->len > 0) {
		memcpy(draft->from, own->data, own->len);
	}
	if (!held) {
		pthread_mutex_unlock(&own->lock);
	}
	rc = one != NULL ? make_next(cluster, one, draft)
	                 : make_kept(cluster, list->data, list->data + list->len, draft);
	if (!held) {
		pthread_mutex_lock(&own->lock);
	}
	*overtaken = own->edits != edits;
	if (rc == 0 && !*overtaken) {
		rc = take(cluster, draft->from, draft->len);
	}
	pthread_mutex_unlock(&own->lock);
	return rc;
}

int
shoal_edit_apply(struct shoal_cluster *cluster, const struct shoal_edit_change *one,
        const struct shoal_edit_list *list)
{
	size_t room = most(cluster);
	uint8_t *both = shoal_alloc(cluster->mem, 2 * room);
	bool overtaken = true;
	int rc = 0;

	if (both == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "metadata: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	struct draft draft = {both, both + room, 0};
	for (unsigned i = 0; overtaken; i++) {
		rc = apply_once(cluster, one, list, &draft, i == TRIES_FREE, &overtaken);
	}
	shoal_alloc_free(cluster->mem, both);
	return rc;
}
/* A change that could never be made is refused at once: it is tried on an empty document. */
static int
try(const struct shoal_cluster *cluster, const struct shoal_edit_change *change)
{
	size_t room = most(cluster), len = 0;
	uint8_t *scratch = shoal_alloc(cluster->mem, room);
	int rc;

	if (scratch == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "metadata: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	rc = make(cluster, change, scratch, scratch, &len);
	shoal_alloc_free(cluster->mem, scratch);
	return rc;
}

/* Only the last change of a name counts, so that there is one of each. */
static void
outdate(struct shoal_edit_list *list, const struct shoal_edit_change *newer)
{
	const uint8_t *at = list->data, *end = list->data + list->len;

	while (at < end) {
		size_t begin = (size_t)(at - list->data);
		struct shoal_edit_change older = unkeep(&at);

		if (older.tag == newer->tag && older.name_len == newer->name_len &&
		        memcmp(older.name, newer->name, newer->name_len) == 0) {
			memmove(list->data + begin, at, (size_t)(end - at));
			list->len -= (size_t)(at - list->data) - begin;
			return;
		}
	}
}

static int
grow(struct shoal_cluster *cluster, struct shoal_edit_list *list, size_t needed)
{
	uint8_t *grown;

	if (needed <= list->capacity) {
		return 0;
	}
	grown = shoal_alloc_resize(cluster->mem, list->data, 2 * needed, 1);
	if (grown == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "metadata: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	list->data = grown;
	list->capacity = 2 * needed;
	return 0;
}

int
shoal_edit_keep(struct shoal_cluster *cluster, struct shoal_edit_list *list,
        const struct shoal_edit_change *change)
{
	struct kept kept = {.tag = change->tag,
	        .wanted = change->wanted,
	        .name_len = (uint32_t)change->name_len,
	        .value = change->value};
	bool text =
	        change->value.type == SHOAL_META_STRING || change->value.type == SHOAL_META_BYTES;
	size_t bytes = text ? change->value.is.bytes.len : 0;
	size_t needed = sizeof(kept) + change->name_len + bytes;
	int rc = try(cluster, change);

	rc = rc == 0 ? grow(cluster, list, list->len + needed) : rc;
	if (rc != 0) {
		return rc;
	}
	outdate(list, change);
	uint8_t *at = list->data + list->len;
	memcpy(at, &kept, sizeof(kept));
	memcpy(at + sizeof(kept), change->name, change->name_len);
	if (bytes > 0) {
		memcpy(at + needed - bytes, change->value.is.bytes.data, bytes);
	}
	list->len += needed;
	return 0;
}
