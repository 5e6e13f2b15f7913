/* SPDX-License-Identifier: MIT */
/* A member that can dial and cannot be dialled: in everybody's list with its diagnosis, accused by
 * nobody, and found dead when it is. The wall is a packet filter on its host: nothing comes in but
 * what passes on connections that it opened. */
#include "sim/judge.h"
#include "six.h"
#include "unit_cipher.h"

#define EIGHT  8
#define WALLED 5 /* the node that it is about */

/* What the others told of it. */
struct told {
	unsigned suspected, failed, left, joined;
};

static void
on_note(const struct shoal_sim_note *note, void *arg)
{
	struct told *told = arg;

	if (note->kind != SHOAL_SIM_NOTE_EVENT || note->other != WALLED || note->node == WALLED) {
		return;
	}
	told->joined += note->event == SHOAL_EVENT_JOIN;
	told->suspected += note->event == SHOAL_EVENT_SUSPECT;
	told->failed += note->event == SHOAL_EVENT_FAILED;
	told->left += note->event == SHOAL_EVENT_LEFT;
}

static void
wall_up(struct shoal_sim *sim, uint32_t node, enum shoal_sim_filter wall)
{
	assert_int_equal(shoal_sim_filter(sim, node, wall, wall), 0);
}

static void
start(struct shoal_sim *sim, uint32_t node)
{
	assert_int_equal(shoal_sim_start(sim, node), 0);
	if (node != 0) {
		assert_int_equal(shoal_sim_join(sim, node, 0), 0);
	}
}

/* Seven, and one that comes to them from behind a wall; SHOAL_SIM_FILTER_PASS: from behind a router
 * that translates its address. cipher: NULL: they do not seal. */
static struct shoal_sim *
open_linked(enum shoal_sim_filter wall, uint32_t loss_ppm, const struct shoal_cipher_ops *cipher,
        uint32_t watchers, struct told *told)
{
	static const struct shoal_key key = {.len = 16, .bytes = {1}};
	struct shoal_sim_config config;
	struct shoal_sim *sim;

	memset(told, 0, sizeof(*told));
	shoal_sim_config_init(&config);
	config.seed = 100 + (uint64_t)wall;
	config.nodes = EIGHT;
	config.link.loss_ppm = loss_ppm;
	(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LAN);
	config.profile.watchers = watchers;
	config.cipher = cipher;
	config.key = cipher != NULL ? &key : NULL;
	config.on_note = on_note;
	config.arg = told;
	assert_int_equal(shoal_sim_new(&sim, &config), 0);
	for (uint32_t i = 0; i < EIGHT; i++) {
		if (i != WALLED) {
			start(sim, i);
		}
	}
	run_for(sim, SHOAL_SEC(5));
	if (wall == SHOAL_SIM_FILTER_PASS) {
		assert_int_equal(shoal_sim_translate(sim, WALLED), 0);
	} else {
		wall_up(sim, WALLED, wall);
	}
	start(sim, WALLED);
	return sim;
}

static struct shoal_sim *
open_sealed(enum shoal_sim_filter wall, uint32_t loss_ppm, const struct shoal_cipher_ops *cipher,
        struct told *told)
{
	return open_linked(wall, loss_ppm, cipher, 3, told);
}

static struct shoal_sim *
open_world(enum shoal_sim_filter wall, uint32_t loss_ppm, struct told *told)
{
	return open_sealed(wall, loss_ppm, NULL, told);
}

static bool
shows(const struct shoal_sim *sim, uint32_t observer, uint32_t subject)
{
	const struct shoal_core *core = shoal_sim_core(sim, observer);
	struct shoal_core_member member;
	uint32_t slot;

	return core != NULL && shoal_core_find(core, shoal_sim_id(sim, subject), &slot) == 0 &&
	       shoal_core_member(core, slot, &member) &&
	       member.diagnosis == SHOAL_DIAGNOSIS_INBOUND_ONLY;
}

/* How many show the diagnosis, the subject included. */
static unsigned
diagnosed(const struct shoal_sim *sim, uint32_t subject)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		count += shows(sim, i, subject);
	}
	return count;
}

static void
only_it_is_diagnosed(const struct shoal_sim *sim)
{
	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		assert_int_equal(diagnosed(sim, i), i == WALLED ? shoal_sim_nodes(sim) : 0);
	}
}

static void
one_that_cannot_be_dialled_is_shown_so_by_all_and_not_accused_for_an_hour(void **state)
{
	(void)state;
	for (unsigned wall = SHOAL_SIM_FILTER_DROP; wall <= SHOAL_SIM_FILTER_REJECT; wall++) {
		struct told told;
		struct shoal_sim *sim = open_world((enum shoal_sim_filter)wall, 0, &told);
		run_for(sim, SHOAL_SEC(20));
		only_it_is_diagnosed(sim);
		run_for(sim, SHOAL_SEC(3600));
		only_it_is_diagnosed(sim);
		assert_int_equal(told.joined, EIGHT - 1);
		assert_int_equal(told.suspected, 0);
		assert_int_equal(told.failed, 0);
		shoal_sim_free(sim);
	}
}

/* Three of forty, one after the other. */
static void
whoever_comes_so_to_others_is_not_accused_while_that_is_found_out(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct shoal_sim_config config;
		struct shoal_sim *sim;

		shoal_sim_config_init(&config);
		config.seed = seed;
		config.nodes = 40;
		(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_LAN);
		assert_int_equal(shoal_sim_new(&sim, &config), 0);
		for (uint32_t i = 0; i < 40; i++) {
			if (i == 0 || i > 3) {
				start(sim, i);
			}
		}
		run_for(sim, SHOAL_SEC(10));
		for (uint32_t i = 1; i <= 3; i++) {
			wall_up(sim, i, SHOAL_SIM_FILTER_DROP);
			start(sim, i);
			run_for(sim, SHOAL_SEC(3));
		}
		run_for(sim, SHOAL_SEC(30));
		for (uint32_t i = 0; i < 40; i++) {
			struct shoal_counters counters;

			shoal_sim_counters(sim, i, &counters);
			assert_int_equal(counters.value[SHOAL_COUNTER_SUSPICIONS], 0);
			assert_int_equal(diagnosed(sim, i), i >= 1 && i <= 3 ? 40 : 0);
		}
		shoal_sim_free(sim);
	}
}

static void
killed_it_is_found_dead_within_the_bound(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 2; how++) {
		struct told told;
		struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 0, &told);
		struct shoal_profile profile;

		(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
		run_for(sim, SHOAL_SEC(60));
		assert_int_equal(told.suspected, 0);
		assert_int_equal(shoal_sim_crash(sim, WALLED, (enum shoal_sim_crash)how), 0);
		run_for(sim, shoal_profile_detection_bound(&profile, EIGHT));
		assert_int_equal(told.failed, EIGHT - 1);
		shoal_sim_free(sim);
	}
}

/* Where nobody keeps links: an hour, or minutes, and then its end, as a process and with its host.
 */
static void
without_links_it_is_shown_so_and_not_accused_and_killed_it_is_found_dead_as_soon(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct told told;
		struct shoal_sim *sim =
		        open_linked(i % 2 == 0 ? SHOAL_SIM_FILTER_DROP : SHOAL_SIM_FILTER_REJECT, 0,
		                i / 2 == 0 ? NULL : unit_cipher(), 0, &told);
		struct shoal_profile profile;

		(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
		profile.watchers = 0;
		run_for(sim, SHOAL_SEC(20));
		only_it_is_diagnosed(sim);
		run_for(sim, SHOAL_SEC(i == 0 ? 3600 : 300));
		only_it_is_diagnosed(sim);
		assert_int_equal(told.joined, EIGHT - 1);
		assert_int_equal(told.suspected, 0);
		assert_int_equal(shoal_sim_crash(sim, WALLED, (enum shoal_sim_crash)(i / 2)), 0);
		run_for(sim, shoal_profile_detection_bound(&profile, EIGHT));
		assert_int_equal(told.failed, EIGHT - 1);
		shoal_sim_free(sim);
	}
}

static void
without_links_the_diagnosis_ends_with_the_wall_and_so_do_the_polls(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_linked(SHOAL_SIM_FILTER_DROP, 0, NULL, 0, &told);
	struct shoal_counters before, after;

	(void)state;
	run_for(sim, SHOAL_SEC(60));
	assert_int_equal(diagnosed(sim, WALLED), EIGHT);
	wall_up(sim, WALLED, SHOAL_SIM_FILTER_PASS);
	run_for(sim, SHOAL_SEC(120));
	assert_int_equal(diagnosed(sim, WALLED), 0);
	shoal_sim_counters(sim, WALLED, &before);
	run_for(sim, SHOAL_SEC(60));
	shoal_sim_counters(sim, WALLED, &after);
	assert_int_equal(
	        after.value[SHOAL_COUNTER_STREAM_PINGS], before.value[SHOAL_COUNTER_STREAM_PINGS]);
	assert_int_equal(told.suspected, 0);
	shoal_sim_free(sim);
}

/* It is there before the wall is: at first it is accused, until it polls. */
static void
without_links_a_wall_that_comes_up_later_ends_in_the_diagnosis_too(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_linked(SHOAL_SIM_FILTER_DROP, 0, NULL, 0, &told);

	(void)state;
	wall_up(sim, WALLED, SHOAL_SIM_FILTER_PASS);
	run_for(sim, SHOAL_SEC(60));
	assert_int_equal(diagnosed(sim, WALLED), 0);
	wall_up(sim, WALLED, SHOAL_SIM_FILTER_DROP);
	run_for(sim, SHOAL_SEC(120));
	only_it_is_diagnosed(sim);
	told.suspected = 0;
	run_for(sim, SHOAL_SEC(600));
	assert_int_equal(told.suspected, 0);
	assert_int_equal(told.failed, 0);
	shoal_sim_free(sim);
}

static uint64_t
counted(const struct shoal_sim *sim, uint32_t node, enum shoal_counter counter)
{
	struct shoal_counters counters;

	shoal_sim_counters(sim, node, &counters);
	return counters.value[counter];
}

static uint64_t
total(const struct shoal_sim *sim, enum shoal_counter counter)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		sum += counted(sim, i, counter);
	}
	return sum;
}

/* It keeps links to three; four others ask them for one. */
static void
what_anybody_says_to_it_arrives(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct told told;
		enum shoal_sim_filter wall =
		        i % 2 == 0 ? SHOAL_SIM_FILTER_DROP : SHOAL_SIM_FILTER_REJECT;
		struct shoal_sim *sim =
		        open_sealed(wall, 0, i / 2 == 0 ? NULL : unit_cipher(), &told);
		uint32_t watches, watched;

		run_for(sim, SHOAL_SEC(60));
		only_it_is_diagnosed(sim);
		shoal_judge_all_is_due(sim);
		for (uint32_t node = 0; node < EIGHT; node++) {
			if (node != WALLED) {
				assert_int_equal(shoal_judge_say(sim, node, WALLED, true), 0);
				assert_int_equal(shoal_judge_say(sim, WALLED, node, true), 0);
			}
		}
		run_for(sim, SHOAL_MS(500));
		assert_int_equal(shoal_judge_unended(sim), SHOAL_SIM_NOBODY);
		assert_int_equal(shoal_judge_untaken(sim), SHOAL_SIM_NOBODY);
		assert_int_equal(total(sim, SHOAL_COUNTER_MESSAGES_ENDED), 0);
		assert_int_equal(total(sim, SHOAL_COUNTER_CALLS_UP), EIGHT - 1 - 3);
		shoal_sim_links(sim, WALLED, &watches, &watched);
		assert_int_equal(watches, EIGHT - 1);
		/* What nobody uses ends, and is no sign of a death. */
		run_for(sim, SHOAL_SEC(300));
		shoal_sim_links(sim, WALLED, &watches, &watched);
		assert_int_equal(watches, 3);
		assert_int_equal(told.suspected, 0);
		assert_int_equal(shoal_judge_say(sim, 0, WALLED, true), 0);
		run_for(sim, SHOAL_MS(500));
		assert_int_equal(shoal_judge_untaken(sim), SHOAL_SIM_NOBODY);
		shoal_sim_free(sim);
	}
}

static void
where_its_links_were_forgotten_or_packets_are_lost_it_arrives_too(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 100000, &told);

	(void)state;
	run_for(sim, SHOAL_SEC(60));
	shoal_judge_all_is_due(sim);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < EIGHT; i++) {
			if (i != WALLED) {
				assert_int_equal(shoal_sim_forget_links(sim, i, WALLED), 0);
				assert_int_equal(shoal_judge_say(sim, i, WALLED, true), 0);
			}
		}
		run_for(sim, SHOAL_SEC(400));
		assert_int_equal(shoal_judge_unended(sim), SHOAL_SIM_NOBODY);
		assert_int_equal(shoal_judge_untaken(sim), SHOAL_SIM_NOBODY);
	}
	assert_int_equal(told.failed, 0);
	shoal_sim_free(sim);
}

/* It polls three; four others ask it to poll them, too. */
static void
without_links_what_anybody_says_to_it_arrives_with_what_it_polls(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct told told;
		enum shoal_sim_filter wall =
		        i % 2 == 0 ? SHOAL_SIM_FILTER_DROP : SHOAL_SIM_FILTER_REJECT;
		struct shoal_sim *sim =
		        open_linked(wall, i * 50000, i / 2 == 0 ? NULL : unit_cipher(), 0, &told);

		run_for(sim, SHOAL_SEC(60));
		only_it_is_diagnosed(sim);
		shoal_judge_all_is_due(sim);
		for (uint32_t node = 0; node < EIGHT; node++) {
			if (node != WALLED) {
				assert_int_equal(shoal_judge_say(sim, node, WALLED, true), 0);
				assert_int_equal(shoal_judge_say(sim, WALLED, node, true), 0);
			}
		}
		run_for(sim, i == 0 ? SHOAL_SEC(2) : SHOAL_SEC(60));
		assert_int_equal(shoal_judge_unended(sim), SHOAL_SIM_NOBODY);
		assert_int_equal(shoal_judge_untaken(sim), SHOAL_SIM_NOBODY);
		assert_int_equal(total(sim, SHOAL_COUNTER_MESSAGES_ENDED), 0);
		assert_in_range(total(sim, SHOAL_COUNTER_CALLS_UP), EIGHT - 1 - 3, EIGHT - 1);
		assert_int_equal(told.failed, 0);
		shoal_sim_free(sim);
	}
}

/* Neither can dial the other. */
static void
what_two_such_members_say_to_each_other_ends_soon(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 0, &told);
	uint32_t walled[2] = {WALLED, WALLED + 1};

	(void)state;
	wall_up(sim, walled[1], SHOAL_SIM_FILTER_DROP);
	shoal_sim_reset(sim, walled[1]);
	run_for(sim, SHOAL_SEC(180));
	assert_int_equal(diagnosed(sim, walled[0]), EIGHT);
	assert_int_equal(diagnosed(sim, walled[1]), EIGHT);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(shoal_judge_say(sim, walled[i], walled[1 - i], true), 0);
	}
	run_for(sim, SHOAL_MS(1500));
	assert_int_equal(shoal_judge_unended(sim), SHOAL_SIM_NOBODY);
	assert_int_equal(total(sim, SHOAL_COUNTER_MESSAGES_ENDED), 2);
	assert_int_equal(total(sim, SHOAL_COUNTER_CALLS), 0);
	shoal_sim_free(sim);
}

/* Each in a world of its own: it leaves; it is killed, as a process and with its host; and without
 * seals, at the host that it advertises, but from other ports. */
static void
one_whose_address_is_translated_lives_with_the_others_and_ends_as_they_do(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned end = i % 3;
		struct told told;
		struct shoal_sim *sim =
		        open_sealed(SHOAL_SIM_FILTER_PASS, 0, i < 3 ? unit_cipher() : NULL, &told);
		struct shoal_profile profile;

		(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
		run_for(sim, SHOAL_SEC(30));
		only_it_is_diagnosed(sim);
		shoal_judge_all_is_due(sim);
		for (uint32_t node = 0; node < EIGHT; node++) {
			if (node != WALLED) {
				assert_int_equal(shoal_judge_say(sim, node, WALLED, true), 0);
				assert_int_equal(shoal_judge_say(sim, WALLED, node, true), 0);
			}
		}
		run_for(sim, SHOAL_SEC(600));
		assert_int_equal(shoal_judge_untaken(sim), SHOAL_SIM_NOBODY);
		only_it_is_diagnosed(sim);
		assert_int_equal(told.joined, EIGHT - 1);
		assert_int_equal(told.suspected, 0);
		if (end == 0) {
			assert_int_equal(shoal_sim_leave(sim, WALLED), 0);
		} else {
			assert_int_equal(
			        shoal_sim_crash(sim, WALLED, (enum shoal_sim_crash)(end - 1)), 0);
		}
		run_for(sim, shoal_profile_detection_bound(&profile, EIGHT));
		assert_int_equal(told.left, end == 0 ? EIGHT - 1 : 0);
		assert_int_equal(told.failed, end == 0 ? 0 : EIGHT - 1);
		shoal_sim_free(sim);
	}
}

static void
leaving_it_is_heard_of_before_its_links_end(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 0, &told);

	(void)state;
	run_for(sim, SHOAL_SEC(60));
	assert_int_equal(shoal_sim_leave(sim, WALLED), 0);
	run_for(sim, SHOAL_SEC(10));
	assert_int_equal(told.left, EIGHT - 1);
	assert_int_equal(told.suspected, 0);
	shoal_sim_free(sim);
}

static void
under_loss_and_with_its_links_forgotten_it_is_not_found_dead(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 50000, &told);

	(void)state;
	run_for(sim, SHOAL_SEC(60));
	for (uint32_t i = 0; i < EIGHT; i++) {
		if (i != WALLED) {
			assert_int_equal(shoal_sim_forget_links(sim, WALLED, i), 0);
		}
	}
	run_for(sim, SHOAL_SEC(900));
	assert_int_equal(told.failed, 0);
	assert_int_equal(diagnosed(sim, WALLED), EIGHT);
	shoal_sim_free(sim);
}

static void
two_such_members_do_not_accuse_each_other(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 0, &told);

	(void)state;
	wall_up(sim, WALLED + 1, SHOAL_SIM_FILTER_DROP);
	shoal_sim_reset(sim, WALLED + 1);
	run_for(sim, SHOAL_SEC(180));
	assert_int_equal(diagnosed(sim, WALLED), EIGHT);
	assert_int_equal(diagnosed(sim, WALLED + 1), EIGHT);
	told.suspected = 0;
	run_for(sim, SHOAL_SEC(600));
	assert_int_equal(told.suspected, 0);
	assert_int_equal(told.failed, 0);
	shoal_sim_free(sim);
}

static void
when_the_wall_is_gone_so_is_the_diagnosis(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 0, &told);

	(void)state;
	run_for(sim, SHOAL_SEC(60));
	assert_int_equal(diagnosed(sim, WALLED), EIGHT);
	wall_up(sim, WALLED, SHOAL_SIM_FILTER_PASS);
	run_for(sim, SHOAL_SEC(120));
	assert_int_equal(diagnosed(sim, WALLED), 0);
	assert_int_equal(told.suspected, 0);
	shoal_sim_free(sim);
}

static void
cut_off_for_ten_minutes_it_comes_back(void **state)
{
	struct told told;
	struct shoal_sim *sim = open_world(SHOAL_SIM_FILTER_DROP, 0, &told);

	(void)state;
	run_for(sim, SHOAL_SEC(60));
	for (uint32_t i = 0; i < EIGHT; i++) {
		if (i != WALLED) {
			assert_int_equal(shoal_sim_cut(sim, WALLED, i), 0);
			assert_int_equal(shoal_sim_cut(sim, i, WALLED), 0);
		}
	}
	run_for(sim, SHOAL_SEC(600));
	assert_int_equal(told.failed, EIGHT - 1);
	for (uint32_t i = 0; i < EIGHT; i++) {
		if (i != WALLED) {
			assert_int_equal(shoal_sim_uncut(sim, WALLED, i), 0);
			assert_int_equal(shoal_sim_uncut(sim, i, WALLED), 0);
		}
	}
	assert_int_equal(shoal_sim_run_until(sim, shoal_sim_now(sim) + SHOAL_SEC(300),
	                         SHOAL_MS(100), agreed, NULL),
	        0);
	told.suspected = told.failed = 0;
	run_for(sim, SHOAL_SEC(300));
	assert_int_equal(told.failed, 0);
	shoal_sim_free(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                one_that_cannot_be_dialled_is_shown_so_by_all_and_not_accused_for_an_hour),
	        cmocka_unit_test(whoever_comes_so_to_others_is_not_accused_while_that_is_found_out),
	        cmocka_unit_test(
	                without_links_it_is_shown_so_and_not_accused_and_killed_it_is_found_dead_as_soon),
	        cmocka_unit_test(
	                without_links_the_diagnosis_ends_with_the_wall_and_so_do_the_polls),
	        cmocka_unit_test(
	                without_links_a_wall_that_comes_up_later_ends_in_the_diagnosis_too),
	        cmocka_unit_test(killed_it_is_found_dead_within_the_bound),
	        cmocka_unit_test(what_anybody_says_to_it_arrives),
	        cmocka_unit_test(where_its_links_were_forgotten_or_packets_are_lost_it_arrives_too),
	        cmocka_unit_test(without_links_what_anybody_says_to_it_arrives_with_what_it_polls),
	        cmocka_unit_test(what_two_such_members_say_to_each_other_ends_soon),
	        cmocka_unit_test(
	                one_whose_address_is_translated_lives_with_the_others_and_ends_as_they_do),
	        cmocka_unit_test(leaving_it_is_heard_of_before_its_links_end),
	        cmocka_unit_test(under_loss_and_with_its_links_forgotten_it_is_not_found_dead),
	        cmocka_unit_test(two_such_members_do_not_accuse_each_other),
	        cmocka_unit_test(when_the_wall_is_gone_so_is_the_diagnosis),
	        cmocka_unit_test(cut_off_for_ten_minutes_it_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
