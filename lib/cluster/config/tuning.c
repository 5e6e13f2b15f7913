/* SPDX-License-Identifier: MIT */
/* Live reconfiguration. A whole config is compared with the one in force: what is fixed from the
 * start is told to the caller and left, the rest is accepted as one, or nothing of it is. The loop
 * takes it on its next turn, so any thread and any callback may ask. */
#include "cluster/config/tuning.h"
#include "cluster/config/certs.h"

#include "base/addr.h"
#include "base/alloc.h"
#include "base/panic.h"
#include "cluster/cluster.h"
#include "cluster/join/join.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/listen.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"

#include <string.h>

#define FIELDS_MAX 128

/* The fields that differ; their names are static. */
struct differences {
	struct {
		const char *field;
		bool fixed;
	} item[FIELDS_MAX];
	size_t count;
};

/* NULL stays NULL. */
static int
copy_text(struct shoal_cluster *cluster, char **copy, const char *text)
{
	*copy = text == NULL ? NULL : shoal_alloc_text(cluster->mem, text);
	return text == NULL || *copy != NULL ? 0
	                                     : shoal_last_error_set(SHOAL_ERR_NOMEM, "config: %s",
	                                               shoal_strerror(SHOAL_ERR_NOMEM));
}

int
shoal_tuning_init(struct shoal_cluster *cluster)
{
	struct shoal_tuning *tuning = &cluster->tuning;
	const struct shoal_config *config = &cluster->settings.config;
	int rc;

	tuning->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	tuning->profile = config->profile;
	tuning->log_level = config->log_level;
	memcpy(tuning->range, cluster->settings.allow, sizeof(tuning->range));
	tuning->ranges = cluster->settings.allows;
	memcpy(tuning->addr, cluster->settings.advertise, sizeof(tuning->addr));
	tuning->addrs = cluster->settings.advertises;
	tuning->accept_clear = config->accept_clear;
	tuning->accept_unlabelled = config->accept_unlabelled;
	tuning->accept_for_ms = config->accept_for_ms;
	tuning->migrates = config->accept_clear != 0 || config->accept_unlabelled != 0;
	tuning->clear_set = tuning->unlabelled_set = true;
	tuning->changed = tuning->ranges > 0 || tuning->migrates;
	rc = copy_text(cluster, &tuning->tags, config->tags);
	rc = rc == 0 ? copy_text(cluster, &tuning->allow, config->allow) : rc;
	rc = rc == 0 ? copy_text(cluster, &tuning->advertise, config->advertise) : rc;
	return rc == 0 ? copy_text(cluster, &tuning->token, config->token) : rc;
}

static void
free_secret(struct shoal_cluster *cluster, char *text)
{
	if (text != NULL) {
		shoal_key_wipe(text, strlen(text));
	}
	shoal_alloc_free(cluster->mem, text);
}

void
shoal_tuning_done(struct shoal_cluster *cluster)
{
	shoal_alloc_free(cluster->mem, cluster->tuning.tags);
	shoal_alloc_free(cluster->mem, cluster->tuning.allow);
	shoal_alloc_free(cluster->mem, cluster->tuning.advertise);
	free_secret(cluster, cluster->tuning.token);
	pthread_mutex_destroy(&cluster->tuning.lock);
}

unsigned
shoal_tuning_leave_ms(struct shoal_cluster *cluster)
{
	unsigned ms;

	pthread_mutex_lock(&cluster->tuning.lock);
	ms = cluster->tuning.profile.leave_timeout_ms;
	pthread_mutex_unlock(&cluster->tuning.lock);
	return ms;
}

/* Fixed fields are not written: other threads read them without the lock. */
static void
update_settings(struct shoal_settings *settings, const struct shoal_tuning *tuning)
{
	struct shoal_config *config = &settings->config;

#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	if (config->profile.field != tuning->profile.field)                                        \
		config->profile.field = tuning->profile.field;
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
	config->log_level = tuning->log_level;
	config->accept_clear = tuning->accept_clear;
	config->accept_unlabelled = tuning->accept_unlabelled;
	config->accept_for_ms = tuning->accept_for_ms;
	memcpy(settings->advertise, tuning->addr, sizeof(settings->advertise));
	settings->advertises = tuning->addrs;
}

/* Where this member is now; what cannot be told for want of memory is tried with the next change.
 */
static void
push_addresses(struct shoal_cluster *cluster)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_ADDRESS};
	struct shoal_addr before[SHOAL_ADDRS_MAX];
	size_t count = cluster->advertiseds;
	int rc;

	memcpy(before, cluster->advertised, sizeof(before));
	rc = shoal_listen_advertise(cluster);
	if (rc == 0) {
		input.data = (const uint8_t *)cluster->advertised;
		input.len = cluster->advertiseds * sizeof(cluster->advertised[0]);
		rc = shoal_loop_input(cluster, &input);
	}
	if (rc != 0) {
		memcpy(cluster->advertised, before, sizeof(before));
		cluster->advertiseds = count;
	}
	pthread_mutex_lock(&cluster->lock);
	shoal_listen_print(cluster, cluster->address);
	pthread_mutex_unlock(&cluster->lock);
	if (rc == SHOAL_ERR_INVALID) {
		shoal_cluster_log(cluster, SHOAL_LOG_WARN, "config", "this member stays at %s: %s",
		        cluster->address, shoal_last_error());
	} else if (rc == SHOAL_ERR_NOMEM) {
		pthread_mutex_lock(&cluster->tuning.lock);
		cluster->tuning.changed = true;
		pthread_mutex_unlock(&cluster->tuning.lock);
	}
}

/* A list is meant to be alike at all members, and who is outside of it is taken in by none. */
static void
warn_of_outside(struct shoal_cluster *cluster, const struct shoal_cidr *range, size_t ranges)
{
	char text[SHOAL_ADDR_TEXT];

	for (size_t i = 0; ranges > 0 && i < cluster->advertiseds; i++) {
		const struct shoal_addr *own = &cluster->advertised[i];
		size_t j = 0;

		while (j < ranges && !shoal_cidr_contains(&range[j], own)) {
			j++;
		}
		if (j == ranges && !shoal_addr_is_web(own)) {
			shoal_addr_print(own, text, sizeof(text));
			shoal_cluster_log(cluster, SHOAL_LOG_WARN, "config",
			        "allow does not name this member's own address %s: members with "
			        "the same list do not take it in",
			        text);
		}
	}
}

/* Those that were not set stay as the core has them: what has ended by itself is not opened. */
static void
push_migration(struct shoal_cluster *cluster, bool clear_set, bool unlabelled_set)
{
	const struct shoal_config *config = &cluster->settings.config;
	struct shoal_migration migration;
	uint8_t data[SHOAL_MIGRATION_BYTES];
	struct shoal_input input = {.kind = SHOAL_INPUT_MIGRATE, .data = data};

	shoal_core_migrating(cluster->core, &migration);
	migration.accept_clear = clear_set ? config->accept_clear : migration.accept_clear;
	migration.accept_unlabelled =
	        unlabelled_set ? config->accept_unlabelled : migration.accept_unlabelled;
	migration.left_ms = config->accept_for_ms;
	input.len = shoal_core_migration(&migration, data, sizeof(data));
	(void)shoal_loop_input(cluster, &input);
}

static bool
takes_tokens(const struct shoal_cluster *cluster)
{
	return cluster->web != NULL && cluster->web->ops->token != NULL;
}

static void
push_token(struct shoal_cluster *cluster)
{
	char token[2 * SHOAL_TOKEN_MAX + 2] = "";

	if (takes_tokens(cluster)) {
		pthread_mutex_lock(&cluster->tuning.lock);
		if (cluster->tuning.token != NULL) { /* its length was checked */
			memcpy(token, cluster->tuning.token, strlen(cluster->tuning.token) + 1);
		}
		pthread_mutex_unlock(&cluster->tuning.lock);
		(void)cluster->web->ops->token(cluster->web->self, token);
		shoal_key_wipe(token, sizeof(token));
	}
}

void
shoal_tuning_push(struct shoal_cluster *cluster)
{
	struct shoal_tuning *tuning = &cluster->tuning;
	struct shoal_cidr range[SHOAL_ALLOW_MAX];
	struct shoal_input allow = {.kind = SHOAL_INPUT_ALLOW, .data = (const uint8_t *)range};
	uint8_t data[SHOAL_TUNING_BYTES];
	struct shoal_input tune = {.kind = SHOAL_INPUT_TUNE, .data = data};
	struct shoal_profile profile;
	bool changed, migrates = false, clear_set = false, unlabelled_set = false;
	uint32_t heals = cluster->settings.config.profile.heal_interval_ms;

	pthread_mutex_lock(&tuning->lock);
	changed = tuning->changed && cluster->core != NULL;
	if (changed) {
		migrates = tuning->migrates;
		clear_set = tuning->clear_set;
		unlabelled_set = tuning->unlabelled_set;
		tuning->changed = tuning->migrates = false;
		tuning->clear_set = tuning->unlabelled_set = false;
		update_settings(&cluster->settings, tuning);
		allow.len = tuning->ranges * sizeof(range[0]);
		memcpy(range, tuning->range, allow.len);
	}
	pthread_mutex_unlock(&tuning->lock);
	if (!changed) {
		return;
	}
	profile = cluster->settings.config.profile;
	profile.watchers = shoal_listen_has_links(cluster) ? profile.watchers : 0;
	tune.len =
	        shoal_core_tuning(&profile, cluster->settings.config.log_level, data, sizeof(data));
	/* Both were checked, and need no memory; STATE: it has left. */
	(void)shoal_loop_input(cluster, &tune);
	(void)shoal_loop_input(cluster, &allow);
	if (migrates) {
		push_migration(cluster, clear_set, unlabelled_set);
	}
	push_addresses(cluster);
	push_token(cluster);
	warn_of_outside(cluster, range, allow.len / sizeof(range[0]));
	shoal_background_tuned(cluster);
	if (migrates || heals != profile.heal_interval_ms) {
		shoal_background_hurry(cluster);
	}
}

static bool
has_tag(const char *tags, const char *tag, size_t len)
{
	while (tags != NULL && *tags != '\0') {
		size_t n = strcspn(tags, ",");

		if (n == len && memcmp(tags, tag, len) == 0) {
			return true;
		}
		tags += n + (tags[n] == ',');
	}
	return false;
}

/* Adds or removes the tags of one list that are not in the other. */
static int
edit_tags(struct shoal_meta_edit *edit, const char *tags, const char *other, bool wanted)
{
	char tag[SHOAL_TAG_MAX + 1];
	int rc = 0;

	while (rc == 0 && tags != NULL && *tags != '\0') {
		size_t len = strcspn(tags, ",");

		if (!has_tag(other, tags, len)) {
			memcpy(tag, tags, len); /* was checked */
			tag[len] = '\0';
			rc = shoal_meta_edit_tag(edit, tag, wanted);
		}
		tags += len + (tags[len] == ',');
	}
	return rc;
}

/* From the tags of the config in force to those of the next; what else was changed since stays.
 * Takes the text. */
static int
change_tags(struct shoal_cluster *cluster, char *tags)
{
	struct shoal_tuning *tuning = &cluster->tuning;
	struct shoal_meta_edit *edit;
	int rc = shoal_meta_begin(cluster, &edit);

	if (rc == 0) {
		rc = edit_tags(edit, tuning->tags, tags, false);
		rc = rc == 0 ? edit_tags(edit, tags, tuning->tags, true) : rc;
		if (rc == 0) {
			rc = shoal_meta_commit(edit);
		} else {
			shoal_meta_abort(edit);
		}
	}
	if (rc == 0) {
		shoal_alloc_free(cluster->mem, tuning->tags);
		tuning->tags = tags;
	} else {
		shoal_alloc_free(cluster->mem, tags);
	}
	return rc;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int
take_tags(struct shoal_cluster *cluster, const char *wanted)
{
	char *copy;

	if (same_text(cluster->tuning.tags, wanted)) {
		return 0;
	}
	int rc = copy_text(cluster, &copy, wanted);
	return rc == 0 ? change_tags(cluster, copy) : rc;
}

/* What of the wanted profile may count: fixed fields stay. */
static struct shoal_profile
merge(const struct shoal_profile *held, const struct shoal_profile *wanted)
{
	struct shoal_profile merged = *wanted;

#define SHOAL_X(field) merged.field = held->field;
	SHOAL_PROFILE_FIXED_TABLE(SHOAL_X)
#undef SHOAL_X
	return merged;
}

/* A mode that has ended stays so until it is changed itself, or both are given another time. */
static void
take_migration(struct shoal_tuning *tuning, const struct shoal_config *wanted)
{
	bool timed = tuning->accept_for_ms != wanted->accept_for_ms;
	bool anew = timed && wanted->accept_for_ms != 0;
	bool clear = tuning->accept_clear != wanted->accept_clear;
	bool unlabelled = tuning->accept_unlabelled != wanted->accept_unlabelled;

	tuning->migrates = tuning->migrates || timed || clear || unlabelled;
	tuning->clear_set = tuning->clear_set || clear || anew;
	tuning->unlabelled_set = tuning->unlabelled_set || unlabelled || anew;
	tuning->accept_clear = wanted->accept_clear;
	tuning->accept_unlabelled = wanted->accept_unlabelled;
	tuning->accept_for_ms = wanted->accept_for_ms;
}

/* One that ends does so with a restart: what is to protect in its place, keys or another bind, is
 * not there before. Lock of the tuning held. */
static bool
can_change_token(const struct shoal_cluster *cluster, const struct shoal_settings *wanted)
{
	const char *held = cluster->tuning.token, *next = wanted->config.token;

	return takes_tokens(cluster) &&
	       (held == NULL || *held == '\0' || (next != NULL && *next != '\0'));
}

/* moves: where it is changes too. */
static int
take_over(struct shoal_cluster *cluster, const struct shoal_settings *wanted, bool moves)
{
	struct shoal_tuning *tuning = &cluster->tuning;
	char *allow, *advertise = NULL, *token = NULL;
	bool has_token = can_change_token(cluster, wanted);
	int rc = copy_text(cluster, &allow, wanted->config.allow);

	if (rc == 0 && moves) {
		rc = copy_text(cluster, &advertise, wanted->config.advertise);
	}
	if (rc == 0 && has_token) {
		rc = copy_text(cluster, &token, wanted->config.token);
	}
	rc = rc == 0 ? take_tags(cluster, wanted->config.tags) : rc;
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, allow);
		shoal_alloc_free(cluster->mem, advertise);
		free_secret(cluster, token);
		return rc;
	}
	if (has_token) {
		free_secret(cluster, tuning->token);
		tuning->token = token;
	}
	shoal_alloc_free(cluster->mem, tuning->allow);
	tuning->allow = allow;
	memcpy(tuning->range, wanted->allow, sizeof(tuning->range));
	tuning->ranges = wanted->allows;
	if (moves) {
		shoal_alloc_free(cluster->mem, tuning->advertise);
		tuning->advertise = advertise;
		memcpy(tuning->addr, wanted->advertise, sizeof(tuning->addr));
		tuning->addrs = wanted->advertises;
	}
	tuning->profile = merge(&tuning->profile, &wanted->config.profile);
	tuning->log_level = wanted->config.log_level;
	take_migration(tuning, &wanted->config);
	tuning->changed = true;
	pthread_mutex_lock(&cluster->lock);
	if (cluster->state == SHOAL_CLUSTER_RUNNING) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
	pthread_mutex_unlock(&cluster->lock);
	return 0;
}

static void
note(const char *field, bool fixed, void *arg)
{
	struct differences *found = arg;

	SHOAL_ASSERT(found->count < FIELDS_MAX);
	found->item[found->count].field = field;
	found->item[found->count++].fixed = fixed;
}

/* The config in force, its strings borrowed. Lock of the tuning held. */
static struct shoal_config
in_force(const struct shoal_cluster *cluster)
{
	/* The keys are with the core alone: others stand in for them. */
	static const struct shoal_key keys[SHOAL_KEYS_MAX] = {{.len = 16}, {.len = 16}, {.len = 16},
	        {.len = 16}, {.len = 16}, {.len = 16}, {.len = 16}, {.len = 16}};
	struct shoal_config config = cluster->settings.config;

	if (config.transport != NULL) { /* they were made by its name */
		config.transports = NULL;
		config.transport_count = 0;
	}
	config.keys = config.key_count > 0 ? keys : NULL;
	config.profile = cluster->tuning.profile;
	config.log_level = cluster->tuning.log_level;
	config.accept_clear = cluster->tuning.accept_clear;
	config.accept_unlabelled = cluster->tuning.accept_unlabelled;
	config.accept_for_ms = cluster->tuning.accept_for_ms;
	config.tags = cluster->tuning.tags;
	config.allow = cluster->tuning.allow;
	config.advertise = cluster->tuning.advertise;
	config.token = cluster->tuning.token;
	return config;
}

static int
check_running(struct shoal_cluster *cluster, const char *what)
{
	enum shoal_cluster_state state;
	int rc = shoal_fork_check(cluster, what);

	if (rc != 0) {
		return rc;
	}
	state = shoal_cluster_state(cluster);
	return state == SHOAL_CLUSTER_RUNNING ? 0
	                                      : shoal_last_error_set(SHOAL_ERR_STATE,
	                                                "%s: the cluster is %s, it must be running",
	                                                what, shoal_cluster_state_name(state));
}

/* The links by which a member is watched end at what it binds, or it has none: that is settled when
 * it starts, and so is its URL. */
static bool
may_move(const struct shoal_cluster *cluster, const struct shoal_settings *wanted)
{
	if (strcmp(wanted->web_advertise, cluster->settings.web_advertise) != 0) {
		return false;
	}
	return cluster->settings.config.profile.watchers == 0 ||
	       shoal_listen_might_be_watched(cluster, wanted) == cluster->watched;
}

/* Lock of the tuning held. */
static void
differ(const struct shoal_cluster *cluster, const struct shoal_settings *wanted,
        struct differences *found)
{
	struct shoal_config held = in_force(cluster);
	bool stays = !may_move(cluster, wanted);

	found->count = 0;
	shoal_settings_differ(&held, &wanted->config, note, found);
	for (size_t i = 0; i < found->count; i++) {
		const char *field = found->item[i].field;

		found->item[i].fixed =
		        found->item[i].fixed || (stays && strcmp(field, "advertise") == 0) ||
		        (strcmp(field, "token") == 0 && !can_change_token(cluster, wanted));
	}
}

/* The same. */
static int
apply(struct shoal_cluster *cluster, const struct shoal_settings *wanted, struct differences *found)
{
	bool live = wanted->advertises == 0 && shoal_listen_follows_route(cluster);

	differ(cluster, wanted, found);
	for (size_t i = 0; i < found->count; i++) {
		live = live || !found->item[i].fixed;
	}
	return live ? take_over(cluster, wanted, may_move(cluster, wanted)) : 0;
}

int
shoal_cluster_reconfigure(struct shoal_cluster *cluster, const struct shoal_config *config,
        shoal_reconfigured_fn fn, void *arg)
{
	struct differences found;
	struct shoal_settings wanted;
	struct shoal_certs_held certs;
	int rc = check_running(cluster, "reconfigure");

	if (rc == 0) {
		rc = shoal_settings_init(&wanted, config);
	}
	if (rc != 0) {
		return rc;
	}
	rc = shoal_certs_read(cluster, &certs);
	if (rc == 0) {
		pthread_mutex_lock(&cluster->tuning.lock);
		rc = apply(cluster, &wanted, &found);
		pthread_mutex_unlock(&cluster->tuning.lock);
	}
	for (size_t i = 0; rc == 0 && fn != NULL && i < found.count; i++) {
		fn(found.item[i].field, !found.item[i].fixed, arg);
	}
	if (rc == 0) {
		shoal_certs_renew(cluster, &certs, &wanted.config, fn, arg);
	}
	shoal_settings_done(&wanted);
	return rc;
}

/* One that is a set of others ("profile") changes as a whole or not at all. */
static int
refuse_fixed(const struct differences *found)
{
	for (size_t i = 0; i < found->count; i++) {
		if (found->item[i].fixed) {
			return shoal_last_error_set(SHOAL_ERR_STATE,
			        "%s: cannot change while the cluster runs: stop it and start it "
			        "with the new value",
			        found->item[i].field);
		}
	}
	return 0;
}

int
shoal_cluster_set(struct shoal_cluster *cluster, const char *field, const char *value)
{
	struct shoal_settings wanted;
	struct differences found;
	struct shoal_config config;
	int rc = check_running(cluster, "set");

	if (rc != 0) {
		return rc;
	}
	pthread_mutex_lock(&cluster->tuning.lock);
	config = in_force(cluster);
	rc = shoal_config_set(&config, field, value);
	if (rc == 0) {
		rc = shoal_settings_init(&wanted, &config);
	}
	if (rc == 0) {
		differ(cluster, &wanted, &found);
		rc = refuse_fixed(&found);
		rc = rc == 0 ? apply(cluster, &wanted, &found) : rc;
		shoal_settings_done(&wanted);
	}
	pthread_mutex_unlock(&cluster->tuning.lock);
	return rc;
}
