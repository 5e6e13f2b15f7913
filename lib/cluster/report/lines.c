/* SPDX-License-Identifier: MIT */
/* A member's line is there from the first message on until the member is forgotten; to make one the
 * list of members is searched, O(members), and never again. The list is that of the last turn, and
 * events may have been told since: the loop looks at what was made of it once more.
 *
 * What is not reliable is not the core's any more once it is with the transport, which keeps what
 * the network does not take, also on the link of a member that cannot be dialled; and it waits in
 * the core for such a link. Those bytes go on counting for their member: both are asked for them,
 * now and then while there are any. */
#include "cluster/report/lines.h"

#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/host.h"

#define MEASURE_US 20000

static bool
has_id(const void *owner, uint32_t value, const void *key)
{
	const struct shoal_cluster *cluster = owner;
	const struct shoal_line *line = shoal_slab_at(&cluster->outbox.lines.slab, value);

	return shoal_id_compare(&line->id, key) == 0;
}

void
shoal_lines_init(struct shoal_cluster *cluster, const uint64_t key[2])
{
	struct shoal_lines *lines = &cluster->outbox.lines;
	uint32_t members = cluster->settings.config.profile.members_max;

	shoal_list_init(&lines->made);
	shoal_list_init(&lines->streamed);
	shoal_slab_init(&lines->slab, cluster->mem, sizeof(struct shoal_line), 2 * members);
	shoal_table_init(&lines->by_id, cluster->mem, key, (size_t)2 * members, has_id, cluster);
}

void
shoal_lines_done(struct shoal_cluster *cluster)
{
	shoal_slab_done(&cluster->outbox.lines.slab);
	shoal_table_done(&cluster->outbox.lines.by_id);
}

static uint64_t
hash_of(const struct shoal_cluster *cluster, const struct shoal_id *id)
{
	return shoal_table_hash(&cluster->outbox.lines.by_id, id, sizeof(*id));
}

/* Under the lock. NULL: there is none. */
static struct shoal_line *
find_line(struct shoal_cluster *cluster, const struct shoal_id *id)
{
	struct shoal_lines *lines = &cluster->outbox.lines;

	if (lines->by_id.count == 0) {
		return NULL;
	}
	return shoal_slab_at(
	        &lines->slab, shoal_table_find(&lines->by_id, hash_of(cluster, id), id));
}

/* Under the lock. */
static void
drop_line(struct shoal_cluster *cluster, struct shoal_line *line)
{
	if (line->reaped && line->cost == 0 && !line->called &&
	        !shoal_list_linked(&line->streamed)) {
		shoal_list_remove(&line->node);
		shoal_slab_give(&cluster->outbox.lines.slab, line->number);
	}
}

/* Under the lock. */
static int
make_line(struct shoal_cluster *cluster, const struct shoal_id *to, enum shoal_state state,
        struct shoal_line **made)
{
	struct shoal_lines *lines = &cluster->outbox.lines;
	struct shoal_line *line;
	uint32_t number;

	line = shoal_slab_take(&lines->slab, &number);
	if (line == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	line->id = *to;
	line->number = number;
	line->gone = state == SHOAL_STATE_DEAD || state == SHOAL_STATE_LEFT;
	line->call.kind = SHOAL_CALL_WRITABLE;
	if (shoal_table_put(&lines->by_id, hash_of(cluster, to), number) != 0) {
		shoal_slab_give(&lines->slab, number);
		return SHOAL_ERR_NOMEM;
	}
	shoal_list_push_back(&lines->made, &line->node);
	*made = line;
	return 0;
}

/* Under the lock, which is given up while the list is searched. */
int
shoal_lines_take(struct shoal_cluster *cluster, const struct shoal_id *to, struct shoal_line **line)
{
	struct shoal_member_list *list;
	const struct shoal_member *member;
	enum shoal_state state = SHOAL_STATE_ALIVE;
	int rc = 0;

	*line = find_line(cluster, to);
	if (*line != NULL) {
		return 0;
	}
	list = shoal_member_list_ref(cluster->published);
	pthread_mutex_unlock(&cluster->lock);
	member = shoal_member_list_find_by_id(list, to);
	if (member == NULL) {
		rc = SHOAL_ERR_NOT_FOUND;
	} else if (member == shoal_member_list_at(list, 0)) {
		rc = SHOAL_ERR_INVALID;
	} else {
		state = member->state;
	}
	shoal_member_list_free(list);
	pthread_mutex_lock(&cluster->lock);
	*line = find_line(cluster, to); /* another thread may have made it */
	if (*line != NULL) {
		return 0;
	}
	return rc == 0 ? make_line(cluster, to, state, line) : rc;
}

bool
shoal_lines_fits(const struct shoal_cluster *cluster, const struct shoal_line *line, uint64_t cost)
{
	return line->cost + line->stuck + cost <= cluster->settings.config.profile.queue_bytes;
}

/* Under the lock: whether a caller who was refused hears that there is room. */
static bool
is_writable(const struct shoal_cluster *cluster, const struct shoal_line *line)
{
	uint64_t most = cluster->settings.config.profile.queue_bytes;
	bool stopped = cluster->state == SHOAL_CLUSTER_STOPPED; /* it will be told so */

	return line->wanted != 0 && !line->called &&
	       (stopped || (line->cost + line->stuck <= most / 2 &&
	                           shoal_lines_fits(cluster, line, line->wanted)));
}

/* Under the lock. Less of it waits: whether whoever waits for that is to be told, with push(),
 * else the line may be no more. */
static bool
lessen(struct shoal_cluster *cluster, struct shoal_line *line)
{
	bool tell = is_writable(cluster, line);

	if (tell) {
		line->wanted = 0;
		line->called = true;
	}
	drop_line(cluster, line);
	return tell;
}

/* Without the lock. */
static void
push(struct shoal_cluster *cluster, struct shoal_line *line, bool tell)
{
	if (tell) {
		shoal_callbacks_push(&cluster->callbacks, &line->call);
	}
}

void
shoal_lines_release(struct shoal_cluster *cluster, struct shoal_line *line, uint64_t cost)
{
	bool tell;

	pthread_mutex_lock(&cluster->lock);
	line->cost -= cost;
	tell = lessen(cluster, line);
	pthread_mutex_unlock(&cluster->lock);
	push(cluster, line, tell);
}

/* Under the lock. */
static void
reap(struct shoal_cluster *cluster, struct shoal_line *line)
{
	if (!line->reaped) {
		line->reaped = true;
		(void)shoal_table_remove(
		        &cluster->outbox.lines.by_id, hash_of(cluster, &line->id), line->number);
		drop_line(cluster, line);
	}
}

void
shoal_lines_member(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_line *line;

	pthread_mutex_lock(&cluster->lock);
	line = find_line(cluster, &event->id);
	if (line != NULL) {
		line->gone = event->state == SHOAL_STATE_DEAD || event->state == SHOAL_STATE_LEFT;
		if (event->kind == SHOAL_EVENT_REAP) {
			reap(cluster, line);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
}

/* Under the lock. */
static void
look_at(struct shoal_cluster *cluster, struct shoal_line *line)
{
	struct shoal_core_member held;
	uint32_t slot;

	shoal_list_remove(&line->node);
	if (shoal_core_find(cluster->core, &line->id, &slot) != 0 ||
	        !shoal_core_member(cluster->core, slot, &held)) {
		reap(cluster, line);
	} else {
		line->gone = held.state == SHOAL_STATE_DEAD || held.state == SHOAL_STATE_LEFT;
	}
}

void
shoal_lines_look(struct shoal_cluster *cluster, bool all)
{
	struct shoal_lines *lines = &cluster->outbox.lines;

	pthread_mutex_lock(&cluster->lock);
	SHOAL_LIST_FOREACH_SAFE (node, after, &lines->made) {
		look_at(cluster, SHOAL_LIST_ITEM(node, struct shoal_line, node));
	}
	for (uint32_t i = 0; all && i < lines->slab.end; i++) {
		struct shoal_line *line = shoal_slab_at(&lines->slab, i);
		if (line != NULL && !line->reaped) {
			look_at(cluster, line);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
}

void
shoal_lines_called(struct shoal_cluster *cluster, struct shoal_line *line)
{
	pthread_mutex_lock(&cluster->lock);
	line->called = false;
	if (is_writable(cluster, line)) {
		line->wanted = 0; /* refused since it was queued, and told by it as well */
	}
	drop_line(cluster, line);
	pthread_mutex_unlock(&cluster->lock);
}

static bool
can(const struct shoal_transport *transport, unsigned ways)
{
	return transport != NULL && (transport->ops->caps & ways) != 0;
}

void
shoal_lines_streamed(struct shoal_cluster *cluster, struct shoal_line *line)
{
	const unsigned ways = SHOAL_TRANSPORT_WAITING | SHOAL_TRANSPORT_WATCH;
	bool measured = can(cluster->stream, ways) || can(cluster->web, ways);

	if (measured && !shoal_list_linked(&line->streamed)) {
		pthread_mutex_lock(&cluster->lock);
		shoal_list_push_back(&cluster->outbox.lines.streamed, &line->streamed);
		pthread_mutex_unlock(&cluster->lock);
	}
}

/* What waits for a member: in the core, at all of its addresses, and on its link. */
static uint64_t
waits_for(struct shoal_cluster *cluster, const struct shoal_id *id)
{
	const struct shoal_transport *stream = cluster->stream;
	struct shoal_core_member held;
	uint64_t bytes = 0;
	uint32_t slot;

	if (shoal_core_find(cluster->core, id, &slot) != 0 ||
	        !shoal_core_member(cluster->core, slot, &held)) {
		return 0;
	}
	uint64_t link = shoal_core_link(cluster->core, slot, &bytes);
	for (size_t i = 0; i < held.addrs; i++) {
		const struct shoal_transport *by =
		        shoal_addr_is_web(&held.addr[i]) ? cluster->web : stream;

		if (can(by, SHOAL_TRANSPORT_WAITING)) {
			bytes += by->ops->waiting(by->self, &held.addr[i]);
		}
	}
	if (link != 0 && can(stream, SHOAL_TRANSPORT_TOLD)) {
		bytes += stream->ops->told(stream->self, shoal_host_inner(link));
	}
	return bytes;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;

	(void)fd;
	(void)what;
	if (!shoal_fork_is_child(cluster)) {
		shoal_lines_measure(cluster);
	}
}

/* Without memory for the timer the next message, or the next turn, measures. */
static void
measure_later(struct shoal_cluster *cluster)
{
	static const struct timeval in = {.tv_usec = MEASURE_US};
	struct shoal_lines *lines = &cluster->outbox.lines;

	if (lines->timer == NULL) {
		lines->timer = event_new(cluster->base, -1, 0, on_timer, cluster);
	}
	if (lines->timer != NULL && !event_pending(lines->timer, EV_TIMEOUT, NULL)) {
		(void)event_add(lines->timer, &in);
	}
}

void
shoal_lines_measure(struct shoal_cluster *cluster)
{
	struct shoal_lines *lines = &cluster->outbox.lines;

	SHOAL_LIST_FOREACH_SAFE (node, after, &lines->streamed) {
		struct shoal_line *line = SHOAL_LIST_ITEM(node, struct shoal_line, streamed);
		uint64_t stuck = waits_for(cluster, &line->id);
		bool tell;

		pthread_mutex_lock(&cluster->lock);
		line->stuck = stuck;
		if (stuck == 0) {
			shoal_list_remove(node);
		}
		tell = lessen(cluster, line);
		pthread_mutex_unlock(&cluster->lock);
		push(cluster, line, tell);
	}
	if (!shoal_list_empty(&lines->streamed)) {
		measure_later(cluster);
	}
}

void
shoal_lines_finish(struct shoal_cluster *cluster)
{
	struct shoal_slab *slab = &cluster->outbox.lines.slab;

	if (cluster->outbox.lines.timer != NULL) {
		event_free(cluster->outbox.lines.timer);
		cluster->outbox.lines.timer = NULL;
	}
	/* Who waits for room waits for nothing any more. */
	for (uint32_t i = 0; i < slab->end; i++) {
		bool tell = false;

		pthread_mutex_lock(&cluster->lock);
		struct shoal_line *line = shoal_slab_at(slab, i);
		if (line != NULL) {
			line->stuck = 0;
			shoal_list_remove(&line->streamed);
			tell = lessen(cluster, line);
		}
		pthread_mutex_unlock(&cluster->lock);
		push(cluster, line, tell);
	}
}
