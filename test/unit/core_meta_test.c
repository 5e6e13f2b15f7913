/* SPDX-License-Identifier: MIT */
/* Metadata: what a member says reaches all, of two versions the higher one counts, what is no
 * document counts nothing, what a former run said is outbid, and what is told of it all. */
#include "unit.h"

#include <shoal/document.h>

#include "base/hash.h"
#include "core/node.h"
#include "core/table/meta.h"
#include "core_world.h"

#define VERSION(ms) (((uint64_t)WORLD_EPOCH * 1000 + (ms)) << 16)

static const uint8_t web[] = "\0\4role\6\3web", db[] = "\1\1t\4role\6\2db";

static struct shoal_span
span(const uint8_t *text)
{
	return (struct shoal_span){text, text == web ? sizeof web - 1 : sizeof db - 1};
}

static uint64_t
hash_of(struct shoal_span body)
{
	struct shoal_sha256 sha;
	uint8_t digest[32];
	uint64_t hash = 0;

	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, body.data, body.len);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 8; i++) {
		hash = hash << 8 | digest[i];
	}
	return hash;
}

static struct shoal_msg_meta
meta_of(const struct shoal_id *id, uint64_t version, struct shoal_span body)
{
	return (struct shoal_msg_meta){.id = *id,
	        .version = version,
	        .hash = hash_of(body),
	        .len = body.len,
	        .body = body};
}

static int
set(struct core_world *world, size_t node, struct shoal_span body)
{
	return world_step(world, node,
	        (struct shoal_input){.kind = SHOAL_INPUT_META, .data = body.data, .len = body.len});
}

static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world_clear(world);
}

static void
tell(struct core_world *world, size_t teller, const struct shoal_msg_meta *message)
{
	world_tell(world, 0, &world->puppet[teller], SHOAL_MESSAGE_META, message);
}

static struct shoal_core_member
held(const struct core_world *world, size_t node, const struct shoal_id *id)
{
	struct shoal_core_member member;

	assert_true(world_holds(world, node, id, &member));
	return member;
}

static bool
holds(const struct core_world *world, size_t node, const struct shoal_id *id,
        struct shoal_span body)
{
	struct shoal_core_member member = held(world, node, id);

	return member.meta_version != 0 && member.meta_len == body.len &&
	       (body.len == 0 || memcmp(member.meta, body.data, body.len) == 0);
}

static void
what_a_member_says_is_told_to_all_and_is_an_update_of_theirs(void **state)
{
	static struct core_world world;
	const struct shoal_event *event;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 5; i++) {
		world_add(&world, NULL);
		if (i > 0) {
			world_join(&world, i, 0);
		}
	}
	world_run(&world, SHOAL_SEC(3));
	struct shoal_id id = world_id(&world, 2);
	assert_true(held(&world, 0, &id).meta_version == 0);
	world_clear(&world);
	assert_int_equal(set(&world, 2, span(db)), SHOAL_OK);
	assert_true(holds(&world, 2, &id, span(db)));
	world_run(&world, SHOAL_MS(500));
	for (size_t i = 0; i < 5; i++) {
		assert_true(holds(&world, i, &id, span(db)));
		event = world_event(&world, i, SHOAL_EVENT_UPDATE, &id, 0);
		assert_true((event != NULL) == (i != 2));
		if (event != NULL) {
			assert_int_equal(event->changed, SHOAL_CHANGE_METADATA | SHOAL_CHANGE_TAGS);
			assert_int_equal(event->cause.kind, SHOAL_CAUSE_GOSSIP);
			assert_int_equal(event->was, SHOAL_STATE_ALIVE);
		}
	}
	/* The same again is no new version. */
	uint64_t version = held(&world, 2, &id).meta_version;
	assert_int_equal(set(&world, 2, span(db)), SHOAL_OK);
	assert_true(held(&world, 2, &id).meta_version == version);
	assert_int_equal(set(&world, 2, span(web)), SHOAL_OK);
	assert_true(held(&world, 2, &id).meta_version > version);
	world_done(&world);
}

static void
a_newcomer_hears_what_all_say_and_is_heard(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 3; i++) {
		world_add(&world, NULL);
		assert_int_equal(set(&world, i, span(i == 1 ? db : web)), SHOAL_OK);
	}
	world_join(&world, 1, 0);
	world_run(&world, SHOAL_SEC(1));
	world_join(&world, 2, 0);
	world_run(&world, SHOAL_MS(600));
	for (size_t i = 0; i < 9; i++) {
		struct shoal_id id = world_id(&world, i / 3);
		assert_true(holds(&world, i % 3, &id, span(i / 3 == 1 ? db : web)));
	}
	world_done(&world);
}

static void
of_two_versions_the_higher_one_counts(void **state)
{
	struct core_world world;
	const struct shoal_id *id;

	(void)state;
	set_up(&world, 3);
	id = &world.puppet[1].id;
	struct shoal_msg_meta first = meta_of(id, VERSION(1), span(web));
	struct shoal_msg_meta second = meta_of(id, VERSION(2), span(db));
	tell(&world, 0, &second);
	tell(&world, 1, &first);
	assert_true(holds(&world, 0, id, span(db)));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 1);
	tell(&world, 2, &second);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 1);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_STALE) >= 2);
	/* Of one version, told twice, the one with the greater hash. */
	first.version = second.version;
	bool greater = first.hash > second.hash;
	tell(&world, 0, &first);
	assert_true(holds(&world, 0, id, span(greater ? web : db)));
	/* Nothing is something that can be said, too. */
	struct shoal_msg_meta third = meta_of(id, VERSION(3), (struct shoal_span){NULL, 0});
	tell(&world, 0, &third);
	assert_true(holds(&world, 0, id, (struct shoal_span){NULL, 0}));
	world_done(&world);
}

static void
what_is_no_document_or_not_what_was_told_counts_nothing(void **state)
{
	static const uint8_t junk[] = "\0\4role\7\11web";
	struct core_world world;
	struct puppet *stranger;

	(void)state;
	set_up(&world, 2);
	struct shoal_id id = world.puppet[1].id;
	struct shoal_msg_meta message =
	        meta_of(&id, VERSION(1), (struct shoal_span){junk, sizeof junk - 1});
	tell(&world, 0, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META), 1);
	message = meta_of(&id, VERSION(1), span(web));
	message.hash ^= 1;
	tell(&world, 0, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META), 2);
	assert_true(held(&world, 0, &id).meta_version == 0);
	stranger = world_puppet(&world);
	message = meta_of(&stranger->id, VERSION(1), span(web));
	tell(&world, 0, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_META_UPDATES), 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 0);
	/* Nor in a command. */
	assert_int_equal(
	        set(&world, 0, (struct shoal_span){junk, sizeof junk - 1}), SHOAL_ERR_MALFORMED);
	static uint8_t large[SHOAL_META_MAX + 1];
	assert_int_equal(
	        set(&world, 0, (struct shoal_span){large, sizeof large}), SHOAL_ERR_TOO_BIG);
	world_done(&world);
}

static void
a_newer_version_of_the_bytes_that_are_held_is_taken_over_without_them_and_is_no_event(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct shoal_id id = world.puppet[1].id;
	struct shoal_msg_meta message = meta_of(&id, VERSION(1000), span(web));
	tell(&world, 0, &message);
	size_t events = world_count_events(&world, 0, SHOAL_EVENT_UPDATE);
	message.version++;
	message.body.len = 0;
	tell(&world, 0, &message);
	assert_true(held(&world, 0, &id).meta_version == message.version);
	assert_true(holds(&world, 0, &id, span(web)));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS), 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), events);
	world_done(&world);
}

static void
a_version_ahead_of_the_clock_counts_and_moves_it_by_a_minute_at_most(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct shoal_id id = world.puppet[1].id, self = world_id(&world, 0);
	uint64_t now = world.now / SHOAL_MS(1);
	const uint64_t minute = 60 * 1000, day = 24 * 60 * minute;
	struct shoal_msg_meta message = meta_of(&id, UINT64_MAX / 2 + 1, span(web));
	tell(&world, 0, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_AHEAD), 1);
	assert_true(held(&world, 0, &id).meta_version == 0);
	message.version = VERSION(now + 400 * day);
	tell(&world, 0, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_META_AHEAD), 1);
	assert_true(held(&world, 0, &id).meta_version == message.version);
	assert_int_equal(set(&world, 0, span(db)), SHOAL_OK);
	uint64_t version = held(&world, 0, &self).meta_version;
	assert_true(version > VERSION(now + minute) && version < VERSION(now + minute + 1000));
	world_done(&world);
}

static void
what_a_former_run_said_is_outbid_whatever_the_clock_says(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct shoal_id self = world_id(&world, 0);
	struct shoal_msg_meta former = meta_of(&self, VERSION(3600 * 1000), span(web));
	/* Of one that says nothing at all now, too. */
	tell(&world, 0, &former);
	assert_true(held(&world, 0, &self).meta_version == former.version + 1);
	assert_int_equal(held(&world, 0, &self).meta_len, 0);
	assert_int_equal(set(&world, 0, span(db)), SHOAL_OK);
	/* But not each time that somebody says so. */
	former.version += 1000;
	tell(&world, 0, &former);
	assert_true(held(&world, 0, &self).meta_version < former.version);
	world_run(&world, SHOAL_SEC(2));
	tell(&world, 0, &former);
	assert_true(held(&world, 0, &self).meta_version == former.version + 1);
	assert_true(holds(&world, 0, &self, span(db)));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 0);
	/* But by what no clock can say. */
	former.version = UINT64_MAX;
	world_run(&world, SHOAL_SEC(2));
	tell(&world, 0, &former);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_AHEAD), 1);
	world_done(&world);
}

static void
a_restart_without_metadata_takes_back_what_was_said_before(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 3; i++) {
		world_add(&world, NULL);
		world_join(&world, i, i == 0 ? 1 : 0);
	}
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(set(&world, 2, span(db)), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	struct shoal_id id = world_id(&world, 2);
	assert_true(holds(&world, 0, &id, span(db)));
	world_restart(&world, 2);
	world_join(&world, 2, 1);
	world_run(&world, SHOAL_SEC(20));
	for (size_t i = 0; i < 3; i++) {
		assert_true(holds(&world, i, &id, (struct shoal_span){NULL, 0}));
	}
	world_done(&world);
}

static void
metadata_of_the_dead_stays_and_is_told_to_nobody(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 6);
	struct shoal_id id = world.puppet[1].id;
	struct shoal_msg_meta message = meta_of(&id, VERSION(1), span(web));
	uint64_t before = shoal_tree_root(world_core(&world, 0));
	tell(&world, 0, &message);
	uint64_t after = shoal_tree_root(world_core(&world, 0));
	assert_true(before != after);
	struct shoal_msg_state left = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &left);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_LEFT);
	world_clear(&world);
	message = meta_of(&id, VERSION(2), span(db));
	tell(&world, 0, &message);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 0);
	assert_null(world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_META));
	assert_true(holds(&world, 0, &id, span(db)));
	world_done(&world);
}

/* Above the budget of a datagram's gossip, and with statements first. */
static void
metadata_goes_behind_statements_and_at_most_as_often(void **state)
{
	static struct core_world world;
	size_t sent = 0;

	(void)state;
	set_up(&world, 20);
	struct shoal_id self = world_id(&world, 0);
	assert_int_equal(set(&world, 0, span(web)), SHOAL_OK);
	struct shoal_msg_state suspect = puppet_state(&world.puppet[3], SHOAL_STATE_SUSPECT);
	world_tell(&world, 0, &world.puppet[4], SHOAL_MESSAGE_STATE, &suspect);
	world_run(&world, SHOAL_SEC(10));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		const union shoal_wire_message *meta = packet_has(packet, SHOAL_MESSAGE_META);
		if (meta == NULL || memcmp(&meta->meta.id, &self, 16) != 0 ||
		        packet->kind != SHOAL_SEND_DATAGRAM) {
			continue;
		}
		sent++;
		bool behind = false;
		for (size_t i = 0; i < packet->messages; i++) {
			behind = behind || packet->message[i].kind == SHOAL_MESSAGE_META;
			assert_false(behind && packet->message[i].kind == SHOAL_MESSAGE_STATE);
		}
	}
	assert_in_range(sent, 10, 14); /* ceil(ln 21) + 10 */
	world_done(&world);
}

static void
metadata_is_refused_once_a_member_leaves(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	assert_int_equal(set(&world, 0, span(web)), SHOAL_ERR_STATE);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_member_says_is_told_to_all_and_is_an_update_of_theirs),
	        cmocka_unit_test(a_newcomer_hears_what_all_say_and_is_heard),
	        cmocka_unit_test(of_two_versions_the_higher_one_counts),
	        cmocka_unit_test(what_is_no_document_or_not_what_was_told_counts_nothing),
	        cmocka_unit_test(
	                a_newer_version_of_the_bytes_that_are_held_is_taken_over_without_them_and_is_no_event),
	        cmocka_unit_test(
	                a_version_ahead_of_the_clock_counts_and_moves_it_by_a_minute_at_most),
	        cmocka_unit_test(what_a_former_run_said_is_outbid_whatever_the_clock_says),
	        cmocka_unit_test(a_restart_without_metadata_takes_back_what_was_said_before),
	        cmocka_unit_test(metadata_of_the_dead_stays_and_is_told_to_nobody),
	        cmocka_unit_test(metadata_goes_behind_statements_and_at_most_as_often),
	        cmocka_unit_test(metadata_is_refused_once_a_member_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
