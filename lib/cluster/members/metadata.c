/* SPDX-License-Identifier: MIT */
/* Edits of this member's document.
 *
 * It is changed where it is asked for (edit.c), so that the caller hears at once whether it fits;
 * the loop is rung, takes what it finds and gives it to the core as a whole. Edits in quick
 * succession so become one update. */
#include "cluster/members/metadata.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/members/edit.h"
#include "cluster/report/last_error.h"

#include <shoal/document.h>

#include <string.h>

struct shoal_meta_edit {
	struct shoal_cluster *cluster;
	struct shoal_edit_list list;
};

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
change(struct shoal_cluster *cluster, const struct shoal_edit_change *wanted)
{
	int rc = shoal_edit_apply(cluster, wanted, NULL);

	if (rc == 0 && !ring(cluster)) {
		return shoal_last_error_set(SHOAL_ERR_STATE, "metadata: the cluster has stopped");
	}
	return rc;
}

static int
set(struct shoal_cluster *cluster, const char *key, const struct shoal_meta_value *value)
{
	struct shoal_edit_change wanted = {.wanted = value != NULL, .name = key};
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
	struct shoal_edit_change to = {.tag = true, .wanted = wanted, .name = name};
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

int
shoal_meta_edit_set(
        struct shoal_meta_edit *edit, const char *key, const struct shoal_meta_value *value)
{
	struct shoal_edit_change wanted = {.wanted = value != NULL, .lenient = true, .name = key};

	if (key == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "metadata: NULL");
	}
	wanted.name_len = strlen(key);
	if (value != NULL) {
		wanted.value = *value;
	}
	return shoal_edit_keep(edit->cluster, &edit->list, &wanted);
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
	struct shoal_edit_change to = {
	        .tag = true, .wanted = wanted, .lenient = true, .name = name};

	if (name == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "tag: NULL");
	}
	to.name_len = strlen(name);
	return shoal_edit_keep(edit->cluster, &edit->list, &to);
}

int
shoal_meta_commit(struct shoal_meta_edit *edit)
{
	struct shoal_cluster *cluster = edit->cluster;
	int rc = may_change(cluster, "metadata", edit);

	if (rc == 0 && edit->list.len > 0) {
		rc = shoal_edit_apply(cluster, NULL, &edit->list);
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
		shoal_alloc_free(edit->cluster->mem, edit->list.data);
		shoal_alloc_free(edit->cluster->mem, edit);
	}
}

/* The next tag of a list; *text is moved behind it. */
static struct shoal_edit_change
next_tag(const char **text)
{
	size_t len = strcspn(*text, ",");
	struct shoal_edit_change one = {
	        .tag = true, .wanted = true, .name = *text, .name_len = len};

	*text += len + ((*text)[len] == ',');
	return one;
}

int
shoal_metadata_check_tags(const char *text)
{
	uint8_t scratch[SHOAL_TAG_MAX + 8];
	size_t len;

	while (text != NULL && *text != '\0') {
		struct shoal_edit_change one = next_tag(&text);

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
		struct shoal_edit_change one = next_tag(&tags);

		rc = shoal_edit_apply(cluster, &one, NULL);
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
