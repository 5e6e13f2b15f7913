/* SPDX-License-Identifier: MIT */
/* The table of the core goes to the state file soon after it changed, at most once in
 * state_interval_ms, and when this member leaves or stops.
 *
 * A disk may keep fsync waiting for seconds, and a loop that stands still is taken for dead: so a
 * thread of its own writes, and takes the newest that it is given. It blocks all signals and calls
 * nothing of the application; what goes wrong is told by the loop. A write that fails costs
 * nothing but memory of what changed since: the old file stays, and it is tried again. */
#include "cluster/join/state.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/join/join.h"
#include "cluster/join/try.h"
#include "cluster/loop/loop.h"
#include "cluster/report/last_error.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Members of the former run that are tried as seeds. */
#define SEEDS_TRIED 16
/* Changes come in crowds: the first write after a quiet time waits for them. */
#define CROWD_MS   100
#define WARN_PAUSE SHOAL_SEC(60)

static const char *
label_of(const struct shoal_cluster *cluster)
{
	const char *label = cluster->settings.config.label;
	return label != NULL ? label : "";
}

int
shoal_state_open(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	const char *path = cluster->settings.config.state_dir;
	int rc;

	if (path == NULL) {
		return 0;
	}
	keeper->used = true;
	rc = shoal_state_dir_open(&keeper->dir, cluster->mem, path);
	if (rc == 0) {
		rc = shoal_state_dir_read(
		        &keeper->dir, label_of(cluster), &cluster->settings.id, &keeper->saved);
	}
	if (rc == SHOAL_ERR_LABEL && cluster->settings.config.accept_unlabelled != 0) {
		/* It stays the member that it was without the label. */
		rc = shoal_state_dir_read(&keeper->dir, "", &cluster->settings.id, &keeper->saved);
	}
	return rc == SHOAL_ERR_NOT_FOUND ? 0 : rc;
}

void
shoal_state_configure(struct shoal_cluster *cluster, struct shoal_core_config *core)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	uint64_t now_s = core->wall_ns / SHOAL_SEC(1);

	if (keeper->saved.file == NULL) {
		return;
	}
	core->id = keeper->saved.id;
	core->epoch_least = keeper->saved.epoch_s + 1;
	if (now_s + 1 < keeper->saved.epoch_s) {
		shoal_cluster_log(cluster, SHOAL_LOG_WARN, "state",
		        "the clock is %llu s before the start that %s remembers; was it set back?",
		        (unsigned long long)(keeper->saved.epoch_s - now_s), keeper->dir.path);
	}
}

static void *
run_writer(void *arg)
{
	struct shoal_state_keeper *keeper = arg;

	pthread_mutex_lock(&keeper->lock);
	while (!keeper->end || keeper->next != NULL) {
		uint8_t *data = keeper->next;
		size_t len = keeper->next_len;

		if (data == NULL) {
			pthread_cond_wait(&keeper->wake, &keeper->lock);
			continue;
		}
		keeper->next = NULL;
		keeper->writing = true;
		pthread_mutex_unlock(&keeper->lock);
		int error = shoal_state_dir_write(&keeper->dir, data, len);
		shoal_alloc_free(keeper->dir.mem, data);
		pthread_mutex_lock(&keeper->lock);
		keeper->error = error != 0 ? error : keeper->error;
		keeper->writing = false;
	}
	pthread_mutex_unlock(&keeper->lock);
	return NULL;
}

/* What went wrong since it was last asked. Whether the writer is not done, so that more may. */
static bool
ask_writer(struct shoal_state_keeper *keeper, int *error)
{
	pthread_mutex_lock(&keeper->lock);
	bool busy = keeper->writing || keeper->next != NULL;
	*error = keeper->error;
	keeper->error = 0;
	pthread_mutex_unlock(&keeper->lock);
	return busy;
}

static void
warn(struct shoal_cluster *cluster, int error)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	uint64_t now = shoal_clock_mono(&cluster->clock);

	if (error == 0 || (keeper->warned_at != 0 && now - keeper->warned_at < WARN_PAUSE)) {
		return;
	}
	keeper->warned_at = now;
	shoal_cluster_log(cluster, SHOAL_LOG_WARN, "state",
	        "%s: the state cannot be written: %s; the last one that could stays",
	        keeper->dir.path, strerrordesc_np(error));
}

/* The file as it would be now. NULL: no memory. */
static uint8_t *
make_file(struct shoal_cluster *cluster, size_t *len)
{
	struct shoal_saved saved = {.saved_ns = shoal_clock_wall()};
	struct shoal_core_member self;

	cluster->keeper.dirty = false;
	cluster->keeper.saved_at = shoal_clock_mono(&cluster->clock);
	if (!shoal_core_member(cluster->core, 0, &self) ||
	        shoal_core_save(cluster->core, &saved.state, &saved.len) != 0) {
		return NULL;
	}
	saved.id = self.id;
	saved.epoch_s = self.incarnation >> 32;
	return shoal_state_file_make(cluster->mem, label_of(cluster), &saved, len);
}

static void
hand_over(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	size_t len = 0;
	uint8_t *data = make_file(cluster, &len), *old = NULL;

	pthread_mutex_lock(&keeper->lock);
	if (data == NULL) {
		keeper->error = ENOMEM;
	} else {
		old = keeper->next;
		keeper->next = data;
		keeper->next_len = len;
	}
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	shoal_alloc_free(cluster->mem, old);
}

/* The epoch of this run is on the disk before it says a word. */
static void
write_first(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	size_t len = 0;
	uint8_t *data = make_file(cluster, &len);

	keeper->error = data != NULL ? shoal_state_dir_write(&keeper->dir, data, len) : ENOMEM;
	if (keeper->error != 0) {
		shoal_state_touch(cluster);
	}
	keeper->saved_at = 0; /* whom it meets first is not in it, and is not kept waiting */
	shoal_alloc_free(cluster->mem, data);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_state_keeper *keeper = &cluster->keeper;
	int error;
	bool busy = ask_writer(keeper, &error);

	(void)fd;
	(void)what;
	warn(cluster, error);
	if (keeper->dirty || error != 0) {
		hand_over(cluster);
		busy = true;
	}
	if (busy) {
		/* Once more, to hear how it went: a disk may take longer than the interval. */
		shoal_state_touch(cluster);
		keeper->dirty = false;
	}
}

void
shoal_state_touch(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	uint64_t pause = SHOAL_MS(cluster->settings.config.state_interval_ms), now, wait;

	if (keeper->timer == NULL) {
		return;
	}
	keeper->dirty = true;
	if (event_pending(keeper->timer, EV_TIMEOUT, NULL)) {
		return;
	}
	now = shoal_clock_mono(&cluster->clock);
	wait = keeper->saved_at != 0 && now - keeper->saved_at < pause
	               ? pause - (now - keeper->saved_at)
	               : SHOAL_MS(CROWD_MS);
	struct timeval in = {.tv_sec = (time_t)(wait / SHOAL_SEC(1)),
	        .tv_usec = (suseconds_t)(wait % SHOAL_SEC(1) / 1000)};
	(void)event_add(keeper->timer, &in); /* no memory: the next change tries again */
}

/* The first address of a kind that this member has. false: there is none. */
static bool
seed_of(const struct shoal_cluster *cluster, const struct shoal_core_member *member,
        char text[SHOAL_URL_TEXT])
{
	char why[300];

	for (size_t i = 0; i < member->addrs; i++) {
		if (shoal_addr_is_web(&member->addr[i])) {
			snprintf(text, SHOAL_URL_TEXT, "%s", member->url);
		} else {
			shoal_addr_print(&member->addr[i], text, SHOAL_URL_TEXT);
		}
		if (shoal_try_check(text, why, sizeof(why)) == 0 &&
		        shoal_try_fits(&cluster->settings, text, why, sizeof(why)) == 0) {
			return true;
		}
	}
	return false;
}

/* The members that were there are seeds as good as any. */
static void
remember_seeds(struct shoal_cluster *cluster)
{
	uint32_t end = shoal_core_slots(cluster->core), tried = 0;
	uint32_t start = end > 1 ? shoal_rng_below(&cluster->rng, end) : 0;
	struct shoal_core_member member;
	char text[SHOAL_URL_TEXT];

	for (uint32_t i = 0; i < end && tried < SEEDS_TRIED; i++) {
		if (!shoal_core_member(cluster->core, (start + i) % end, &member) || member.self ||
		        (member.state != SHOAL_STATE_ALIVE &&
		                member.state != SHOAL_STATE_UNKNOWN)) {
			continue;
		}
		if (seed_of(cluster, &member, text)) {
			shoal_background_remember(cluster, text);
			tried++;
		}
	}
}

static int
restore(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	uint64_t now = shoal_clock_wall();
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_RESTORE, .data = keeper->saved.state, .len = keeper->saved.len};
	int rc;

	if (keeper->saved.file == NULL) {
		return 0;
	}
	/* Of a clock that went back nothing can be said but that time has passed. */
	input.age_ns = now > keeper->saved.saved_ns
	                       ? now - keeper->saved.saved_ns
	                       : SHOAL_MS(cluster->settings.config.profile.hearsay_ms) + 1;
	rc = shoal_loop_input(cluster, &input);
	shoal_alloc_free(cluster->mem, keeper->saved.file);
	memset(&keeper->saved, 0, sizeof(keeper->saved));
	if (rc != 0) {
		return shoal_last_error_set(rc,
		        "state_dir %s: the file \"state\" holds no table of this release: %s; move "
		        "it away to start afresh",
		        keeper->dir.path, shoal_strerror(rc));
	}
	remember_seeds(cluster);
	return 0;
}

static int
start_writer(struct shoal_state_keeper *keeper)
{
	sigset_t all, before;
	int rc;

	if (pthread_mutex_init(&keeper->lock, NULL) != 0) {
		return SHOAL_ERR_SYSTEM;
	}
	if (pthread_cond_init(&keeper->wake, NULL) != 0) {
		pthread_mutex_destroy(&keeper->lock);
		return SHOAL_ERR_SYSTEM;
	}
	keeper->has_lock = true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&keeper->thread, NULL, run_writer, keeper);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	keeper->has_thread = rc == 0;
	if (rc == 0) {
		(void)pthread_setname_np(keeper->thread, "shoal-state");
	}
	return rc == 0 ? 0 : SHOAL_ERR_SYSTEM;
}

int
shoal_state_begin(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	int rc;

	if (!keeper->used) {
		return 0;
	}
	rc = restore(cluster);
	if (rc != 0) {
		return rc;
	}
	keeper->timer = event_new(cluster->base, -1, 0, on_timer, cluster);
	if (keeper->timer == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
	}
	write_first(cluster);
	rc = start_writer(keeper);
	if (rc != 0) {
		return shoal_last_error_set(rc, "state_dir: no thread can be made");
	}
	return 0;
}

void
shoal_state_end(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;
	int error;

	if (keeper->timer != NULL) {
		event_free(keeper->timer);
	}
	keeper->timer = NULL;
	if (!keeper->has_thread) {
		return;
	}
	hand_over(cluster);
	pthread_mutex_lock(&keeper->lock);
	keeper->end = true;
	pthread_cond_signal(&keeper->wake);
	pthread_mutex_unlock(&keeper->lock);
	pthread_join(keeper->thread, NULL);
	keeper->has_thread = false;
	(void)ask_writer(keeper, &error);
	warn(cluster, error);
}

void
shoal_state_close(struct shoal_cluster *cluster)
{
	struct shoal_state_keeper *keeper = &cluster->keeper;

	if (!keeper->used) {
		return;
	}
	if (keeper->has_lock) {
		pthread_mutex_destroy(&keeper->lock);
		pthread_cond_destroy(&keeper->wake);
	}
	keeper->has_lock = keeper->used = false;
	shoal_alloc_free(cluster->mem, keeper->next);
	keeper->next = NULL;
	shoal_alloc_free(cluster->mem, keeper->saved.file);
	memset(&keeper->saved, 0, sizeof(keeper->saved));
	shoal_state_dir_close(&keeper->dir);
}
