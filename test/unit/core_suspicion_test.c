/* SPDX-License-Identifier: MIT */
/* The length of a suspicion against Lifeguard's formula in double precision, and suspicions in a
 * live core: begun, shortened, refuted and ended at exactly their nanosecond. */
#include "unit.h"

#include <math.h>

#include "core/detect/suspicion.h"
#include "core_world.h"

static struct shoal_suspicion_span
span_of(uint32_t interval_ms, uint32_t mult, uint32_t max_mult, size_t n)
{
	struct shoal_profile profile;

	assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
	profile.probe_interval_ms = interval_ms;
	profile.suspicion_mult = mult;
	profile.suspicion_max_mult = max_mult;
	return shoal_suspicion_span(&profile, n);
}

static void
assert_near(uint64_t value, double wanted, double relative)
{
	if (fabs((double)value - wanted) > wanted * relative + 1) {
		fail_msg("%.0f is not %.0f", (double)value, wanted);
	}
}

static void
the_bounds_grow_with_the_logarithm_of_the_members(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 9, 10, 11, 12, 64, 99, 100, 1000, 54321, 1000000};
	static const uint32_t intervals[] = {10, 250, 1000, 5000, 600000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		for (size_t k = 0; k < COUNT_OF(intervals); k++) {
			for (uint32_t mult = 1; mult <= 100; mult += 3) {
				size_t n = sizes[i];
				struct shoal_suspicion_span span =
				        span_of(intervals[k], mult, 6, n);
				double scale = fmax(1, log10((double)n));
				double least = mult * scale * intervals[k] * 1e6;
				size_t wanted = mult < 2 || n < 2 ? 0 : mult - 2;
				wanted = n >= 2 && wanted > n - 2 ? n - 2 : wanted;
				wanted = wanted > 7 ? 7 : wanted;
				assert_near(span.least, least, 1.0 / 4096);
				assert_int_equal(span.wanted, wanted);
				assert_true(span.most == (wanted == 0 ? 1 : 6) * span.least);
			}
		}
	}
}

static void
below_ten_members_the_shortest_suspicion_is_exact(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 10; n++) {
		assert_true(span_of(1000, 4, 6, n).least == SHOAL_SEC(4));
		assert_true(span_of(250, 3, 6, n).least == SHOAL_MS(750));
	}
}

static void
the_length_falls_as_lifeguard_tells(void **state)
{
	(void)state;
	for (uint32_t mult = 1; mult <= 12; mult++) {
		for (uint32_t max_mult = 1; max_mult <= 100; max_mult += 9) {
			struct shoal_suspicion_span span = span_of(1000, mult, max_mult, 40);
			double least = (double)span.least, most = (double)span.most;
			for (uint32_t c = 0; c < 12; c++) {
				double part = span.wanted == 0
				                      ? 1
				                      : log(c + 1) / log((double)span.wanted + 1);
				double wanted = fmax(least, most - (most - least) * part);
				assert_near(
				        shoal_suspicion_length(&span, 256 * c), wanted, 1.0 / 2048);
			}
		}
	}
}

static void
the_length_never_rises_with_accusers_and_stays_within_its_bounds(void **state)
{
	(void)state;
	for (uint32_t mult = 1; mult <= 100; mult++) {
		struct shoal_suspicion_span span = span_of(1000, mult, 6, 1000);
		uint64_t before = span.most;
		assert_true(shoal_suspicion_length(&span, 0) == span.most);
		assert_true(shoal_suspicion_length(&span, 256 * span.wanted) == span.least);
		assert_true(shoal_suspicion_length(&span, UINT32_MAX) == span.least);
		for (uint32_t c = 0; c < 12; c++) {
			uint64_t length = shoal_suspicion_length(&span, 256 * c);
			assert_true(length <= before && length >= span.least);
			before = length;
		}
	}
}

static void
without_others_to_ask_there_is_one_length_only(void **state)
{
	(void)state;
	for (uint32_t mult = 1; mult <= 2; mult++) {
		struct shoal_suspicion_span span = span_of(1000, mult, 6, 1000);
		assert_int_equal(span.wanted, 0);
		assert_true(span.most == span.least);
		assert_true(shoal_suspicion_length(&span, 0) == span.least);
	}
	for (size_t n = 0; n <= 2; n++) {
		assert_int_equal(span_of(1000, 4, 6, n).wanted, 0);
	}
}

/* A core, a subject that answers pings but never refutes, and 10 others: n = 12, k = 2. */
struct doubt {
	struct core_world world;
	struct puppet *subject, *other[10];
	struct shoal_suspicion_span span;
	uint64_t begun;
};

static void
set_up(struct doubt *doubt)
{
	struct shoal_profile profile;

	world_init(&doubt->world);
	world_add(&doubt->world, NULL);
	doubt->subject = world_meet(&doubt->world, 0, PUPPET_DATAGRAMS);
	for (size_t i = 0; i < COUNT_OF(doubt->other); i++) {
		doubt->other[i] = world_meet(&doubt->world, 0, PUPPET_DATAGRAMS);
	}
	world_run(&doubt->world, SHOAL_SEC(3));
	world_clear(&doubt->world);
	assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
	doubt->span = shoal_suspicion_span(&profile, 12);
	doubt->begun = doubt->world.now;
}

static void
accuse(struct doubt *doubt, const struct puppet *accuser)
{
	struct shoal_msg_state said = puppet_state(doubt->subject, SHOAL_STATE_SUSPECT);

	assert_int_equal(
	        world_tell(&doubt->world, 0, accuser, SHOAL_MESSAGE_STATE, &said), SHOAL_OK);
}

static enum shoal_state
held(const struct doubt *doubt)
{
	return world_state(&doubt->world, 0, &doubt->subject->id);
}

/* Runs to the last nanosecond of the suspicion, and over it. */
static void
check_end(struct doubt *doubt, uint64_t length)
{
	uint64_t end = doubt->begun + length;

	assert_true(end > doubt->world.now);
	world_run(&doubt->world, end - 1 - doubt->world.now);
	assert_int_equal(held(doubt), SHOAL_STATE_SUSPECT);
	assert_null(world_event(&doubt->world, 0, SHOAL_EVENT_FAILED, NULL, 0));
	world_run(&doubt->world, 1);
	assert_int_equal(held(doubt), SHOAL_STATE_DEAD);
}

static void
a_single_accuser_gives_the_longest_time_to_the_nanosecond(void **state)
{
	struct doubt doubt;
	const struct shoal_event *event;

	(void)state;
	set_up(&doubt);
	accuse(&doubt, doubt.other[0]);
	event = world_event(&doubt.world, 0, SHOAL_EVENT_SUSPECT, &doubt.subject->id, 0);
	assert_non_null(event);
	assert_int_equal(event->was, SHOAL_STATE_ALIVE);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_GOSSIP);
	assert_memory_equal(&event->cause.from, &doubt.other[0]->id, 16);
	assert_int_equal(event->cause.accusers, 1);
	assert_string_equal(event->cause.accuser_name[0], doubt.other[0]->name);
	check_end(&doubt, doubt.span.most);
	event = world_event(&doubt.world, 0, SHOAL_EVENT_FAILED, &doubt.subject->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_SUSPICION);
	assert_true(event->cause.after_ns == doubt.span.most);
	assert_int_equal(event->cause.accusers, 1);
	assert_int_equal(world_counter(&doubt.world, 0, SHOAL_COUNTER_FAILURES), 1);
	assert_int_equal(world_counter(&doubt.world, 0, SHOAL_COUNTER_SUSPICIONS), 1);
	world_done(&doubt.world);
}

static void
each_further_accuser_shortens_it_and_the_same_one_again_does_not(void **state)
{
	struct doubt doubt;

	(void)state;
	set_up(&doubt);
	accuse(&doubt, doubt.other[0]);
	world_run(&doubt.world, SHOAL_SEC(1));
	accuse(&doubt, doubt.other[1]);
	for (int i = 0; i < 5; i++) {
		accuse(&doubt, doubt.other[0]);
		accuse(&doubt, doubt.other[1]);
	}
	check_end(&doubt, shoal_suspicion_length(&doubt.span, 256));
	assert_int_equal(
	        world_event(&doubt.world, 0, SHOAL_EVENT_FAILED, NULL, 0)->cause.accusers, 2);
	world_done(&doubt.world);
}

static void
with_k_further_accusers_it_is_the_shortest(void **state)
{
	struct doubt doubt;

	(void)state;
	set_up(&doubt);
	for (size_t i = 0; i < 6; i++) {
		accuse(&doubt, doubt.other[i]);
	}
	check_end(&doubt, doubt.span.least);
	world_done(&doubt.world);
}

static void
accusers_that_come_after_the_shortest_time_end_it_at_once(void **state)
{
	struct doubt doubt;

	(void)state;
	set_up(&doubt);
	accuse(&doubt, doubt.other[0]);
	world_run(&doubt.world, doubt.span.least + SHOAL_SEC(1));
	accuse(&doubt, doubt.other[1]);
	assert_int_equal(held(&doubt), SHOAL_STATE_SUSPECT);
	accuse(&doubt, doubt.other[2]);
	assert_true(shoal_core_deadline(world_core(&doubt.world, 0)) <= doubt.world.now);
	world_run(&doubt.world, 0);
	assert_int_equal(held(&doubt), SHOAL_STATE_DEAD);
	world_done(&doubt.world);
}

static void
the_accusers_of_one_statement_all_count_and_four_are_shown(void **state)
{
	struct doubt doubt;
	struct shoal_msg_state said;
	const struct shoal_event *event;

	(void)state;
	set_up(&doubt);
	said = puppet_state(doubt.subject, SHOAL_STATE_SUSPECT);
	for (size_t i = 0; i < 4; i++) {
		said.accusers.item[said.accusers.count++] = doubt.other[i + 1]->id;
	}
	world_tell(&doubt.world, 0, doubt.other[0], SHOAL_MESSAGE_STATE, &said);
	accuse(&doubt, doubt.other[5]);
	check_end(&doubt, doubt.span.least);
	event = world_event(&doubt.world, 0, SHOAL_EVENT_FAILED, NULL, 0);
	assert_int_equal(event->cause.accusers, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(event->cause.accuser_name[i], doubt.other[i + 1]->name);
	}
	world_done(&doubt.world);
}

static void
nobody_accuses_itself(void **state)
{
	struct doubt doubt;
	struct shoal_msg_state said;

	(void)state;
	set_up(&doubt);
	accuse(&doubt, doubt.subject);
	said = puppet_state(doubt.subject, SHOAL_STATE_SUSPECT);
	said.accusers = (struct shoal_id_list){1, {doubt.subject->id}};
	world_tell(&doubt.world, 0, doubt.other[0], SHOAL_MESSAGE_STATE, &said);
	assert_int_equal(held(&doubt), SHOAL_STATE_ALIVE);
	world_run(&doubt.world, doubt.span.most + SHOAL_SEC(1));
	assert_int_equal(held(&doubt), SHOAL_STATE_ALIVE);
	assert_int_equal(world_count_events(&doubt.world, 0, SHOAL_EVENT_SUSPECT), 0);
	world_done(&doubt.world);
}

static void
the_accused_hears_it_first(void **state)
{
	struct doubt doubt;
	const struct world_packet *packet;

	(void)state;
	set_up(&doubt);
	accuse(&doubt, doubt.other[0]);
	packet = world_sent(&doubt.world, NULL, 0, NULL, 0);
	assert_non_null(packet);
	assert_true(shoal_addr_equal(&packet->to, &doubt.subject->addr));
	assert_int_equal(packet_state_of(packet, &doubt.subject->id), SHOAL_STATE_SUSPECT);
	/* And again on every ping. */
	world_run(&doubt.world, SHOAL_SEC(20));
	packet = NULL;
	size_t pings = 0;
	while ((packet = world_sent(&doubt.world, packet, 0, &doubt.subject->addr,
	                SHOAL_MESSAGE_PING)) != NULL) {
		assert_int_equal(packet_state_of(packet, &doubt.subject->id), SHOAL_STATE_SUSPECT);
		pings++;
	}
	assert_true(pings > 0);
	world_done(&doubt.world);
}

static void
a_higher_incarnation_refutes_and_the_old_one_does_not(void **state)
{
	struct doubt doubt;
	struct shoal_msg_member alive;
	const struct shoal_event *event;

	(void)state;
	set_up(&doubt);
	accuse(&doubt, doubt.other[0]);
	world_run(&doubt.world, SHOAL_SEC(2));
	alive = puppet_member(doubt.subject, SHOAL_STATE_ALIVE);
	world_tell(&doubt.world, 0, doubt.subject, SHOAL_MESSAGE_MEMBER, &alive);
	assert_int_equal(held(&doubt), SHOAL_STATE_SUSPECT);
	alive.incarnation++;
	world_tell(&doubt.world, 0, doubt.subject, SHOAL_MESSAGE_MEMBER, &alive);
	assert_int_equal(held(&doubt), SHOAL_STATE_ALIVE);
	event = world_event(&doubt.world, 0, SHOAL_EVENT_ALIVE, &doubt.subject->id, 0);
	assert_non_null(event);
	assert_int_equal(event->was, SHOAL_STATE_SUSPECT);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_REFUTED);
	assert_true(event->cause.after_ns == SHOAL_SEC(2));
	assert_int_equal(world_counter(&doubt.world, 0, SHOAL_COUNTER_REFUTATIONS), 1);
	/* The old accusation does not count at the new incarnation. */
	accuse(&doubt, doubt.other[1]);
	world_run(&doubt.world, doubt.span.most + SHOAL_SEC(1));
	assert_int_equal(held(&doubt), SHOAL_STATE_ALIVE);
	assert_int_equal(world_count_events(&doubt.world, 0, SHOAL_EVENT_FAILED), 0);
	world_done(&doubt.world);
}

static void
a_told_death_counts_once_the_own_doubt_is_half_of_the_shortest_old(void **state)
{
	(void)state;
	for (int early = 0; early <= 1; early++) {
		struct doubt doubt;
		struct shoal_msg_state dead;

		set_up(&doubt);
		accuse(&doubt, doubt.other[0]);
		world_run(&doubt.world, doubt.span.least / 2 - (early ? 1 : 0));
		dead = puppet_state(doubt.subject, SHOAL_STATE_DEAD);
		world_tell(&doubt.world, 0, doubt.other[1], SHOAL_MESSAGE_STATE, &dead);
		assert_int_equal(held(&doubt), early ? SHOAL_STATE_SUSPECT : SHOAL_STATE_DEAD);
		if (!early) {
			const struct shoal_event *event =
			        world_event(&doubt.world, 0, SHOAL_EVENT_FAILED, NULL, 0);
			assert_int_equal(event->cause.kind, SHOAL_CAUSE_GOSSIP);
			assert_memory_equal(&event->cause.from, &doubt.other[1]->id, 16);
			assert_true(event->cause.after_ns == doubt.span.least / 2);
		}
		world_done(&doubt.world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_bounds_grow_with_the_logarithm_of_the_members),
	        cmocka_unit_test(below_ten_members_the_shortest_suspicion_is_exact),
	        cmocka_unit_test(the_length_falls_as_lifeguard_tells),
	        cmocka_unit_test(the_length_never_rises_with_accusers_and_stays_within_its_bounds),
	        cmocka_unit_test(without_others_to_ask_there_is_one_length_only),
	        cmocka_unit_test(a_single_accuser_gives_the_longest_time_to_the_nanosecond),
	        cmocka_unit_test(each_further_accuser_shortens_it_and_the_same_one_again_does_not),
	        cmocka_unit_test(with_k_further_accusers_it_is_the_shortest),
	        cmocka_unit_test(accusers_that_come_after_the_shortest_time_end_it_at_once),
	        cmocka_unit_test(the_accusers_of_one_statement_all_count_and_four_are_shown),
	        cmocka_unit_test(nobody_accuses_itself),
	        cmocka_unit_test(the_accused_hears_it_first),
	        cmocka_unit_test(a_higher_incarnation_refutes_and_the_old_one_does_not),
	        cmocka_unit_test(
	                a_told_death_counts_once_the_own_doubt_is_half_of_the_shortest_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
