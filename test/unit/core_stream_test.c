/* SPDX-License-Identifier: MIT */
/* Random streams of statements, true and false, new and old, with time passing between them. What
 * must hold whatever is said: what is held of a member never gets smaller in the order of
 * statements, its events chain, the counts are those of a search, and the core itself stays alive.
 * Two cores that hear the same say and hold the same to the byte. */
#include "unit.h"

#include "core/table/statement.h"
#include "core_world.h"

#define SUBJECTS 6

struct watch {
	struct shoal_claim claim; /* state UNKNOWN: nothing is held */
	enum shoal_state told;    /* by the last event */
};

struct stream {
	struct core_world world;
	struct watch watch[SUBJECTS];
	uint64_t draw;
	size_t read; /* events */
	uint32_t tombstones_max;
};

static uint64_t
below(struct stream *stream, uint64_t n)
{
	return unit_random(&stream->draw) % n;
}

static void
set_up(struct stream *stream, uint64_t seed)
{
	struct shoal_core_config config;

	memset(stream, 0, sizeof *stream);
	stream->draw = seed;
	world_init(&stream->world);
	world_config(&stream->world, &config);
	config.seed = seed;
	config.profile.tombstones_max = seed % 3 == 0 ? 2 : 20000;
	stream->tombstones_max = config.profile.tombstones_max;
	config.profile.tombstone_ms = 200000;
	config.profile.unknown_max = seed % 4 == 0 ? 1 : 1024;
	world_add(&stream->world, &config);
	for (size_t i = 0; i < SUBJECTS; i++) {
		world_puppet(&stream->world)->answers = i % 2 == 0 ? PUPPET_DATAGRAMS : 0;
	}
}

static void
accuse(struct stream *stream, struct shoal_id_list *accusers)
{
	accusers->count = below(stream, 5);
	for (size_t i = 0; i < accusers->count; i++) {
		accusers->item[i] = stream->world.puppet[below(stream, SUBJECTS)].id;
	}
}

/* One random statement about anybody from anybody. */
static void
say(struct stream *stream)
{
	static const uint64_t ages_ms[] = {0, 0, 0, 10000, 29999, 40000, 99999, 150000, 50000000};
	struct core_world *world = &stream->world;
	const struct puppet *teller = &world->puppet[below(stream, SUBJECTS)];
	struct puppet subject = world->puppet[below(stream, SUBJECTS)];
	enum shoal_state told = (enum shoal_state)(SHOAL_STATE_ALIVE + below(stream, 5));

	if (below(stream, 8) == 0) {
		subject.id = world_id(world, 0);
	}
	subject.incarnation += below(stream, 4);
	subject.salt.bytes[0] = (uint8_t)(subject.salt.bytes[0] + below(stream, 6) / 5);
	subject.addr.port = (uint16_t)(7946 + below(stream, 10) / 9);
	if (below(stream, 3) > 0) {
		struct shoal_msg_member member = puppet_member(&subject, told);
		member.age_ms = ages_ms[below(stream, COUNT_OF(ages_ms))];
		accuse(stream, &member.accusers);
		world_tell(world, 0, teller, SHOAL_MESSAGE_MEMBER, &member);
	} else {
		struct shoal_msg_state said = puppet_state(&subject, told);
		said.age_ms = ages_ms[below(stream, COUNT_OF(ages_ms))];
		accuse(stream, &said.accusers);
		world_tell(world, 0, teller, SHOAL_MESSAGE_STATE, &said);
	}
}

static size_t
subject_of(const struct stream *stream, const struct shoal_id *id)
{
	size_t i = 0;

	while (i < SUBJECTS && shoal_id_compare(&stream->world.puppet[i].id, id) != 0) {
		i++;
	}
	return i;
}

static bool
fits(enum shoal_event_kind kind, enum shoal_state was, enum shoal_state state)
{
	switch (kind) {
	case SHOAL_EVENT_JOIN:
		return was == SHOAL_STATE_UNKNOWN && state == SHOAL_STATE_ALIVE;
	case SHOAL_EVENT_UPDATE:
		return was == state &&
		       (state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT ||
		               state == SHOAL_STATE_LEAVING);
	case SHOAL_EVENT_CONFLICT:
		return was == state && (state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT);
	case SHOAL_EVENT_SUSPECT:
		return was == SHOAL_STATE_ALIVE && state == SHOAL_STATE_SUSPECT;
	case SHOAL_EVENT_ALIVE:
		return was != SHOAL_STATE_UNKNOWN && was != SHOAL_STATE_ALIVE &&
		       state == SHOAL_STATE_ALIVE;
	case SHOAL_EVENT_FAILED:
		return was != SHOAL_STATE_UNKNOWN && was != SHOAL_STATE_DEAD &&
		       state == SHOAL_STATE_DEAD;
	case SHOAL_EVENT_LEAVING:
		return was != SHOAL_STATE_UNKNOWN && was != SHOAL_STATE_LEAVING &&
		       state == SHOAL_STATE_LEAVING;
	case SHOAL_EVENT_LEFT:
		return was != SHOAL_STATE_UNKNOWN && was != SHOAL_STATE_LEFT &&
		       state == SHOAL_STATE_LEFT;
	case SHOAL_EVENT_REAP:
		return (was == SHOAL_STATE_DEAD || was == SHOAL_STATE_LEFT) && was == state;
	default:
		return false;
	}
}

/* The events since the last look chain, and each kind fits its states. */
static void
check_events(struct stream *stream)
{
	struct core_world *world = &stream->world;

	for (; stream->read < world->events; stream->read++) {
		const struct shoal_event *event = &world->event[stream->read].event;
		if ((event->kind & SHOAL_EVENT_ALL) == 0) {
			continue;
		}
		size_t i = subject_of(stream, &event->id);
		assert_true(i < SUBJECTS); /* never the core itself */
		struct watch *watch = &stream->watch[i];
		if (event->was != watch->told || !fits(event->kind, event->was, event->state)) {
			fail_msg("%s %s > %s after %s", shoal_event_name(event->kind),
			        shoal_state_name(event->was), shoal_state_name(event->state),
			        shoal_state_name(watch->told));
		}
		watch->told = event->kind == SHOAL_EVENT_REAP ? SHOAL_STATE_UNKNOWN : event->state;
	}
}

static uint64_t
short_salt(const struct shoal_salt *salt)
{
	uint64_t value = 0;
	for (size_t i = 0; i < 8; i++) {
		value = value << 8 | salt->bytes[i];
	}
	return value;
}

static void
check_claims(struct stream *stream)
{
	for (size_t i = 0; i < SUBJECTS; i++) {
		struct watch *watch = &stream->watch[i];
		struct shoal_core_member held;
		struct shoal_claim claim = {.state = SHOAL_STATE_UNKNOWN};

		if (world_holds(&stream->world, 0, &stream->world.puppet[i].id, &held) &&
		        held.state != SHOAL_STATE_UNKNOWN) {
			claim.incarnation = held.incarnation;
			claim.salt = short_salt(&held.salt);
			claim.state = held.state;
			assert_true(
			        watch->told == held.state || watch->told == SHOAL_STATE_UNKNOWN);
		}
		if (claim.state != SHOAL_STATE_UNKNOWN &&
		        watch->claim.state != SHOAL_STATE_UNKNOWN) {
			assert_true(shoal_claim_compare(&claim, &watch->claim) >= 0);
		}
		watch->claim = claim;
	}
}

static void
check_counts(const struct stream *stream)
{
	const struct shoal_core *core = world_core(&stream->world, 0);
	size_t counts[SHOAL_STATES] = {0}, gone;
	struct shoal_core_member member;

	for (uint32_t slot = 0; slot < shoal_core_slots(core); slot++) {
		if (shoal_core_member(core, slot, &member)) {
			counts[member.state]++;
			assert_true(member.self == (slot == 0));
			assert_true(!member.self || member.state == SHOAL_STATE_ALIVE);
		}
	}
	for (int s = 0; s < SHOAL_STATES; s++) {
		assert_int_equal(shoal_core_count(core, (enum shoal_state)s), counts[s]);
	}
	gone = counts[SHOAL_STATE_DEAD] + counts[SHOAL_STATE_LEFT];
	assert_true(gone <= stream->tombstones_max);
}

static void
run_stream(uint64_t seed, unsigned steps)
{
	static struct stream stream;

	set_up(&stream, seed);
	for (unsigned step = 0; step < steps; step++) {
		if (below(&stream, 3) > 0) {
			say(&stream);
		} else {
			static const uint64_t spans[] = {0, SHOAL_MS(1), SHOAL_MS(700),
			        SHOAL_SEC(3), SHOAL_SEC(3), SHOAL_SEC(40)};
			world_run(&stream.world, spans[below(&stream, COUNT_OF(spans))]);
		}
		check_events(&stream);
		check_claims(&stream);
		check_counts(&stream);
	}
	assert_true(stream.read > 50);
	world_done(&stream.world);
}

static void
no_stream_of_statements_breaks_the_order_the_events_or_the_counts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		run_stream(seed, 500);
	}
}

static void
two_cores_that_hear_the_same_say_and_hold_the_same(void **state)
{
	static struct stream a, b;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		set_up(&a, seed);
		set_up(&b, seed);
		for (unsigned step = 0; step < 300; step++) {
			uint64_t span = below(&a, 4) == 0 ? SHOAL_SEC(2) : 0;
			assert_int_equal(below(&b, 4) == 0 ? SHOAL_SEC(2) : 0, span);
			say(&a);
			say(&b);
			world_run(&a.world, span);
			world_run(&b.world, span);
			assert_true(shoal_core_hash(world_core(&a.world, 0)) ==
			            shoal_core_hash(world_core(&b.world, 0)));
			assert_true(shoal_core_deadline(world_core(&a.world, 0)) ==
			            shoal_core_deadline(world_core(&b.world, 0)));
		}
		const struct world_packet *x = a.world.sent, *y = b.world.sent;
		for (; x != NULL && y != NULL; x = x->next, y = y->next) {
			assert_int_equal(x->len, y->len);
			assert_memory_equal(x->data, y->data, x->len);
			assert_true(shoal_addr_equal(&x->to, &y->to));
		}
		assert_true(x == NULL && y == NULL);
		assert_int_equal(a.world.events, b.world.events);
		for (size_t i = 0; i < a.world.events; i++) {
			assert_memory_equal(
			        &a.world.event[i], &b.world.event[i], sizeof a.world.event[i]);
		}
		world_done(&a.world);
		world_done(&b.world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(no_stream_of_statements_breaks_the_order_the_events_or_the_counts),
	        cmocka_unit_test(two_cores_that_hear_the_same_say_and_hold_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
