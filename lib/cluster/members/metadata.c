/* SPDX-License-Identifier: MIT */
/* Edits of this member's document.
 *
 * It is changed where it is asked for, under a lock of its own, so that the caller hears at once
 * whether it fits; the loop is rung, takes what it finds and gives it to the core as a whole. Edits
 * in quick succession so become one update. A transaction keeps its changes one behind the other,
 * as documents of one item, and makes them all at its commit. */
#include "cluster/members/metadata.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"

#include <shoal/document.h>

#include <string.h>

/* What a packet needs besides a document. */
#define PACKET_REST 1024

/* One change: a key, or a tag. */
struct change {
	bool tag, wanted, lenient; /* lenient: removing what is not there is no error */
	const char *name;
	size_t name_len;
	struct shoal_meta_value value;
};

/* Changes are kept in one buffer: struct kept, the name, the bytes of a value. */
struct kept {
	bool tag, wanted;
	uint32_t name_len;
	struct shoal_meta_value value;
};

struct shoal_meta_edit {
	struct shoal_cluster *cluster;
	uint8_t *data;
	size_t len, capacity;
};

static size_t
most(const struct shoal_cluster *cluster)
{
	size_t stream = cluster->settings.config.profile.stream_max - PACKET_REST;

	return stream < SHOAL_META_MAX ? stream : SHOAL_META_MAX;
}

static int
refuse(const struct shoal_cluster *cluster, const struct change *change, int rc)
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
make(const struct shoal_cluster *cluster, const struct change *change, const uint8_t *from,
        uint8_t *to, size_t *len)
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
static struct change
unkeep(const uint8_t **at)
{
	struct change change = {.lenient = true};
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

/* Lets the loop know. false: it is leaving, or has stopped. */
static bool
ring(struct shoal_cluster *cluster)
{
	enum shoal_cluster_state state;

	pthread_mutex_lock(&cluster->lock);
	state = cluster->state;
	if (state == SHOAL_CLUSTER_RUNNING) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
	pthread_mutex_unlock(&cluster->lock);
	return state == SHOAL_CLUSTER_RUNNING || state == SHOAL_CLUSTER_CREATED;
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
	return 0;
}

/* Makes all changes or none: one change, or those between begin and end. */
static int
apply(struct shoal_cluster *cluster, const struct change *one, const uint8_t *begin,
        const uint8_t *end)
{
	struct shoal_own_document *own = &cluster->document;
	size_t room = most(cluster);
	uint8_t *from = shoal_alloc(cluster->mem, 2 * room), *to, *swap;
	int rc = 0;

	if (from == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "metadata: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	uint8_t *both = from;
	to = from + room;
	pthread_mutex_lock(&own->lock);
	size_t len = own->len;
	if (len > 0) {
		memcpy(from, own->data, len);
	}
	if (one != NULL) {
		rc = make(cluster, one, from, to, &len);
		from = to;
	}
	while (rc == 0 && begin < end) {
		struct change change = unkeep(&begin);

		rc = make(cluster, &change, from, to, &len);
		swap = from;
		from = to;
		to = swap;
	}
	rc = rc == 0 ? take(cluster, from, len) : rc;
	pthread_mutex_unlock(&own->lock);
	shoal_alloc_free(cluster->mem, both);
	return rc;
}

static int
may_change(struct shoal_cluster *cluster, const char *what, const void *name)
{
	enum shoal_cluster_state state;
	int rc = shoal_fork_check(cluster, what);

	if (rc != 0) {
		return rc;
	}
	if (name == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "%s: NULL", what);
	}
	pthread_mutex_lock(&cluster->lock);
	state = cluster->state;
	pthread_mutex_unlock(&cluster->lock);
	if (state == SHOAL_CLUSTER_CREATED || state == SHOAL_CLUSTER_RUNNING) {
		return 0;
	}
	return shoal_last_error_set(
	        SHOAL_ERR_STATE, "%s: the cluster is %s", what, shoal_cluster_state_name(state));
}

static int
change(struct shoal_cluster *cluster, const struct change *wanted)
{
	int rc = apply(cluster, wanted, NULL, NULL);

	if (rc == 0 && !ring(cluster)) {
		return shoal_last_error_set(SHOAL_ERR_STATE, "metadata: the cluster has stopped");
	}
	return rc;
}

static int
set(struct shoal_cluster *cluster, const char *key, const struct shoal_meta_value *value)
{
	struct change wanted = {.wanted = value != NULL, .name = key};
	int rc = may_change(cluster, "metadata", key);

	if (rc != 0) {
		return rc;
	}
	wanted.name_len = strlen(key);
	if (value != NULL) {
		wanted.value = *value;
	}
	return change(cluster, &wanted);
}

int
shoal_meta_set_bool(struct shoal_cluster *cluster, const char *key, bool value)
{
	struct shoal_meta_value to = {.type = SHOAL_META_BOOL};

	to.is.boolean = value;
	return set(cluster, key, &to);
}

int
shoal_meta_set_int64(struct shoal_cluster *cluster, const char *key, int64_t value)
{
	struct shoal_meta_value to = {.type = SHOAL_META_INT64};

	to.is.int64 = value;
	return set(cluster, key, &to);
}

int
shoal_meta_set_uint64(struct shoal_cluster *cluster, const char *key, uint64_t value)
{
	struct shoal_meta_value to = {.type = SHOAL_META_UINT64};

	to.is.uint64 = value;
	return set(cluster, key, &to);
}

int
shoal_meta_set_double(struct shoal_cluster *cluster, const char *key, double value)
{
	struct shoal_meta_value to = {.type = SHOAL_META_DOUBLE};

	to.is.number = value;
	return set(cluster, key, &to);
}

int
shoal_meta_set_time(struct shoal_cluster *cluster, const char *key, int64_t time_ms)
{
	struct shoal_meta_value to = {.type = SHOAL_META_TIME};

	to.is.time_ms = time_ms;
	return set(cluster, key, &to);
}

static struct shoal_meta_value
string(const char *text)
{
	struct shoal_meta_value to = {.type = SHOAL_META_STRING};

	to.is.bytes.data = (const uint8_t *)text;
	to.is.bytes.len = text != NULL ? strlen(text) : 0;
	return to;
}

int
shoal_meta_set_str(struct shoal_cluster *cluster, const char *key, const char *value)
{
	struct shoal_meta_value to = string(value);
	int rc = may_change(cluster, "metadata", value);

	return rc != 0 ? rc : set(cluster, key, &to);
}

int
shoal_meta_set_bytes(struct shoal_cluster *cluster, const char *key, const void *data, size_t len)
{
	struct shoal_meta_value to = {.type = SHOAL_META_BYTES};

	to.is.bytes.data = data;
	to.is.bytes.len = data != NULL ? len : 0;
	return set(cluster, key, &to);
}

int
shoal_meta_delete(struct shoal_cluster *cluster, const char *key)
{
	return set(cluster, key, NULL);
}

static int
tag(struct shoal_cluster *cluster, const char *name, bool wanted)
{
	struct change to = {.tag = true, .wanted = wanted, .name = name};
	int rc = may_change(cluster, "tag", name);

	if (rc != 0) {
		return rc;
	}
	to.name_len = strlen(name);
	return change(cluster, &to);
}

int
shoal_tag_add(struct shoal_cluster *cluster, const char *name)
{
	return tag(cluster, name, true);
}

int
shoal_tag_remove(struct shoal_cluster *cluster, const char *name)
{
	return tag(cluster, name, false);
}

int
shoal_meta_begin(struct shoal_cluster *cluster, struct shoal_meta_edit **edit)
{
	struct shoal_meta_edit *made;
	int rc = shoal_fork_check(cluster, "metadata");

	if (rc != 0) {
		return rc;
	}
	made = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*made));
	if (made == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOMEM, "metadata: %s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	made->cluster = cluster;
	*edit = made;
	return 0;
}

/* A change that could never be made is refused at once: it is tried on an empty document. */
static int
try(const struct shoal_cluster *cluster, const struct change *change)
{
	size_t room = most(cluster), len = 0;
	uint8_t *scratch = shoal_alloc(cluster->mem, room);
	int rc = SHOAL_ERR_NOMEM;

	if (scratch != NULL) {
		rc = make(cluster, change, scratch, scratch, &len);
	}
	shoal_alloc_free(cluster->mem, scratch);
	return rc;
}

static int
keep(struct shoal_meta_edit *edit, const struct change *change)
{
	const struct shoal_cluster *cluster = edit->cluster;
	struct kept kept = {.tag = change->tag,
	        .wanted = change->wanted,
	        .name_len = (uint32_t)change->name_len,
	        .value = change->value};
	bool text =
	        change->value.type == SHOAL_META_STRING || change->value.type == SHOAL_META_BYTES;
	size_t bytes = text ? change->value.is.bytes.len : 0;
	int rc = try(cluster, change);

	if (rc != 0) {
		return rc == SHOAL_ERR_NOMEM
		               ? shoal_last_error_set(rc, "metadata: %s", shoal_strerror(rc))
		               : rc;
	}
	size_t needed = edit->len + sizeof(kept) + change->name_len + bytes;
	if (needed > edit->capacity) {
		uint8_t *grown = shoal_alloc_resize(cluster->mem, edit->data, 2 * needed, 1);
		if (grown == NULL) {
			return shoal_last_error_set(
			        SHOAL_ERR_NOMEM, "metadata: %s", shoal_strerror(SHOAL_ERR_NOMEM));
		}
		edit->data = grown;
		edit->capacity = 2 * needed;
	}
	memcpy(edit->data + edit->len, &kept, sizeof(kept));
	memcpy(edit->data + edit->len + sizeof(kept), change->name, change->name_len);
	if (bytes > 0) {
		memcpy(edit->data + needed - bytes, change->value.is.bytes.data, bytes);
	}
	edit->len = needed;
	return 0;
}

int
shoal_meta_edit_set(
        struct shoal_meta_edit *edit, const char *key, const struct shoal_meta_value *value)
{
	struct change wanted = {.wanted = value != NULL, .lenient = true, .name = key};

	if (key == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "metadata: NULL");
	}
	wanted.name_len = strlen(key);
	if (value != NULL) {
		wanted.value = *value;
	}
	return keep(edit, &wanted);
}

int
shoal_meta_edit_str(struct shoal_meta_edit *edit, const char *key, const char *value)
{
	struct shoal_meta_value to = string(value);

	if (value == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "metadata: NULL");
	}
	return shoal_meta_edit_set(edit, key, &to);
}

int
shoal_meta_edit_tag(struct shoal_meta_edit *edit, const char *name, bool wanted)
{
	struct change to = {.tag = true, .wanted = wanted, .lenient = true, .name = name};

	if (name == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "tag: NULL");
	}
	to.name_len = strlen(name);
	return keep(edit, &to);
}

int
shoal_meta_commit(struct shoal_meta_edit *edit)
{
	struct shoal_cluster *cluster = edit->cluster;
	int rc = may_change(cluster, "metadata", edit);

	if (rc == 0 && edit->len > 0) {
		rc = apply(cluster, NULL, edit->data, edit->data + edit->len);
		if (rc == 0 && !ring(cluster)) {
			rc = shoal_last_error_set(
			        SHOAL_ERR_STATE, "metadata: the cluster has stopped");
		}
	}
	shoal_meta_abort(edit);
	return rc;
}

void
shoal_meta_abort(struct shoal_meta_edit *edit)
{
	if (edit != NULL) {
		shoal_alloc_free(edit->cluster->mem, edit->data);
		shoal_alloc_free(edit->cluster->mem, edit);
	}
}

/* The next tag of a list; *text is moved behind it. */
static struct change
next_tag(const char **text)
{
	size_t len = strcspn(*text, ",");
	struct change one = {.tag = true, .wanted = true, .name = *text, .name_len = len};

	*text += len + ((*text)[len] == ',');
	return one;
}

int
shoal_metadata_check_tags(const char *text)
{
	uint8_t scratch[SHOAL_TAG_MAX + 8];
	size_t len;

	while (text != NULL && *text != '\0') {
		struct change one = next_tag(&text);

		if (shoal_document_tag(NULL, 0, one.name, one.name_len, true, scratch,
		            sizeof(scratch), &len) != 0) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "tags: \"%.*s\"; allowed are tags of 1 to %d bytes of UTF-8 "
			        "without control characters, with a comma between several",
			        (int)(one.name_len < 64 ? one.name_len : 64), one.name,
			        SHOAL_TAG_MAX);
		}
	}
	return 0;
}

int
shoal_metadata_init(struct shoal_cluster *cluster, const char *tags)
{
	int rc = 0;

	cluster->document.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	while (rc == 0 && tags != NULL && *tags != '\0') {
		struct change one = next_tag(&tags);

		rc = apply(cluster, &one, NULL, NULL);
	}
	return rc;
}

void
shoal_metadata_done(struct shoal_cluster *cluster)
{
	shoal_alloc_free(cluster->mem, cluster->document.data);
	pthread_mutex_destroy(&cluster->document.lock);
}

/* What the core cannot keep for want of memory is tried again with the next change. */
void
shoal_metadata_push(struct shoal_cluster *cluster)
{
	struct shoal_own_document *own = &cluster->document;
	struct shoal_input input = {.kind = SHOAL_INPUT_META};
	uint8_t *copy = NULL;
	bool wanted;

	pthread_mutex_lock(&own->lock);
	wanted = own->changed;
	if (wanted && own->len > 0) {
		copy = shoal_alloc(cluster->mem, own->len);
		wanted = copy != NULL;
	}
	if (wanted) {
		input.data = copy;
		input.len = own->len;
		if (input.len > 0) {
			memcpy(copy, own->data, input.len);
		}
		own->changed = false;
	}
	pthread_mutex_unlock(&own->lock);
	if (wanted && cluster->core != NULL &&
	        shoal_loop_input(cluster, &input) == SHOAL_ERR_NOMEM) {
		pthread_mutex_lock(&own->lock);
		own->changed = true;
		pthread_mutex_unlock(&own->lock);
	}
	shoal_alloc_free(cluster->mem, copy);
}
