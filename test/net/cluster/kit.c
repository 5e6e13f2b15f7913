/* SPDX-License-Identifier: MIT */
/* Helpers of the cluster tests; kit.h says what each does. Waiting polls every few milliseconds:
 * the conditions are cheap, and what is waited for has no common way to announce itself. */
#include "kit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct shoal_config
kit_config(const char *name)
{
	static char label[32];
	struct shoal_config config;

	if (label[0] == '\0') {
		snprintf(label, sizeof(label), "kit-%d", (int)getpid());
	}
	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	config.profile.exchange_timeout_ms = KIT_PATIENCE_MS;
	config.profile.leave_timeout_ms = KIT_PATIENCE_MS / 3;
	config.name = name;
	config.bind = "127.0.0.1:0";
	config.label = label;
	return config;
}

void
kit_steady(struct shoal_config *config)
{
	config->profile.probe_interval_ms = 5000;
	config->profile.probe_timeout_ms = 2500;
}

void
kit_needs_ipv6(void)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool works = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;

	if (fd >= 0) {
		close(fd);
	}
	if (!works) {
		skip();
	}
}

struct shoal_cluster *
kit_new(const struct shoal_config *config)
{
	struct shoal_cluster *cluster = NULL;

	if (shoal_cluster_new(&cluster, config) != 0) {
		fail_msg("new: %s", shoal_last_error());
	}
	return cluster;
}

struct shoal_cluster *
kit_start(const struct shoal_config *config)
{
	struct shoal_cluster *cluster = kit_new(config);

	if (shoal_cluster_start(cluster) != 0) {
		fail_msg("start: %s", shoal_last_error());
	}
	return cluster;
}

struct shoal_cluster *
kit_member(const char *name)
{
	struct shoal_config config = kit_config(name);

	return kit_start(&config);
}

void
kit_free(struct shoal_cluster *cluster)
{
	assert_int_equal(shoal_cluster_free(cluster), 0);
}

const char *
kit_address(struct shoal_cluster *cluster)
{
	static char text[8][SHOAL_ADDR_TEXT];
	static unsigned next;
	char *at = text[next++ % COUNT_OF(text)];

	assert_int_equal(shoal_cluster_address(cluster, at, SHOAL_ADDR_TEXT), 0);
	return at;
}

void
kit_join(struct shoal_cluster *cluster, const char *seed)
{
	size_t reached = 9;

	if (shoal_cluster_join(cluster, &seed, 1, KIT_PATIENCE_MS, &reached) != 0) {
		fail_msg("join: %s", shoal_last_error());
	}
	assert_int_equal(reached, 1);
}

enum shoal_state
kit_state(struct shoal_cluster *observer, const char *name)
{
	struct shoal_member_list *list = shoal_members(observer, NULL);
	struct shoal_member *member = shoal_member_list_find_by_name(list, name);
	enum shoal_state state = SHOAL_STATE_UNKNOWN;

	assert_non_null(list);
	if (member != NULL) {
		state = shoal_member_state(member);
	}
	shoal_member_list_free(list);
	return state;
}

uint64_t
kit_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool
kit_until(struct event_base *base, bool (*condition)(void *arg), void *arg)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	uint64_t deadline = kit_now_ms() + KIT_PATIENCE_MS;

	while (!condition(arg)) {
		if (kit_now_ms() > deadline) {
			return false;
		}
		if (base != NULL) {
			event_base_loop(base, EVLOOP_NONBLOCK);
		}
		nanosleep(&pause, NULL);
	}
	return true;
}

struct wanted {
	struct shoal_cluster *observer;
	const char *name;
	enum shoal_state state;
	size_t n;
};

static bool
has_state(void *arg)
{
	const struct wanted *wanted = arg;

	return kit_state(wanted->observer, wanted->name) == wanted->state;
}

void
kit_await_state(struct event_base *base, struct shoal_cluster *observer, const char *name,
        enum shoal_state state)
{
	struct wanted wanted = {.observer = observer, .name = name, .state = state};

	if (!kit_until(base, has_state, &wanted)) {
		fail_msg("%s is %s and does not become %s", name,
		        shoal_state_name(kit_state(observer, name)), shoal_state_name(state));
	}
}

static size_t
alive_in(struct shoal_cluster *observer)
{
	struct shoal_member_list *list;
	struct shoal_filter filter;
	size_t n;

	shoal_filter_init(&filter);
	filter.states = 1u << SHOAL_STATE_ALIVE;
	list = shoal_members(observer, &filter);
	assert_non_null(list);
	n = shoal_member_list_count(list);
	shoal_member_list_free(list);
	return n;
}

static bool
has_members(void *arg)
{
	const struct wanted *wanted = arg;

	return alive_in(wanted->observer) == wanted->n;
}

void
kit_await_members(struct event_base *base, struct shoal_cluster *observer, size_t n)
{
	struct wanted wanted = {.observer = observer, .n = n};

	if (!kit_until(base, has_members, &wanted)) {
		fail_msg("%zu members are alive, not %zu", alive_in(observer), n);
	}
}

void
kit_on_done(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct kit_done *done = arg;
	bool would_block = shoal_cluster_free(cluster) == SHOAL_ERR_WOULD_BLOCK;

	pthread_mutex_lock(&done->lock);
	done->calls++;
	done->code = code;
	done->reached = reached;
	done->would_block = would_block;
	snprintf(done->text, sizeof(done->text), "%s", text);
	pthread_mutex_unlock(&done->lock);
}

unsigned
kit_done_calls(struct kit_done *done)
{
	unsigned calls;

	pthread_mutex_lock(&done->lock);
	calls = done->calls;
	pthread_mutex_unlock(&done->lock);
	return calls;
}

static bool
is_done(void *arg)
{
	return kit_done_calls(arg) > 0;
}

int
kit_await_done(struct event_base *base, struct kit_done *done)
{
	assert_true(kit_until(base, is_done, done));
	assert_int_equal(done->calls, 1);
	assert_true(done->would_block);
	return done->code;
}

void
kit_on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct kit_events *events = arg;

	(void)cluster;
	pthread_mutex_lock(&events->lock);
	if (events->count < COUNT_OF(events->event)) {
		struct kit_event *kept = &events->event[events->count++];

		kept->kind = event->kind;
		kept->was = event->was;
		kept->state = event->state;
		kept->cause = event->cause.kind;
		kept->current = event->current;
		snprintf(kept->name, sizeof(kept->name), "%s",
		        event->member != NULL ? shoal_member_name(event->member) : "");
	}
	pthread_mutex_unlock(&events->lock);
}

size_t
kit_events_of(struct kit_events *events, enum shoal_event_kind kind, const char *name)
{
	size_t n = 0;

	pthread_mutex_lock(&events->lock);
	for (size_t i = 0; i < events->count; i++) {
		n += events->event[i].kind == kind &&
		     (name == NULL || strcmp(events->event[i].name, name) == 0);
	}
	pthread_mutex_unlock(&events->lock);
	return n;
}

struct awaited {
	struct kit_events *events;
	enum shoal_event_kind kind;
	const char *name;
};

static bool
has_event(void *arg)
{
	const struct awaited *awaited = arg;

	return kit_events_of(awaited->events, awaited->kind, awaited->name) > 0;
}

void
kit_await_event(struct event_base *base, struct kit_events *events, enum shoal_event_kind kind,
        const char *name)
{
	struct awaited awaited = {.events = events, .kind = kind, .name = name};

	if (!kit_until(base, has_event, &awaited)) {
		fail_msg("no event %s of %s", shoal_event_name(kind), name != NULL ? name : "any");
	}
}

struct shoal_id
kit_id_of(struct shoal_cluster *cluster, const char *name)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	const struct shoal_member *member = shoal_member_list_find_by_name(list, name);

	assert_non_null(member);
	struct shoal_id id = *shoal_member_id(member);
	shoal_member_list_free(list);
	return id;
}
