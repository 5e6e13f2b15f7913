/* SPDX-License-Identifier: MIT */
/* The token of members at URLs: who has another one, and how one is changed while members run. */
#include "cluster_web_world.h"

#include "cluster/cluster.h"

static void
another_token_does_not_join_and_is_told_so(void **state)
{
	static const char *const tokens[] = {"right", "wrong"}, *const names[] = {"a", "b"};
	char text[SHOAL_URL_TEXT];
	const char *seed = text;
	struct world world;

	(void)state;
	init(&world);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_config config = config_of(&world, names[i], "http://127.0.0.1:0");

		config.token = tokens[i];
		add_with(&world, &config);
	}
	seed_of(world.member[0], true, text);
	assert_int_equal(
	        shoal_cluster_join_async(world.member[1], &seed, 1, 5000, ended, &world), 0);
	until(&world, &world.ends, 1);
	assert_int_equal(world.code, SHOAL_ERR_NO_SEED);
	assert_non_null(strstr(world.text, text));
	assert_int_equal(state_of(world.member[0], "b"), SHOAL_STATE_UNKNOWN);
	done(&world);
}

/* As members have it that were restarted before and after: each has what the other one sends. */
static void
while_a_token_is_changed_both_are_taken(void **state)
{
	static const char *const tokens[] = {"old new", "new old"};
	struct world world;

	(void)state;
	init(&world);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_config config =
		        config_of(&world, i == 0 ? "a" : "b", "http://127.0.0.1:0");

		config.token = tokens[i];
		add_with(&world, &config);
	}
	join(&world, 1, 0, true);
	settle(&world);
	assert_int_equal(state_of(world.member[0], "b"), SHOAL_STATE_ALIVE);
	done(&world);
}

static void
on_field(const char *field, bool in_force, void *arg)
{
	char *text = arg;

	snprintf(text + strlen(text), 64 - strlen(text), "%s%s;", field, in_force ? "" : "!");
}

/* Reconfigures the i-th member, and says which fields differed. */
static const char *
give_token(struct world *world, size_t i, const char *token)
{
	struct shoal_config config = config_of(world, i == 0 ? "a" : "b", "http://127.0.0.1:0");
	static char fields[64];

	fields[0] = '\0';
	config.token = token;
	assert_int_equal(shoal_cluster_reconfigure(world->member[i], &config, on_field, fields), 0);
	return fields;
}

static void
a_token_changes_while_members_run(void **state)
{
	static const char *const tokens[] = {"old", "new"};
	char text[SHOAL_URL_TEXT];
	const char *seed = text;
	struct world world;

	(void)state;
	init(&world);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_config config =
		        config_of(&world, i == 0 ? "a" : "b", "http://127.0.0.1:0");

		config.token = tokens[i];
		add_with(&world, &config);
	}
	assert_string_equal(give_token(&world, 0, "old"), "");
	assert_string_equal(give_token(&world, 0, "old new"), "token;");
	assert_string_equal(give_token(&world, 0, "old new"), "");
	assert_string_equal(give_token(&world, 1, "new old"), "token;");
	join(&world, 1, 0, true);
	settle(&world);
	assert_string_equal(give_token(&world, 0, "new"), "token;");
	assert_string_equal(give_token(&world, 1, "old"), "token;");
	seed_of(world.member[0], true, text);
	assert_int_equal(
	        shoal_cluster_join_async(world.member[1], &seed, 1, 5000, ended, &world), 0);
	until(&world, &world.ends, world.ends + 1);
	assert_int_equal(world.code, SHOAL_ERR_NO_SEED);
	assert_string_equal(give_token(&world, 1, "new"), "token;");
	join(&world, 1, 0, true);

	/* Of a transport that takes none it is fixed. */
	struct shoal_transport *by = (struct shoal_transport *)(uintptr_t)world.member[1]->web;
	const struct shoal_transport_ops *honest = by->ops;
	struct shoal_transport_ops firm = *honest;
	firm.token = NULL;
	by->ops = &firm;
	assert_string_equal(give_token(&world, 1, "old"), "token!;");
	assert_string_equal(give_token(&world, 1, "new"), "");
	by->ops = honest;
	done(&world);
}

/* What is to protect in its place may need a restart: until then it stays. */
static void
a_token_ends_with_a_restart(void **state)
{
	static const char *const none[] = {NULL, ""};
	struct shoal_config config;
	struct world world;
	char fields[64] = "";

	(void)state;
	init(&world);
	config = config_of(&world, "a", "http://127.0.0.1:0");
	config.token = "a-token";
	add_with(&world, &config);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(give_token(&world, 0, none[i]), "token!;");
		assert_string_equal(give_token(&world, 0, "a-token"), "");
	}
	assert_int_equal(shoal_cluster_set(world.member[0], "token", ""), SHOAL_ERR_STATE);
	assert_string_equal(give_token(&world, 0, "a-token"), "");

	/* What else differs counts, and it stays. */
	config.token = NULL;
	config.log_level = SHOAL_LOG_ERROR;
	assert_int_equal(shoal_cluster_reconfigure(world.member[0], &config, on_field, fields), 0);
	assert_non_null(strstr(fields, "log_level;"));
	assert_non_null(strstr(fields, "token!;"));
	assert_string_equal(give_token(&world, 0, "a-token"), "log_level;");
	done(&world);

	/* To one that had none it may be given. */
	init(&world);
	config = config_of(&world, "a", "http://127.0.0.1:0");
	add_with(&world, &config);
	assert_string_equal(give_token(&world, 0, "a-token"), "token;");
	done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(while_a_token_is_changed_both_are_taken),
	        cmocka_unit_test(a_token_changes_while_members_run),
	        cmocka_unit_test(a_token_ends_with_a_restart),
	        cmocka_unit_test(another_token_does_not_join_and_is_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
