/* SPDX-License-Identifier: MIT */
/* The loop's thread: inputs of the core, its events and its deadline, and what is done once a turn.
 *
 * An input is followed at once by its sends and its events; everything else waits for the turn,
 * which libevent runs behind what is active already: publish the snapshot, release the events to
 * the callbacks, end the operations whose effects are now visible, arm the timer. So a snapshot is
 * made at most once a turn, all sends of a batch are handed out before any code of the application
 * runs, and nothing is ended from inside of itself.
 *
 * Drain before judging: libevent runs sockets before timers when both are ready, and a deadline is
 * judged only after a turn in which nothing came in, or after eight. A loop that was stopped for a
 * while first hears what it missed. */
#include "cluster/loop/loop.h"

#include "cluster/config/rekey.h"
#include "cluster/join/depart.h"
#include "cluster/join/join.h"
#include "cluster/join/try.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/host.h"
#include "cluster/loop/listen.h"
#include "cluster/loop/mailbox.h"
#include "cluster/loop/wait.h"
#include "cluster/members/metadata.h"
#include "cluster/report/recording.h"

#include <stdio.h>
#include <string.h>

#define POSTPONED_MAX 8
#define SELF          0 /* the core's slot of this member */

static const struct timeval at_once = {0};

void
shoal_loop_touch(struct shoal_cluster *cluster)
{
	if (cluster->turn_pending || cluster->turn == NULL) {
		return;
	}
	cluster->turn_pending = true;
	event_active(cluster->turn, EV_TIMEOUT, 0);
}

void
shoal_loop_later(struct shoal_cluster *cluster)
{
	if (cluster->turn != NULL) {
		(void)event_add(cluster->turn, &at_once);
	}
}

static int
show_slot(struct shoal_cluster *cluster, uint32_t slot, const struct shoal_core_member *held,
        uint64_t since_wall_ns)
{
	const struct shoal_member *seen = shoal_view_at(&cluster->view, slot);
	struct shoal_member *member = shoal_member_new(cluster->mem, held, since_wall_ns, seen);
	int rc;

	if (member == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	rc = shoal_view_set(&cluster->view, slot, member);
	shoal_member_unref(member);
	return rc;
}

static bool
is_current(const struct shoal_member *member, const struct shoal_core_member *held)
{
	return member != NULL && shoal_id_compare(&member->id, &held->id) == 0 &&
	       member->state == held->state && member->diagnosis == held->diagnosis &&
	       member->incarnation == held->incarnation && member->addrs == held->addrs &&
	       member->app_version == held->app_version &&
	       shoal_described_is(member->described, held->meta_version, held->meta_hash) &&
	       memcmp(member->addr, held->addr, held->addrs * sizeof(held->addr[0])) == 0 &&
	       strcmp(member->name, held->name) == 0;
}

/* Whether the application is told of what the core holds in a slot: not of members known by hearsay
 * only, nor of tombstones of members that were never shown or are to be forgotten. */
static bool
is_shown(const struct shoal_member *seen, const struct shoal_core_member *held)
{
	bool gone = held->state == SHOAL_STATE_DEAD || held->state == SHOAL_STATE_LEFT;
	bool same = seen != NULL && shoal_id_compare(&seen->id, &held->id) == 0;

	return gone ? same && !held->forgotten : held->state != SHOAL_STATE_UNKNOWN;
}

static void
compare_slot(struct shoal_cluster *cluster, uint32_t slot)
{
	const struct shoal_member *seen = shoal_view_at(&cluster->view, slot);
	uint64_t since = shoal_clock_wall();
	struct shoal_core_member held;
	int rc;

	if (!shoal_core_member(cluster->core, slot, &held) ||
	        (slot != SELF && !is_shown(seen, &held))) {
		if (seen == NULL) {
			return;
		}
		rc = shoal_view_remove(&cluster->view, slot);
	} else if (is_current(seen, &held)) {
		return;
	} else {
		if (seen != NULL && shoal_id_compare(&seen->id, &held.id) == 0 &&
		        seen->state == held.state) {
			since = seen->since_wall_ns;
		}
		rc = show_slot(cluster, slot, &held, since);
	}
	cluster->changed_view = true;
	if (rc != 0) {
		cluster->repair = true;
	}
}

/* One more member a turn, for what changes without an event: an incarnation that rose where nobody
 * doubted here. Of who is not plainly alive events are owed, which come first. */
static void
look_at_next(struct shoal_cluster *cluster)
{
	uint32_t others = shoal_core_slots(cluster->core) - 1;

	cluster->looked = others > 0 ? cluster->looked % others + 1 : SELF;
	const struct shoal_member *seen = shoal_view_at(&cluster->view, cluster->looked);
	if (seen != NULL && seen->state == SHOAL_STATE_ALIVE) {
		compare_slot(cluster, cluster->looked);
	}
}

void
shoal_loop_refresh(struct shoal_cluster *cluster)
{
	bool all = cluster->repair;

	shoal_lines_look(cluster, all);
	cluster->repair = false;
	compare_slot(cluster, SELF);
	for (uint32_t slot = 1; all && slot < shoal_core_slots(cluster->core); slot++) {
		compare_slot(cluster, slot);
	}
	look_at_next(cluster);
}

/* A member is gone from the core: its last copy goes to the callbacks. */
static int
on_reap(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_member *seen = shoal_view_at(&cluster->view, event->slot), *last;

	if (seen == NULL || shoal_id_compare(&seen->id, &event->id) != 0) {
		return 0;
	}
	last = shoal_member_copy(seen, event->state, event->wall_ns);
	if (last == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_callbacks_stage(&cluster->callbacks, event->slot, event, last, NULL);
	shoal_member_unref(last);
	return shoal_view_remove(&cluster->view, event->slot);
}

/* The core may be further than its event: the copy shows the moment of the event. */
static struct shoal_member *
copy_at(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	const struct shoal_member *seen = shoal_view_at(&cluster->view, event->slot);
	uint64_t since = event->wall_ns;
	struct shoal_core_member held;

	/* The slot may have been another member's. */
	seen = seen != NULL && shoal_id_compare(&seen->id, &event->id) == 0 ? seen : NULL;
	if (!shoal_core_member(cluster->core, event->slot, &held) ||
	        shoal_id_compare(&held.id, &event->id) != 0) {
		memset(&held, 0, sizeof(held));
		held.id = event->id;
		held.addrs = 1;
		held.url = seen != NULL ? seen->url : NULL;
	}
	held.name = event->name;
	held.addr[0] = held.addrs == 1 ? event->addr : held.addr[0];
	held.state = event->state;
	held.incarnation = event->incarnation;
	if (seen != NULL) {
		since = seen->state == event->state ? seen->since_wall_ns : since;
		if ((event->changed & (SHOAL_CHANGE_METADATA | SHOAL_CHANGE_TAGS)) == 0) {
			/* What it says of itself has an event of its own. */
			held.meta_version = shoal_described_version(seen->described);
			held.meta_hash = shoal_described_hash(seen->described);
		}
	}
	return shoal_member_new(cluster->mem, &held, since, seen);
}

static int
on_change(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_member *member = copy_at(cluster, event), *before = NULL;
	int rc;

	if (member == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	if (event->kind == SHOAL_EVENT_UPDATE || cluster->callbacks.window > 0) {
		before = shoal_view_at(&cluster->view, event->slot);
	}
	shoal_callbacks_stage(&cluster->callbacks, event->slot, event, member, before);
	rc = shoal_view_set(&cluster->view, event->slot, member);
	shoal_member_unref(member);
	return rc;
}

static void
on_member_event(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	int rc;

	shoal_chronicle_add(&cluster->chronicle, event);
	shoal_lines_member(cluster, event);
	shoal_request_member(cluster, event);
	rc = event->kind == SHOAL_EVENT_REAP ? on_reap(cluster, event) : on_change(cluster, event);

	cluster->changed_view = true;
	shoal_state_touch(cluster);
	if (rc != 0) {
		cluster->repair = true;
		shoal_callbacks_lose(&cluster->callbacks);
	}
}

static void
on_measured(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_member *member = shoal_view_at(&cluster->view, event->slot);

	if (member != NULL) {
		shoal_member_measured(member, event->rtt_ns);
	}
}

/* The last that is told of this member under its id by another instance is why it stopped. */
static void
note_conflict(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	pthread_mutex_lock(&cluster->lock);
	snprintf(cluster->failure_text, sizeof(cluster->failure_text), "%s", event->cause.detail);
	pthread_mutex_unlock(&cluster->lock);
}

static void
on_event(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	if (event->kind == SHOAL_EVENT_CONFLICT && event->slot == SELF) {
		note_conflict(cluster, event);
	}
	switch ((unsigned)event->kind) {
	case SHOAL_EVENT_JOINED:
		shoal_try_joined(cluster, event);
		break;
	case SHOAL_EVENT_ENDED:
		cluster->ended = true;
		cluster->ended_code = event->code;
		break;
	case SHOAL_EVENT_APPLICANT:
		shoal_applicant_asked(cluster, event);
		break;
	case SHOAL_EVENT_KEYS:
		shoal_rekey_answered(cluster, event);
		break;
	case SHOAL_EVENT_MEASURED:
		on_measured(cluster, event);
		break;
	case SHOAL_EVENT_HEALTH:
		atomic_store(&cluster->health, (unsigned)event->code);
		break;
	case SHOAL_EVENT_MESSAGE:
		shoal_handler_message(cluster, event);
		break;
	case SHOAL_EVENT_SENT:
		if (!shoal_broadcast_ended(cluster, event->exchange)) {
			shoal_outbox_ended(cluster, event->exchange, event->code);
		}
		break;
	case SHOAL_EVENT_WRITABLE: /* the outbox counts for itself */
		shoal_broadcast_resume(cluster, SHOAL_ERR_AGAIN);
		break;
	case SHOAL_EVENT_OVERFLOW:
		cluster->repair = true;
		shoal_callbacks_lose(&cluster->callbacks);
		break;
	default:
		on_member_event(cluster, event);
		break;
	}
}

static void
drain_logs(struct shoal_cluster *cluster)
{
	struct shoal_log_record record;

	while (shoal_core_next_log(cluster->core, &record)) {
		shoal_log_tell(cluster, &record);
	}
}

int
shoal_loop_step(struct shoal_cluster *cluster, struct shoal_input *input)
{
	struct shoal_input opened;
	int rc;

	if (shoal_fork_is_child(cluster)) {
		return SHOAL_ERR_STATE; /* it would seal under the counters of its parent */
	}
	cluster->inside = true;
	input->mono_ns = shoal_clock_mono(&cluster->clock);
	input->wall_ns = shoal_clock_wall();
	(void)shoal_core_open(cluster->core, input, &opened);
	shoal_recording_input(cluster, &opened);
	rc = shoal_core_step(cluster->core, &opened);
	cluster->inside = false;
	return rc;
}

void
shoal_loop_drain(struct shoal_cluster *cluster)
{
	if (shoal_fork_is_child(cluster)) {
		return;
	}
	cluster->inside = true;
	shoal_host_drain(cluster);
	cluster->inside = false;
}

void
shoal_loop_events(struct shoal_cluster *cluster)
{
	struct shoal_event event;

	cluster->inside = true;
	while (shoal_core_next_event(cluster->core, &event)) {
		on_event(cluster, &event);
	}
	drain_logs(cluster);
	cluster->inside = false;
	shoal_loop_touch(cluster);
}

int
shoal_loop_input(struct shoal_cluster *cluster, struct shoal_input *input)
{
	int rc = shoal_loop_step(cluster, input);

	shoal_loop_drain(cluster);
	shoal_loop_events(cluster);
	return rc;
}

static void
publish(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list = NULL, *old = NULL;
	size_t alive = shoal_core_count(cluster->core, SHOAL_STATE_ALIVE);
	const struct shoal_counters *counters = shoal_core_counters(cluster->core);

	shoal_loop_refresh(cluster);
	if (cluster->changed_view) {
		list = shoal_view_publish(&cluster->view);
	}
	shoal_callbacks_count(&cluster->callbacks, &cluster->extra);
	pthread_mutex_lock(&cluster->lock);
	cluster->extra.value[SHOAL_COUNTER_DROP_UNHANDLED] = cluster->handlers.unhandled;
	for (size_t i = 0; i < SHOAL_COUNTERS; i++) {
		cluster->counters.value[i] = counters->value[i] + cluster->extra.value[i];
	}
	cluster->convergence_lag = shoal_core_convergence_lag(cluster->core);
	cluster->reach = shoal_core_access(cluster->core, &cluster->unreached);
	shoal_core_migrating(cluster->core, &cluster->migration);
	cluster->meta_held = shoal_core_meta_held(cluster->core);
	cluster->meta_most = cluster->settings.config.profile.meta_bytes;
	cluster->histograms = *shoal_core_histograms(cluster->core);
	if (list != NULL) {
		old = cluster->published;
		cluster->published = list;
		cluster->changed_view = false;
	}
	if (cluster->alive != alive) {
		cluster->alive = alive;
		pthread_cond_broadcast(&cluster->changed);
	}
	pthread_mutex_unlock(&cluster->lock);
	shoal_callbacks_show(
	        &cluster->callbacks, cluster->changed_view ? NULL : cluster->published);
	shoal_member_list_free(old);
}

static void
arm_timer(struct shoal_cluster *cluster)
{
	uint64_t deadline = shoal_core_deadline(cluster->core), now, us;
	uint64_t due = shoal_callbacks_due(&cluster->callbacks), told = shoal_log_due(cluster);
	struct timeval in = {0};

	deadline = due < deadline ? due : deadline;
	deadline = told < deadline ? told : deadline;
	if (deadline == cluster->armed) {
		return;
	}
	cluster->armed = deadline;
	if (deadline == SHOAL_NEVER) {
		(void)event_del(cluster->timer);
		return;
	}
	now = shoal_clock_mono(&cluster->clock);
	us = deadline > now ? (deadline - now + 999) / 1000 : 0;
	in.tv_sec = (time_t)(us / 1000000);
	in.tv_usec = (suseconds_t)(us % 1000000);
	if (event_add(cluster->timer, &in) != 0) {
		cluster->armed = SHOAL_NEVER; /* no memory: the next turn tries again */
	}
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;

	(void)fd;
	(void)what;
	if (shoal_fork_is_child(cluster)) {
		return;
	}
	cluster->arrived = false;
	cluster->extra.value[SHOAL_COUNTER_LOOP_TURNS]++;
	/* What the next two put into the core is followed up below, in this turn. */
	cluster->turn_pending = true;
	shoal_host_fail_requests(cluster);
	if (!cluster->ended) {
		shoal_try_pump(cluster);
		shoal_rekey_pump(cluster);
	}
	shoal_host_flush(cluster);
	cluster->turn_pending = false;
	publish(cluster);
	uint64_t now = shoal_clock_mono(&cluster->clock);
	shoal_callbacks_commit(&cluster->callbacks, now);
	shoal_certs_turn(cluster, now);
	shoal_join_reap(cluster);
	shoal_wait_reap(cluster);
	shoal_log_turn(cluster);
	if (cluster->ended) {
		shoal_loop_finish(cluster, cluster->ended_code);
		return;
	}
	arm_timer(cluster);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};

	(void)fd;
	(void)what;
	if (shoal_fork_is_child(cluster)) {
		return;
	}
	if (cluster->arrived && cluster->postponed < POSTPONED_MAX &&
	        event_add(cluster->timer, &at_once) == 0) {
		cluster->postponed++;
		return;
	}
	cluster->postponed = 0;
	cluster->armed = SHOAL_NEVER;
	if (shoal_clock_mono(&cluster->clock) >= shoal_core_deadline(cluster->core)) {
		(void)shoal_loop_input(cluster, &input);
	} else {
		shoal_loop_touch(cluster);
	}
	shoal_outbox_resume(cluster);
	shoal_broadcast_resume(cluster, SHOAL_ERR_NOMEM);
}

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (!shoal_fork_is_child(arg)) {
		shoal_mailbox_take(arg);
	}
}

/* SHOAL_RUN_BASE: callbacks run from here, as many as waited when it began; the others let the loop
 * go on first. */
static void
on_calls(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;

	(void)fd;
	(void)what;
	if (shoal_fork_is_child(cluster)) {
		return;
	}
	(void)shoal_callbacks_run(
	        &cluster->callbacks, shoal_callbacks_waiting(&cluster->callbacks));
	if (shoal_callbacks_waiting(&cluster->callbacks) > 0) {
		(void)event_add(cluster->calls, &at_once);
	}
}

int
shoal_loop_begin(struct shoal_cluster *cluster)
{
	struct event_base *base = cluster->base;

	cluster->armed = SHOAL_NEVER;
	cluster->timer = event_new(base, -1, 0, on_timer, cluster);
	cluster->turn = event_new(base, -1, 0, on_turn, cluster);
	cluster->mail =
	        event_new(base, cluster->mailbox_fd, EV_READ | EV_PERSIST, on_mail, cluster);
	if (cluster->timer == NULL || cluster->turn == NULL || cluster->mail == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	if (cluster->settings.config.run == SHOAL_RUN_BASE) {
		cluster->calls = event_new(base, -1, 0, on_calls, cluster);
		if (cluster->calls == NULL) {
			return SHOAL_ERR_NOMEM;
		}
	}
	if (shoal_request_begin(cluster) != 0 || event_add(cluster->mail, NULL) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_handler_room(cluster);
	shoal_loop_touch(cluster);
	return 0;
}

static void
free_event(struct event **event)
{
	if (*event != NULL) {
		event_free(*event);
	}
	*event = NULL;
}

void
shoal_loop_finish(struct shoal_cluster *cluster, int code)
{
	if (cluster->core == NULL) {
		return;
	}
	bool child = shoal_fork_is_child(cluster);

	if (!child) {
		shoal_host_flush(cluster);
	}
	shoal_listen_stop(cluster);
	publish(cluster);
	shoal_callbacks_commit(&cluster->callbacks, SHOAL_NEVER);
	free_event(&cluster->timer);
	free_event(&cluster->turn);
	free_event(&cluster->mail);
	shoal_state_end(cluster);
	shoal_state_close(cluster);
	if (!child) {
		shoal_recording_end(cluster);
		shoal_log_end(cluster);
	}
	shoal_core_free(cluster->core);
	cluster->core = NULL;
	/* What has not ended is told so behind this: whoever hears of it sees that all has stopped.
	 */
	pthread_mutex_lock(&cluster->lock);
	cluster->state = SHOAL_CLUSTER_STOPPED;
	cluster->failure = code == SHOAL_ERR_ID_CONFLICT || code == SHOAL_ERR_SYSTEM ? code : 0;
	pthread_cond_broadcast(&cluster->changed);
	pthread_mutex_unlock(&cluster->lock);
	shoal_join_cancel(cluster, SHOAL_ERR_CANCELED);
	shoal_wait_cancel(cluster, SHOAL_ERR_CANCELED);
	shoal_outbox_finish(cluster);
	shoal_broadcast_finish(cluster);
	shoal_request_finish(cluster);
	shoal_depart_end(cluster, code);
	shoal_mailbox_cancel(cluster, SHOAL_ERR_CANCELED);
	shoal_try_forget(cluster);
	cluster->callbacks.wake(cluster); /* whoever waits for callbacks sees the end, too */
	if (cluster->own_base) {
		(void)event_base_loopbreak(cluster->base);
	}
}
