/* SPDX-License-Identifier: MIT */
/* Every public call on a running cluster from eight threads and from callbacks, while members start
 * and die around it, and while it is stopped; in each of the three ways to run. The judge is the
 * thread sanitizer, and that it ends. */
#include "kit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define CALLERS 8
#define GUESTS  6
#define TYPE    200
#define ASKED   201

struct stage {
	enum shoal_run run;
	struct event_base *base;
	struct shoal_cluster *cluster, *seed;
	char address[64];
	_Atomic bool over, churned;
	_Atomic unsigned rounds, callbacks, ends, begun;
	_Atomic int odd; /* a code that no call should have returned */
	_Atomic uint64_t ticket;
};

static const struct shoal_key the_key = {.bytes = "sixteen bytes ok", .len = 16};
static const struct shoal_key other_key = {.bytes = "sixteen bytes no", .len = 16};

/* What a call may return that looks at nobody else and waits for nothing, whatever happens
 * meanwhile. */
static void
take_own(struct stage *stage, int rc)
{
	switch (rc) {
	case 0:
	case SHOAL_ERR_STATE:
	case SHOAL_ERR_NOT_FOUND:
	case SHOAL_ERR_AGAIN:
		break;
	default:
		atomic_store(&stage->odd, rc);
	}
}

/* Of a type there is one handler, which another thread may have made. */
static void
take_handler(struct stage *stage, int rc)
{
	take_own(stage, rc == SHOAL_ERR_IN_USE ? 0 : rc);
}

/* What any other call may return. */
static void
take(struct stage *stage, int rc)
{
	switch (rc) {
	case 0:
	case SHOAL_ERR_STATE:
	case SHOAL_ERR_NOT_FOUND:
	case SHOAL_ERR_LIMIT:
	case SHOAL_ERR_UNSUPPORTED:
	case SHOAL_ERR_WOULD_BLOCK:
	case SHOAL_ERR_TIMEOUT:
	case SHOAL_ERR_AGAIN:
	case SHOAL_ERR_UNREACHABLE:
	case SHOAL_ERR_CLOSED:
	case SHOAL_ERR_CANCELED:
	case SHOAL_ERR_IN_USE:
	case SHOAL_ERR_NO_SEED:
		break;
	default:
		atomic_store(&stage->odd, rc);
	}
}

/* One that is begun here ends by a callback. */
static void
begun(struct stage *stage, int rc)
{
	take(stage, rc);
	atomic_fetch_add(&stage->begun, rc == 0);
}

static void
on_done(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct stage *stage = arg;

	(void)cluster;
	(void)text;
	(void)reached;
	(void)code;
	atomic_fetch_add(&stage->ends, 1);
}

static void
on_sent(struct shoal_cluster *cluster, int code, void *arg)
{
	on_done(cluster, code, "", 0, arg);
}

static void
on_reply(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	on_done(cluster, code, "", 0, arg);
}

static void
on_rtt(struct shoal_cluster *cluster, int code, const char *text, uint64_t rtt_ns, void *arg)
{
	(void)rtt_ns;
	on_done(cluster, code, text, 0, arg);
}

static void
on_writable(struct shoal_cluster *cluster, const struct shoal_id *to, void *arg)
{
	(void)cluster;
	(void)to;
	atomic_fetch_add(&((struct stage *)arg)->callbacks, 1);
}

static void
on_answer(struct shoal_cluster *cluster, const struct shoal_key_answer *answer, void *arg)
{
	(void)cluster;
	(void)answer;
	atomic_fetch_add(&((struct stage *)arg)->callbacks, 1);
}

static void
on_field(const char *field, bool in_force, void *arg)
{
	(void)field;
	(void)in_force;
	(void)arg;
}

/* A member that is not this one; false: there is none. */
static bool
somebody(struct stage *stage, unsigned number, struct shoal_id *id)
{
	struct shoal_member_list *list = shoal_members(stage->cluster, NULL);
	size_t n = shoal_member_list_count(list);

	if (n > 1) {
		*id = *shoal_member_id(shoal_member_list_at(list, 1 + number % (n - 1)));
	}
	shoal_member_list_free(list);
	return n > 1;
}

static void
look_at_status(struct stage *stage, unsigned number)
{
	static _Thread_local struct shoal_histograms histograms;
	struct shoal_cluster *cluster = stage->cluster;
	(void)number;
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	struct shoal_counters counters;
	struct shoal_member *self = shoal_cluster_self(cluster);
	char text[SHOAL_ADDR_TEXT];

	take_own(stage, shoal_cluster_address(cluster, text, sizeof(text)));
	take(stage, shoal_cluster_failure(cluster));
	(void)shoal_cluster_health(cluster);
	(void)shoal_cluster_convergence_lag(cluster);
	(void)shoal_cluster_keys(cluster, info);
	(void)shoal_cluster_base(cluster);
	(void)shoal_cluster_label(cluster);
	(void)shoal_cluster_state_name(shoal_cluster_state(cluster));
	shoal_cluster_counters(cluster, &counters);
	shoal_cluster_histograms(cluster, &histograms);
	if (stage->run != SHOAL_RUN_DISPATCH) {
		take_own(stage, shoal_cluster_dispatch(cluster));
		(void)shoal_cluster_fd(cluster);
	}
	shoal_member_unref(self);
}

static void
look_at_members(struct stage *stage, unsigned number)
{
	struct shoal_filter filter;
	struct shoal_member_list *list;
	struct shoal_history *history;
	char text[64];

	shoal_filter_init(&filter);
	filter.criteria = number % 2 == 0 ? "count" : NULL;
	list = shoal_members(stage->cluster, &filter);
	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_ref(shoal_member_list_at(list, i));

		(void)shoal_member_rtt(member);
		(void)shoal_member_meta_text(member, "count", text, sizeof(text));
		(void)shoal_member_has_tag(member, "red");
		history = shoal_why(stage->cluster, shoal_member_id(member));
		shoal_history_free(history);
		shoal_member_unref(member);
	}
	shoal_member_list_free(list);
	shoal_history_free(shoal_why_all(stage->cluster));
	take(stage, shoal_wait_members(stage->cluster, 64, 1));
	begun(stage, shoal_cluster_wait_async(stage->cluster, 2, 1, on_done, stage));
}

static void
say_something(struct stage *stage, unsigned number)
{
	struct shoal_cluster *cluster = stage->cluster;
	struct shoal_meta_edit *edit;

	take_own(stage, shoal_meta_set_uint64(cluster, "count", number));
	take_own(stage, shoal_meta_set_int64(cluster, "int", -1));
	take_own(stage, shoal_meta_set_bool(cluster, "bool", true));
	take_own(stage, shoal_meta_set_double(cluster, "double", 0.5));
	take_own(stage, shoal_meta_set_time(cluster, "time", 1000));
	take_own(stage, shoal_meta_set_bytes(cluster, "bytes", "ab", 2));
	take_own(stage, shoal_meta_set_str(cluster, "str", "text"));
	take_own(stage, shoal_meta_delete(cluster, "str"));
	take_own(stage, shoal_tag_add(cluster, "red"));
	take_own(stage, shoal_tag_remove(cluster, "red"));
	if (shoal_meta_begin(cluster, &edit) == 0) {
		take_own(stage, shoal_meta_edit_str(edit, "a", "b"));
		take_own(stage, shoal_meta_edit_tag(edit, "blue", number % 2 == 0));
		if (number % 4 == 0) {
			shoal_meta_abort(edit);
		} else {
			take_own(stage, shoal_meta_commit(edit));
		}
	}
}

static void
send_something(struct stage *stage, unsigned number)
{
	struct shoal_cluster *cluster = stage->cluster;
	uint64_t request = 0, rtt_ns;
	struct shoal_id id;
	char reply[16];
	int rc;

	take(stage, shoal_broadcast(cluster, TYPE, "x", 1, number % 2 ? SHOAL_RELIABLE : 0));
	take(stage, shoal_broadcast_tag(cluster, "red", TYPE, "x", 1, 0));
	take_own(stage, shoal_on_writable(cluster, on_writable, stage));
	if (!somebody(stage, number, &id)) {
		return;
	}
	take(stage, shoal_send(cluster, &id, TYPE, "x", 1, 0));
	take(stage, shoal_send_many(cluster, &id, 1, TYPE, "x", 1, SHOAL_RELIABLE, NULL));
	begun(stage, shoal_send_confirmed(cluster, &id, TYPE, "x", 1, on_sent, stage));
	rc = shoal_request(cluster, &id, ASKED, "x", 1, 50, on_reply, stage, &request);
	begun(stage, rc);
	if (rc == 0 && number % 2 == 0) {
		take(stage, shoal_request_cancel(cluster, request));
	}
	take(stage,
	        shoal_request_wait(cluster, &id, ASKED, "x", 1, 20, reply, sizeof(reply), NULL));
	take(stage, shoal_cluster_rtt(cluster, NULL, &id, 1, &rtt_ns));
	struct shoal_member *self = shoal_cluster_self(cluster);
	begun(stage, shoal_cluster_rtt_ask(cluster, &id, shoal_member_id(self), 50, on_rtt, stage));
	take(stage, shoal_cluster_rtt(cluster, &id, shoal_member_id(self), 20, &rtt_ns));
	shoal_member_unref(self);
}

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	(void)cluster;
	atomic_fetch_add(&((struct stage *)arg)->callbacks, shoal_message_len(message) == 1);
}

static void
on_request(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)message;
	(void)arg;
	(void)shoal_reply(cluster, ticket, 0, "y", 1);
}

static void
ignore(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)event;
	(void)arg;
}

static void
change_handlers(struct stage *stage, unsigned number)
{
	struct shoal_cluster *cluster = stage->cluster;
	uint16_t type = (uint16_t)(300 + number % 4);
	int tag;

	take_own(stage, shoal_on_member(cluster, SHOAL_EVENT_ALL, ignore, &tag));
	take_handler(stage, shoal_handle(cluster, type, on_message, stage));
	take_handler(stage, shoal_unhandle(cluster, type));
	take_handler(stage, shoal_handle_request(cluster, type, on_request, stage));
	take_handler(stage, shoal_unhandle(cluster, type));
	take(stage, shoal_reply(cluster, atomic_load(&stage->ticket), 0, "z", 1));
	take_own(stage, shoal_off_member(cluster, ignore, &tag));
}

static void
change_config(struct stage *stage, unsigned number)
{
	struct shoal_cluster *cluster = stage->cluster;
	struct shoal_config config = kit_config("a");
	struct shoal_id id;

	config.profile.gossip_fanout = 3 + number % 2;
	config.allow = number % 2 == 0 ? "127.0.0.0/8" : NULL;
	take_own(stage, shoal_cluster_reconfigure(cluster, &config, on_field, NULL));
	take_own(stage, shoal_cluster_set(cluster, "gossip_fanout", number % 2 ? "3" : "4"));
	take_own(stage, shoal_cluster_set(cluster, "log_level", "warn"));
	if (somebody(stage, number, &id)) {
		take(stage, shoal_cluster_forget(cluster, &id));
	}
}

static void
change_keys(struct stage *stage, unsigned number)
{
	struct shoal_cluster *cluster = stage->cluster;
	char path[] = "/tmp/shoal-churn-XXXXXX";
	uint64_t print = 0;
	int fd;

	take(stage, shoal_cluster_key_install(cluster, &the_key, &print));
	take(stage, shoal_cluster_key_use(cluster, print));
	take(stage, shoal_cluster_key_install(cluster, &other_key, &print));
	take(stage, shoal_cluster_key_remove(cluster, print));
	begun(stage, shoal_cluster_keys_order(
	                     cluster, SHOAL_KEY_LIST, NULL, 0, on_answer, on_done, stage));
	if (number % 8 == 0 && (fd = mkstemp(path)) >= 0) {
		take(stage, shoal_cluster_record_dump(cluster, path));
		close(fd);
		unlink(path);
	}
}

static void
join_again(struct stage *stage, unsigned number)
{
	const char *seeds[] = {stage->address};

	take_own(stage, shoal_seeds_check(seeds, 1));
	begun(stage, shoal_cluster_join_async(stage->cluster, seeds, 1, 500, on_done, stage));
	if (number % 4 == 0) {
		take(stage, shoal_cluster_join(stage->cluster, seeds, 1, 500, NULL));
	}
}

static void (*const parts[])(struct stage *, unsigned) = {look_at_status, look_at_members,
        say_something, send_something, change_handlers, change_config, change_keys, join_again};

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct stage *stage = arg;
	unsigned number = atomic_fetch_add(&stage->callbacks, 1);

	(void)cluster;
	(void)event;
	parts[number % COUNT_OF(parts)](stage, number);
}

struct caller {
	struct stage *stage;
	unsigned number;
	pthread_t thread;
};

static void *
call(void *arg)
{
	struct caller *caller = arg;

	for (unsigned i = caller->number; !atomic_load(&caller->stage->over); i++) {
		parts[i % COUNT_OF(parts)](caller->stage, i);
		atomic_fetch_add(&caller->stage->rounds, 1);
		usleep(2000);
	}
	return NULL;
}

static void
seal(struct shoal_config *config)
{
	config->keys = &the_key;
	config->key_count = 1;
}

/* Members join and leave or die; the last thing is that the cluster itself leaves. */
static void *
churn(void *arg)
{
	struct stage *stage = arg;

	for (unsigned i = 0; i < GUESTS; i++) {
		struct shoal_config config;
		struct shoal_cluster *guest;
		const char *seeds[] = {stage->address};
		char name[8];

		snprintf(name, sizeof(name), "g%u", i % 3);
		config = kit_config(name);
		seal(&config);
		guest = kit_start(&config);
		(void)shoal_handle_request(guest, ASKED, on_request, NULL);
		(void)shoal_cluster_join(guest, seeds, 1, KIT_PATIENCE_MS, NULL);
		usleep(100000);
		if (i % 2 == 0) {
			(void)shoal_cluster_leave(guest, 1000);
		}
		kit_free(guest);
	}
	begun(stage, shoal_cluster_leave_async(stage->cluster, 500, on_done, stage));
	atomic_store(&stage->churned, true);
	return NULL;
}

static bool
has_ended(void *arg)
{
	struct stage *stage = arg;

	if (stage->run == SHOAL_RUN_DISPATCH) {
		(void)shoal_cluster_dispatch(stage->cluster);
	}
	return atomic_load(&stage->churned) &&
	       shoal_cluster_state(stage->cluster) == SHOAL_CLUSTER_STOPPED;
}

static void
begin(struct stage *stage, enum shoal_run run)
{
	struct shoal_config config = kit_config("seed");

	memset(stage, 0, sizeof(*stage));
	stage->run = run;
	stage->base = run == SHOAL_RUN_BASE ? event_base_new() : NULL;
	seal(&config);
	stage->seed = kit_start(&config);
	assert_int_equal(shoal_handle_request(stage->seed, ASKED, on_request, NULL), 0);
	snprintf(stage->address, sizeof(stage->address), "%s", kit_address(stage->seed));
	config = kit_config("a");
	seal(&config);
	config.run = run;
	config.base = stage->base;
	config.record_bytes = 65536;
	config.coalesce_ms = 20;
	stage->cluster = kit_start(&config);
	assert_int_equal(shoal_on_member(stage->cluster, SHOAL_EVENT_ALL, on_member, stage), 0);
	assert_int_equal(shoal_handle(stage->cluster, TYPE, on_message, stage), 0);
}

static void
everything_is_called_while_members_come_and_go(enum shoal_run run)
{
	struct caller caller[CALLERS];
	pthread_t churner;
	struct stage stage;

	begin(&stage, run);
	for (unsigned i = 0; i < CALLERS; i++) {
		caller[i].stage = &stage;
		caller[i].number = i;
		assert_int_equal(pthread_create(&caller[i].thread, NULL, call, &caller[i]), 0);
	}
	assert_int_equal(pthread_create(&churner, NULL, churn, &stage), 0);
	while (!kit_until(stage.base, has_ended, &stage)) {
		assert_false(atomic_load(&stage.churned)); /* then it is stuck */
	}
	pthread_join(churner, NULL);
	/* All of them go on calling one that has stopped. */
	unsigned rounds = atomic_load(&stage.rounds);
	while (atomic_load(&stage.rounds) < rounds + 2 * CALLERS) {
		(void)has_ended(&stage);
		usleep(1000);
	}
	atomic_store(&stage.over, true);
	for (unsigned i = 0; i < CALLERS; i++) {
		pthread_join(caller[i].thread, NULL);
	}
	kit_free(stage.cluster);
	assert_int_equal(atomic_load(&stage.odd), 0);
	assert_true(atomic_load(&stage.callbacks) > 0);
	assert_int_equal(atomic_load(&stage.ends), atomic_load(&stage.begun));
	kit_free(stage.seed);
	if (stage.base != NULL) {
		event_base_free(stage.base);
	}
}

static void
with_own_threads_everything_is_called_while_members_come_and_go(void **state)
{
	(void)state;
	everything_is_called_while_members_come_and_go(SHOAL_RUN_THREADS);
}

static void
with_dispatch_everything_is_called_while_members_come_and_go(void **state)
{
	(void)state;
	everything_is_called_while_members_come_and_go(SHOAL_RUN_DISPATCH);
}

static void
on_a_base_everything_is_called_while_members_come_and_go(void **state)
{
	(void)state;
	everything_is_called_while_members_come_and_go(SHOAL_RUN_BASE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(with_own_threads_everything_is_called_while_members_come_and_go),
	        cmocka_unit_test(with_dispatch_everything_is_called_while_members_come_and_go),
	        cmocka_unit_test(on_a_base_everything_is_called_while_members_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
