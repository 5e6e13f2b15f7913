/* SPDX-License-Identifier: MIT */
/* Metadata and tags of real members: what one says all see, those that join later too; with which
 * events; several changes as one; documents of the largest size; and from many threads at once. */
#include "kit.h"

#include <stdlib.h>

struct look {
	struct shoal_cluster *observer;
	const char *name;
	const char *criteria, *tag;
};

static bool
is_found(void *arg)
{
	const struct look *look = arg;
	struct shoal_filter filter;

	shoal_filter_init(&filter);
	filter.criteria = look->criteria;
	filter.tag = look->tag;
	struct shoal_member_list *list = shoal_members(look->observer, &filter);
	bool found = shoal_member_list_find_by_name(list, look->name) != NULL;
	shoal_member_list_free(list);
	return found;
}

static void
await(struct shoal_cluster *observer, const char *name, const char *criteria, const char *tag)
{
	struct look look = {observer, name, criteria, tag};

	if (!kit_until(NULL, is_found, &look)) {
		fail_msg("%s does not see %s with %s, %s", "a member", name, criteria, tag);
	}
}

static void
what_one_says_all_see_also_who_joins_later(void **state)
{
	struct shoal_config config = kit_config("b");
	struct shoal_cluster *a = kit_member("a"), *b, *c;

	(void)state;
	config.tags = "spare,db";
	b = kit_new(&config);
	assert_int_equal(shoal_meta_set_str(b, "role", "db"), 0);
	assert_int_equal(shoal_cluster_start(b), 0);
	kit_join(b, kit_address(a));
	await(a, "b", "role=db", "spare");
	assert_int_equal(shoal_meta_set_uint64(b, "port", 5432), 0);
	assert_int_equal(shoal_meta_set_bool(b, "ready", true), 0);
	assert_int_equal(shoal_meta_set_int64(b, "load", -3), 0);
	assert_int_equal(shoal_meta_set_double(b, "weight", 0.25), 0);
	assert_int_equal(shoal_meta_set_time(b, "since", INT64_C(1700000000000)), 0);
	assert_int_equal(shoal_meta_set_bytes(b, "key", "\1\2", 2), 0);
	await(a, "b", "role=db,port=5432,ready=true,load=-3,weight=0.25,since~2023-11,key", NULL);
	c = kit_member("c");
	kit_join(c, kit_address(a));
	await(c, "b", "role=db,port=5432,key", "db");
	assert_int_equal(shoal_meta_delete(b, "port"), 0);
	assert_int_equal(shoal_meta_delete(b, "port"), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_tag_remove(b, "db"), 0);
	assert_int_equal(shoal_tag_add(b, "hot"), 0);
	await(c, "b", "role=db", "hot");
	struct look gone = {c, "b", "port", NULL};
	assert_false(is_found(&gone));
	await(b, "b", "role=db", "hot");
	kit_free(a);
	kit_free(b);
	kit_free(c);
}

struct updates {
	pthread_mutex_t lock;
	const char *wanted;
	char text[512];
	unsigned changed;
};

static void
on_update(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	static const char sign[] = " +*-";
	struct updates *updates = arg;
	enum shoal_key_change change;
	const char *key;
	uint64_t at = 0;

	(void)cluster;
	pthread_mutex_lock(&updates->lock);
	updates->changed |= event->changed;
	while (shoal_event_key(event, &at, &key, &change)) {
		size_t len = strlen(updates->text);
		snprintf(updates->text + len, sizeof(updates->text) - len, "%c%s ", sign[change],
		        key);
	}
	pthread_mutex_unlock(&updates->lock);
}

static bool
is_told(void *arg)
{
	struct updates *updates = arg;

	pthread_mutex_lock(&updates->lock);
	bool told = strcmp(updates->text, updates->wanted) == 0;
	pthread_mutex_unlock(&updates->lock);
	return told;
}

/* The list may show what the callbacks have yet to tell. */
static void
await_updates(struct updates *updates, const char *wanted)
{
	updates->wanted = wanted;
	if (!kit_until(NULL, is_told, updates)) {
		assert_string_equal(updates->text, wanted);
	}
}

/* Without bursts and gossip of its own, news comes with pings and answers only: the time of the
 * answer is told in the same step. */
static void
updates_that_come_with_an_answer_name_their_keys_too(void **state)
{
	struct updates seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a, *b;

	(void)state;
	config.profile.bursts = 0;
	config.profile.gossip_interval_ms = 60000;
	a = kit_new(&config);
	config.name = "b";
	b = kit_new(&config);
	assert_int_equal(shoal_cluster_start(a), 0);
	assert_int_equal(shoal_cluster_start(b), 0);
	kit_join(b, kit_address(a));
	assert_int_equal(shoal_meta_set_uint64(b, "n", 0), 0);
	await(a, "b", "n=0", NULL);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_UPDATE, on_update, &seen), 0);
	for (uint64_t n = 1; n <= 8; n++) {
		char criteria[16];
		snprintf(criteria, sizeof criteria, "n=%u", (unsigned)n);
		assert_int_equal(shoal_meta_set_uint64(b, "n", n), 0);
		await(a, "b", criteria, NULL);
	}
	await_updates(&seen, "*n *n *n *n *n *n *n *n ");
	assert_int_equal(shoal_off_member(a, on_update, &seen), 0);
	kit_free(a);
	kit_free(b);
}

static void
a_transaction_is_one_update_that_names_its_keys(void **state)
{
	struct updates seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");
	struct shoal_meta_value value = {.type = SHOAL_META_BOOL};
	struct shoal_meta_edit *edit;

	(void)state;
	kit_join(b, kit_address(a));
	assert_int_equal(shoal_meta_set_str(b, "old", "1"), 0);
	assert_int_equal(shoal_meta_set_str(b, "same", "1"), 0);
	await(a, "b", "old,same", NULL);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_UPDATE, on_update, &seen), 0);
	assert_int_equal(shoal_meta_begin(b, &edit), 0);
	assert_int_equal(shoal_meta_edit_set(edit, "new", &value), 0);
	assert_int_equal(shoal_meta_edit_str(edit, "same", "2"), 0);
	assert_int_equal(shoal_meta_edit_set(edit, "old", NULL), 0);
	assert_int_equal(shoal_meta_edit_set(edit, "never there", NULL), 0);
	assert_int_equal(shoal_meta_edit_tag(edit, "t", true), 0);
	assert_int_equal(shoal_meta_edit_str(edit, "", "2"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_meta_commit(edit), 0);
	await(a, "b", "new=false,same=2", "t");
	await_updates(&seen, "+new -old *same ");
	assert_int_equal(shoal_off_member(a, on_update, &seen), 0);
	assert_int_equal(seen.changed, SHOAL_CHANGE_METADATA | SHOAL_CHANGE_TAGS);
	assert_int_equal(shoal_meta_begin(b, &edit), 0);
	assert_int_equal(shoal_meta_edit_str(edit, "same", "3"), 0);
	shoal_meta_abort(edit);
	shoal_meta_abort(NULL);
	kit_free(a);
	kit_free(b);
}

static void
edit_bytes(struct shoal_meta_edit *edit, const char *key, size_t len)
{
	static const uint8_t zeros[SHOAL_META_MAX];
	struct shoal_meta_value value = {.type = SHOAL_META_BYTES};

	value.is.bytes.data = zeros;
	value.is.bytes.len = len;
	assert_int_equal(shoal_meta_edit_set(edit, key, &value), 0);
}

static void
a_transaction_is_judged_by_what_it_leaves_and_names_the_key_that_is_too_much(void **state)
{
	struct shoal_cluster *a = kit_member("a");
	struct shoal_meta_edit *edit;
	struct look look = {a, "a", "large,v=1,small", NULL}, none = {a, "a", "third", NULL};

	(void)state;
	assert_int_equal(shoal_meta_begin(a, &edit), 0);
	edit_bytes(edit, "first", 50000);
	assert_int_equal(shoal_meta_commit(edit), 0);
	/* What goes stands behind what comes; and of one key the last change counts alone. */
	assert_int_equal(shoal_meta_begin(a, &edit), 0);
	edit_bytes(edit, "large", 50000);
	edit_bytes(edit, "small", 50000);
	edit_bytes(edit, "small", 5);
	assert_int_equal(shoal_meta_edit_str(edit, "v", "1"), 0);
	assert_int_equal(shoal_meta_edit_set(edit, "first", NULL), 0);
	assert_int_equal(shoal_meta_commit(edit), 0);
	assert_true(kit_until(NULL, is_found, &look));
	assert_int_equal(shoal_meta_begin(a, &edit), 0);
	edit_bytes(edit, "second", 9000);
	edit_bytes(edit, "third", 9000);
	assert_int_equal(shoal_meta_edit_set(edit, "v", NULL), 0);
	assert_int_equal(shoal_meta_commit(edit), SHOAL_ERR_TOO_BIG);
	assert_non_null(strstr(shoal_last_error(), "\"third\""));
	assert_true(is_found(&look));
	assert_false(is_found(&none));
	/* A key that is set and then removed is not there, and one removed and then set is. */
	assert_int_equal(shoal_meta_begin(a, &edit), 0);
	assert_int_equal(shoal_meta_edit_str(edit, "third", "1"), 0);
	assert_int_equal(shoal_meta_edit_set(edit, "third", NULL), 0);
	assert_int_equal(shoal_meta_edit_set(edit, "v", NULL), 0);
	assert_int_equal(shoal_meta_edit_str(edit, "v", "2"), 0);
	assert_int_equal(shoal_meta_edit_tag(edit, "v", false), 0);
	assert_int_equal(shoal_meta_commit(edit), 0);
	look.criteria = "v=2";
	assert_true(kit_until(NULL, is_found, &look));
	assert_false(is_found(&none));
	kit_free(a);
}

/* What the events about one member showed of a key. */
struct first_words {
	pthread_mutex_t lock;
	unsigned joined, told; /* JOIN events that showed it, updates that named it */
	bool known;
};

static void
on_first_word(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct first_words *words = arg;
	enum shoal_key_change change;
	const char *key;
	uint64_t at = 0;

	(void)cluster;
	if (strcmp(shoal_member_name(event->member), "b") != 0) {
		return;
	}
	pthread_mutex_lock(&words->lock);
	words->known = shoal_member_meta_count(event->member) > 0;
	words->joined += event->kind == SHOAL_EVENT_JOIN && words->known;
	while (event->kind == SHOAL_EVENT_UPDATE && shoal_event_key(event, &at, &key, &change)) {
		words->told += strcmp(key, "role") == 0 && change == SHOAL_KEY_ADDED;
	}
	pthread_mutex_unlock(&words->lock);
}

static bool
is_known(void *arg)
{
	struct first_words *words = arg;
	bool known;

	pthread_mutex_lock(&words->lock);
	known = words->known;
	pthread_mutex_unlock(&words->lock);
	return known;
}

static void
what_is_said_before_the_start_is_shown_with_the_join_or_told_by_an_update_behind_it(void **state)
{
	static const size_t lens[] = {5, 50000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		struct first_words words = {.lock = PTHREAD_MUTEX_INITIALIZER};
		struct shoal_config config = kit_config("b");
		struct shoal_cluster *a = kit_member("a"), *b = kit_new(&config);
		struct shoal_meta_edit *edit;

		assert_int_equal(shoal_on_member(a, SHOAL_EVENT_JOIN | SHOAL_EVENT_UPDATE,
		                         on_first_word, &words),
		        0);
		assert_int_equal(shoal_meta_begin(b, &edit), 0);
		edit_bytes(edit, "role", lens[i]);
		assert_int_equal(shoal_meta_commit(edit), 0);
		assert_int_equal(shoal_cluster_start(b), 0);
		kit_join(b, kit_address(a));
		assert_true(kit_until(NULL, is_known, &words));
		assert_int_equal(shoal_off_member(a, on_first_word, &words), 0);
		assert_int_equal(words.joined + words.told, 1);
		kit_free(a);
		kit_free(b);
	}
}

static void
sixty_thousand_bytes_are_pulled_and_more_than_the_limit_is_refused(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b"), *c;
	uint8_t *data = calloc(1, SHOAL_META_MAX);
	struct shoal_meta_edit *edit;

	(void)state;
	assert_non_null(data);
	kit_join(b, kit_address(a));
	memset(data, 0x5a, SHOAL_META_MAX);
	assert_int_equal(shoal_meta_set_bytes(b, "blob", data, 60 * 1024), 0);
	assert_int_equal(shoal_meta_set_str(b, "v", "1"), 0);
	await(a, "b", "blob,v=1", NULL);
	c = kit_member("c");
	kit_join(c, kit_address(a));
	await(c, "b", "blob~ZZZ,v=1", NULL);
	assert_int_equal(shoal_meta_set_bytes(b, "more", data, 6000), SHOAL_ERR_TOO_BIG);
	assert_non_null(strstr(shoal_last_error(), "65536"));
	assert_int_equal(shoal_meta_begin(b, &edit), 0);
	assert_int_equal(shoal_meta_edit_str(edit, "v", "2"), 0);
	struct shoal_meta_value large = {.type = SHOAL_META_BYTES};
	large.is.bytes.data = data;
	large.is.bytes.len = 6000;
	assert_int_equal(shoal_meta_edit_set(edit, "more", &large), 0);
	assert_int_equal(shoal_meta_commit(edit), SHOAL_ERR_TOO_BIG);
	struct look changed = {b, "b", "v=2", NULL};
	assert_false(is_found(&changed));
	free(data);
	kit_free(a);
	kit_free(b);
	kit_free(c);
}

static void
what_is_wrong_is_refused_with_its_reason(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a = kit_member("a");
	struct shoal_filter filter;

	(void)state;
	assert_int_equal(shoal_meta_set_str(a, "", "x"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_meta_set_str(a, NULL, "x"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_meta_set_str(a, "x", NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_meta_set_str(a, "x", "\xff"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_tag_add(a, ""), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_tag_remove(a, "none"), SHOAL_ERR_NOT_FOUND);
	assert_non_null(strstr(shoal_last_error(), "none"));
	shoal_filter_init(&filter);
	filter.criteria = "=x";
	assert_null(shoal_members(a, &filter));
	assert_non_null(strstr(shoal_last_error(), "criteria"));
	config.tags = "a,,b";
	assert_int_equal(shoal_config_check(&config), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "tags"));
	assert_int_equal(shoal_cluster_stop(a), 0);
	assert_int_equal(shoal_meta_set_str(a, "x", "y"), SHOAL_ERR_STATE);
	kit_free(a);
}

#define THREADS 8
#define EACH    50

struct writer {
	struct shoal_cluster *cluster;
	unsigned number;
	pthread_t thread;
};

static void *
write_many(void *arg)
{
	const struct writer *writer = arg;
	char key[8];

	snprintf(key, sizeof(key), "k%u", writer->number);
	for (unsigned i = 1; i <= EACH; i++) {
		if (shoal_meta_set_uint64(writer->cluster, key, i) != 0) {
			return arg;
		}
		shoal_member_unref(shoal_cluster_self(writer->cluster));
	}
	return NULL;
}

static void
changes_of_many_threads_are_all_made(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");
	struct writer writer[THREADS];
	char criteria[160] = "";

	(void)state;
	kit_join(b, kit_address(a));
	for (unsigned i = 0; i < THREADS; i++) {
		writer[i] = (struct writer){.cluster = b, .number = i};
		assert_int_equal(
		        pthread_create(&writer[i].thread, NULL, write_many, &writer[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		size_t len = strlen(criteria);
		void *failed;
		assert_int_equal(pthread_join(writer[i].thread, &failed), 0);
		assert_null(failed);
		snprintf(criteria + len, sizeof(criteria) - len, "%sk%u=%d", i > 0 ? "," : "", i,
		        EACH);
	}
	await(a, "b", criteria, NULL);
	kit_free(a);
	kit_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_one_says_all_see_also_who_joins_later),
	        cmocka_unit_test(updates_that_come_with_an_answer_name_their_keys_too),
	        cmocka_unit_test(a_transaction_is_one_update_that_names_its_keys),
	        cmocka_unit_test(
	                a_transaction_is_judged_by_what_it_leaves_and_names_the_key_that_is_too_much),
	        cmocka_unit_test(
	                what_is_said_before_the_start_is_shown_with_the_join_or_told_by_an_update_behind_it),
	        cmocka_unit_test(
	                sixty_thousand_bytes_are_pulled_and_more_than_the_limit_is_refused),
	        cmocka_unit_test(what_is_wrong_is_refused_with_its_reason),
	        cmocka_unit_test(changes_of_many_threads_are_all_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
