/* SPDX-License-Identifier: MIT */
/* Messages to a member that cannot be dialled, where nobody keeps links: it is asked to poll who
 * has some for it, and they come with the answers. */
#include "core_poll_world.h"

#include "core/message/user.h"

#include "core_talk_world.h"

static size_t
heard(const struct core_world *world, size_t node)
{
	return world_count_events(world, node, SHOAL_EVENT_MESSAGE);
}

/* Some of them are polled by it anyway. */
static void
set_up(struct core_world *world, uint64_t opened[WORLD_NODES], bool wan)
{
	if (wan) {
		set_up_wan(world, opened);
	} else {
		set_up_urls(world);
	}
	world_run(world, wan ? SHOAL_SEC(90) : SHOAL_SEC(20));
	expect_diagnosis(world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	world_clear(world);
}

static void
what_is_sent_to_one_that_nobody_dials_comes_once_and_in_order(void **state)
{
	static struct core_world world;
	uint64_t opened[WORLD_NODES];

	(void)state;
	for (int wan = 0; wan < 2; wan++) {
		set_up(&world, opened, wan != 0);
		struct shoal_id far = world_id(&world, FAR);
		for (size_t from = 0; from < world.nodes; from++) {
			if (from == FAR) {
				continue;
			}
			assert_int_equal(talk_say(&world, from, &far, 0, 0, "once"), SHOAL_OK);
			world_run(&world, SHOAL_SEC(5));
			assert_int_equal(heard(&world, FAR), 1);
			talk_heard(&world, FAR, 0, "once");
			static const char *const sure[] = {"a", "b", "c"};
			for (uint64_t i = 0; i < 3; i++) {
				assert_int_equal(talk_say(&world, from, &far, SHOAL_RELIABLE, i + 1,
				                         sure[i]),
				        SHOAL_OK);
			}
			world_run(&world, SHOAL_SEC(10));
			assert_int_equal(heard(&world, FAR), 4);
			for (size_t i = 0; i < 3; i++) {
				talk_heard(&world, FAR, 1 + i, sure[i]);
				const struct shoal_event *end =
				        world_event(&world, from, SHOAL_EVENT_SENT, NULL, i);
				assert_non_null(end);
				assert_int_equal(end->code, SHOAL_OK);
			}
			world_clear(&world);
		}
		assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
		world_done(&world);
	}
}

/* As a request of an application and its reply do. */
static void
who_answers_it_is_heard_soon(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, NULL, false);
	struct shoal_id far = world_id(&world, FAR);
	for (size_t to = 0; to < FAR; to++) {
		struct shoal_id id = world_id(&world, to);
		for (unsigned flags = 0; flags <= SHOAL_RELIABLE; flags += SHOAL_RELIABLE) {
			assert_int_equal(talk_say(&world, FAR, &id, flags, 1, "what"), SHOAL_OK);
			assert_non_null(world_await(&world, to, SHOAL_EVENT_MESSAGE, SHOAL_SEC(1)));
			assert_int_equal(talk_say(&world, to, &far, flags, 1, "that"), SHOAL_OK);
			assert_non_null(
			        world_await(&world, FAR, SHOAL_EVENT_MESSAGE, SHOAL_SEC(2)));
			talk_heard(&world, FAR, 0, "that");
			world_clear(&world);
		}
	}
	world_done(&world);
}

#define CROWD 12

/* Node 0 among puppets, where nobody keeps links; 0: the interval of others. */
static void
begin_with(struct core_world *world, uint32_t interval_ms)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.watchers = 0;
	if (interval_ms != 0) {
		(void)shoal_profile_init(&config.profile, SHOAL_PROFILE_WAN);
		config.profile.probe_interval_ms = interval_ms;
	}
	config.profile.members_max = 1024;
	world_add(world, &config);
	for (size_t i = 0; i < CROWD; i++) {
		(void)world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	}
	world_clear(world);
}

static void
begin(struct core_world *world)
{
	begin_with(world, 0);
}

static uint32_t
slot_of(const struct core_world *world, const struct puppet *puppet)
{
	return shoal_members_find(world_core(world, 0), &puppet->id);
}

/* One that says that it cannot be dialled, and polls node 0 of itself or does not. */
static struct puppet *
walled(struct core_world *world, bool polls)
{
	struct shoal_core *core = world_core(world, 0);

	for (size_t i = 0; i < CROWD; i++) {
		struct puppet *puppet = &world->puppet[i];
		uint32_t slot = slot_of(world, puppet), anchor[SHOAL_POLLED];
		uint32_t n = shoal_poll_anchors(core, slot, anchor);
		bool its = false;
		for (uint32_t k = 0; k < n; k++) {
			its = its || anchor[k] == SHOAL_SELF;
		}
		if (its == polls) {
			puppet->incarnation++;
			struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
			member.marks = SHOAL_MARK_INBOUND;
			assert_int_equal(
			        world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member), 0);
			puppet->answers = PUPPET_DATAGRAMS; /* through others */
			world_clear(world);
			return puppet;
		}
	}
	fail();
	return NULL;
}

static void
take(struct core_world *world, const struct puppet *far, const struct shoal_msg_batch *batch,
        uint64_t next)
{
	struct shoal_msg_receipt receipt = {.id = far->id,
	        .salt = puppet_salt(far),
	        .instance = talk_salt(world, 0),
	        .seq = batch->seq,
	        .next = next};

	assert_int_equal(
	        world_send(world, 0, &far->addr, SHOAL_MESSAGE_RECEIPT, &receipt), SHOAL_OK);
}

/* Whether it was sent such a message, and not with the answer to a poll. */
static bool
sent_alone(const struct core_world *world, const struct puppet *far, unsigned kind)
{
	const struct world_packet *packet = world_sent(world, NULL, 0, &far->addr, kind);

	while (packet != NULL && packet->kind == SHOAL_SEND_REPLY) {
		packet = world_sent(world, packet, 0, &far->addr, kind);
	}
	return packet != NULL;
}

/* The batch that its poll brings; NULL: none. */
static const struct shoal_msg_batch *
batch_for(struct core_world *world, const struct puppet *far)
{
	const union shoal_wire_message *m =
	        packet_has(poll_from(world, far, &far->addr), SHOAL_MESSAGE_BATCH);

	return m == NULL ? NULL : &m->batch;
}

static void
its_anchors_are_asked_and_what_waits_goes_with_the_answer_to_its_poll(void **state)
{
	static struct core_world world;
	const uint8_t ip[4] = {10, 9, 9, 9};
	struct shoal_addr elsewhere;

	(void)state;
	begin(&world);
	struct puppet *far = walled(&world, false);
	shoal_addr_from_ipv4(&elsewhere, ip, 50000);
	assert_int_equal(talk_say(&world, 0, &far->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_CALL);
	assert_non_null(packet);
	const struct shoal_msg_call *call = &packet_has(packet, SHOAL_MESSAGE_CALL)->call;
	assert_int_equal(shoal_id_compare(&call->target, &far->id), 0);
	assert_true(call->instance == puppet_salt(far));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_CALL), 1);
	/* Not sealed, and from nowhere that it is. */
	packet = poll_from(&world, far, &elsewhere);
	assert_null(packet_has(packet, SHOAL_MESSAGE_BATCH));
	const struct shoal_msg_batch *batch = batch_for(&world, far);
	assert_non_null(batch);
	assert_null(batch_for(&world, far)); /* one at a time */
	world_run(&world, SHOAL_SEC(4));
	batch = batch_for(&world, far); /* no receipt came */
	assert_non_null(batch);
	assert_int_equal(talk_say(&world, 0, &far->id, SHOAL_RELIABLE, 2, "sure"), SHOAL_OK);
	struct shoal_msg_batch first = *batch;
	world_forget_sent(&world);
	take(&world, far, &first, first.first + 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
	assert_false(sent_alone(&world, far, SHOAL_MESSAGE_BATCH)); /* it comes for it */
	batch = batch_for(&world, far);
	assert_non_null(batch);
	take(&world, far, batch, batch->first + 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 2);
	assert_null(batch_for(&world, far));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS_UP), 1);
	uint64_t calls = world_counter(&world, 0, SHOAL_COUNTER_CALLS);
	world_run(&world, SHOAL_SEC(11));
	assert_int_equal(world_core(&world, 0)->calls.wanted.count, 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS), calls);
	world_done(&world);
}

/* Not a word of them to one that can be dialled: it is told at its address. */
static void
messages_of_both_kinds_get_their_turn_and_gossip_goes_along(void **state)
{
	static struct core_world world;
	unsigned mail = 0, batches = 0, news = 0;
	char text[2000];

	(void)state;
	begin(&world);
	struct puppet *far = walled(&world, true);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(talk_say(&world, 0, &far->id, 0, 0, text), SHOAL_OK);
		assert_int_equal(
		        talk_say(&world, 0, &far->id, SHOAL_RELIABLE, i + 1, text), SHOAL_OK);
		shoal_gossip_raise(world_core(&world, 0), SHOAL_SELF);
		const struct world_packet *packet = poll_from(&world, far, &far->addr);
		const union shoal_wire_message *m = packet_has(packet, SHOAL_MESSAGE_BATCH);
		struct shoal_id self = world_id(&world, 0);
		mail += packet_has(packet, SHOAL_MESSAGE_USER) != NULL;
		news += packet_state_of(packet, &self) == SHOAL_STATE_ALIVE;
		assert_true(m == NULL || packet_has(packet, SHOAL_MESSAGE_USER) == NULL);
		if (m != NULL) {
			batches++;
			take(&world, far, &m->batch,
			        m->batch.first + shoal_entry_count(m->batch.entries));
		}
	}
	assert_in_range(mail, 10, 30);
	assert_int_equal(mail + batches, 40);
	assert_in_range(news, 1, 40);
	/* It polls of itself. */
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS), 0);
	assert_false(sent_alone(&world, far, SHOAL_MESSAGE_USER));
	world_done(&world);
}

static void
where_it_does_not_come_what_was_said_ends_and_nothing_stays(void **state)
{
	static struct core_world world;

	(void)state;
	/* Of each, one that does not poll of itself. */
	static const uint32_t interval_ms[] = {0, 0, 5000, 5000, 10000, 10000};
	for (int i = 0; i < 6; i++) {
		begin_with(&world, interval_ms[i]);
		struct puppet *far = walled(&world, i % 2 != 0);
		assert_int_equal(talk_say(&world, 0, &far->id, 0, 0, "once"), SHOAL_OK);
		assert_int_equal(
		        talk_say(&world, 0, &far->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
		const struct shoal_event *end = world_await(
		        &world, 0, SHOAL_EVENT_SENT, SHOAL_SEC(20) + 8 * SHOAL_MS(interval_ms[i]));
		assert_non_null(end);
		assert_int_equal(end->code, SHOAL_ERR_WALLED);
		world_run(&world, SHOAL_SEC(6));
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNSENT), 1);
		assert_int_equal(world_core(&world, 0)->calls.wanted.count, 0);
		assert_false(shoal_user_waits(world_core(&world, 0), slot_of(&world, far)));
		world_done(&world);
	}
}

/* Its proxy is there now. */
static void
what_waits_goes_to_it_where_it_can_be_dialled_again(void **state)
{
	static struct core_world world;

	(void)state;
	begin(&world);
	struct puppet *far = walled(&world, true);
	(void)poll_from(&world, far, &far->addr);
	assert_int_equal(talk_say(&world, 0, &far->id, 0, 0, "once"), SHOAL_OK);
	far->incarnation++;
	struct shoal_msg_member member = puppet_member(far, SHOAL_STATE_ALIVE);
	assert_int_equal(world_tell(&world, 0, far, SHOAL_MESSAGE_MEMBER, &member), 0);
	assert_non_null(world_await_sent(&world, 0, &far->addr, SHOAL_MESSAGE_USER, SHOAL_SEC(10)));
	world_done(&world);
}

static struct shoal_msg_call
call_of(const struct puppet *caller, const struct shoal_id *target, uint64_t instance)
{
	return (struct shoal_msg_call){.id = caller->id,
	        .salt = puppet_salt(caller),
	        .target = *target,
	        .instance = instance};
}

static unsigned
calls_in(const struct world_packet *packet)
{
	unsigned n = 0;

	for (size_t i = 0; i < packet->messages; i++) {
		n += packet->message[i].kind == SHOAL_MESSAGE_CALL;
	}
	return n;
}

/* Node 0 is an anchor. What nobody polls for grows old, and gives its place up. */
static void
a_call_goes_once_and_soon_with_the_answer_to_a_poll_of_the_one_that_is_meant(void **state)
{
	static struct core_world world;

	(void)state;
	begin(&world);
	struct puppet *far = walled(&world, true), *other[CROWD];
	for (size_t i = 0, n = 0; i < CROWD; i++) {
		if (&world.puppet[i] != far) {
			other[n++] = &world.puppet[i];
		}
	}
	struct shoal_msg_call call = call_of(other[0], &far->id, puppet_salt(far));
	for (unsigned i = 0; i < 2; i++) { /* it asks again */
		world_tell(&world, 0, other[0], SHOAL_MESSAGE_CALL, &call);
	}
	assert_int_equal(calls_in(poll_from(&world, other[1], &other[1]->addr)), 0);
	const struct world_packet *packet = poll_from(&world, far, &far->addr);
	assert_int_equal(calls_in(packet), 1);
	const struct shoal_msg_call *said = &packet_has(packet, SHOAL_MESSAGE_CALL)->call;
	assert_int_equal(shoal_id_compare(&said->id, &other[0]->id), 0);
	assert_true(said->salt == puppet_salt(other[0]));
	assert_int_equal(calls_in(poll_from(&world, far, &far->addr)), 0);
	for (size_t i = 0; i < 6; i++) {
		call = call_of(other[i], &far->id, puppet_salt(far));
		world_tell(&world, 0, other[i], SHOAL_MESSAGE_CALL, &call);
	}
	assert_int_equal(calls_in(poll_from(&world, far, &far->addr)), SHOAL_POLL_PINGS);
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(calls_in(poll_from(&world, far, &far->addr)), 0);
	/* Of who was there before; and by a stranger. */
	call = call_of(other[0], &far->id, puppet_salt(far) + 1);
	world_tell(&world, 0, other[0], SHOAL_MESSAGE_CALL, &call);
	call = call_of(other[0], &far->id, puppet_salt(far));
	world_tell(&world, 0, other[1], SHOAL_MESSAGE_CALL, &call);
	assert_int_equal(calls_in(poll_from(&world, far, &far->addr)), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS_PASSED), 5);
	world_done(&world);
}

/* The last poll of it; NULL: none. */
static const struct world_packet *
polled(const struct core_world *world, const struct puppet *puppet)
{
	const struct world_packet *packet = NULL, *last = NULL;

	while ((packet = world_sent(world, packet, 0, &puppet->addr, SHOAL_MESSAGE_PING)) != NULL) {
		last = packet->kind == SHOAL_SEND_REQUEST ? packet : last;
	}
	return last;
}

static void
answer_poll(struct core_world *world, const struct world_packet *poll, const struct puppet *puppet,
        enum shoal_message_kind kind, const void *message)
{
	static struct parcel parcel;
	struct shoal_msg_ack ack = {.seq = packet_has(poll, SHOAL_MESSAGE_PING)->ping.seq,
	        .id = puppet->id,
	        .salt = puppet_salt(puppet)};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_ACK, &ack);
	parcel_add(&parcel, kind, message);
	parcel_end(&parcel);
	assert_int_equal(world_result(world, poll, SHOAL_OK, &parcel), SHOAL_OK);
}

/* Node 0 cannot be dialled and polls its anchors, one of which is returned. */
static struct puppet *
wall_self_off(struct core_world *world)
{
	struct shoal_core *core = world_core(world, 0);
	uint32_t anchor[SHOAL_POLLED];

	shoal_members_set_inbound(shoal_members_at(core, SHOAL_SELF), true);
	shoal_poll_unreached(core);
	assert_int_equal(shoal_poll_anchors(core, SHOAL_SELF, anchor), SHOAL_POLLED);
	world_run(world, SHOAL_MS(1));
	for (size_t i = 0; i < world->puppets; i++) {
		if (slot_of(world, &world->puppet[i]) == anchor[0]) {
			return &world->puppet[i];
		}
	}
	fail();
	return NULL;
}

/* A puppet that node 0 does not poll yet. */
static struct puppet *
stranger_to(struct core_world *world, size_t n)
{
	struct shoal_core *core = world_core(world, 0);
	uint32_t anchor[SHOAL_POLLED], found = shoal_poll_anchors(core, SHOAL_SELF, anchor);

	for (size_t i = 0; i < world->puppets; i++) {
		uint32_t slot = slot_of(world, &world->puppet[i]);
		bool its = false;
		for (uint32_t k = 0; k < found; k++) {
			its = its || anchor[k] == slot;
		}
		if (!its && n-- == 0) {
			return &world->puppet[i];
		}
	}
	fail();
	return NULL;
}

static void
who_asked_in_the_answer_to_a_poll_is_polled_and_for_a_while_only(void **state)
{
	static struct core_world world;
	uint8_t data[64];

	(void)state;
	begin(&world);
	struct shoal_id self = world_id(&world, 0);
	struct puppet *anchor = wall_self_off(&world), *caller = stranger_to(&world, 0);
	struct shoal_msg_call call = call_of(caller, &self, talk_salt(&world, 0));
	struct shoal_msg_sender sender = {.id = anchor->id, .salt = puppet_salt(anchor)};
	static struct parcel parcel; /* it comes by itself */
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_CALL, &call);
	parcel_end(&parcel);
	assert_int_equal(world_datagram(&world, 0, &anchor->addr, &parcel), SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 1);
	assert_null(polled(&world, caller));
	const struct world_packet *poll = polled(&world, anchor);
	assert_non_null(poll);
	answer_poll(&world, poll, anchor, SHOAL_MESSAGE_CALL, &call);
	poll = polled(&world, caller);
	assert_non_null(poll);
	world_forget_sent(&world);
	world_run(&world, SHOAL_SEC(1));
	poll = polled(&world, caller); /* again and again */
	assert_non_null(poll);
	struct shoal_msg_batch batch = {.id = caller->id,
	        .salt = puppet_salt(caller),
	        .instance = talk_salt(&world, 0),
	        .seq = 7,
	        .first = 1,
	        .entries = talk_entries(data, sizeof data, 0, 2)};
	answer_poll(&world, poll, caller, SHOAL_MESSAGE_BATCH, &batch);
	assert_int_equal(heard(&world, 0), 2);
	assert_int_equal(world_count_sent(&world, 0, &caller->addr, SHOAL_MESSAGE_RECEIPT), 1);
	world_run(&world, SHOAL_SEC(19));
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 1);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 0);
	world_forget_sent(&world);
	world_run(&world, SHOAL_SEC(1));
	assert_null(polled(&world, caller));
	world_done(&world);
}

/* In the name of one that has nothing to say. */
static void
a_request_that_was_made_up_costs_few_polls(void **state)
{
	static struct core_world world;

	(void)state;
	begin(&world);
	struct shoal_id self = world_id(&world, 0);
	struct puppet *anchor = wall_self_off(&world), *victim = stranger_to(&world, 0);
	struct shoal_msg_call call = call_of(victim, &self, talk_salt(&world, 0));
	const struct world_packet *packet = NULL;
	unsigned polls = 0;

	answer_poll(&world, polled(&world, anchor), anchor, SHOAL_MESSAGE_CALL, &call);
	world_run(&world, SHOAL_SEC(25));
	while ((packet = world_sent(&world, packet, 0, &victim->addr, SHOAL_MESSAGE_PING)) !=
	        NULL) {
		polls += packet->kind == SHOAL_SEND_REQUEST;
	}
	assert_in_range(polls, 8, 14);
	assert_int_equal(world_core(&world, 0)->calls.opened.count, 0);
	world_done(&world);
}

static void
between_two_that_cannot_be_dialled_it_ends_at_once(void **state)
{
	static struct core_world world;

	(void)state;
	begin(&world);
	struct puppet *far = walled(&world, false);
	(void)wall_self_off(&world);
	assert_int_equal(talk_say(&world, 0, &far->id, SHOAL_RELIABLE, 1, "sure"), SHOAL_OK);
	const struct shoal_event *end = world_await(&world, 0, SHOAL_EVENT_SENT, SHOAL_MS(1100));
	assert_non_null(end);
	assert_int_equal(end->code, SHOAL_ERR_WALLED);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS), 0);
	world_done(&world);
}

/* More ask than there are places. */
static void
no_more_than_its_places_are_polled(void **state)
{
	static struct core_world world;

	(void)state;
	begin(&world);
	for (size_t i = 0; i < 60; i++) {
		(void)world_meet(&world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	}
	struct shoal_id self = world_id(&world, 0);
	struct puppet *anchor = wall_self_off(&world);
	const struct shoal_core *core = world_core(&world, 0);
	for (size_t i = 0; i < SHOAL_CALLS_MAX + 8; i++) {
		struct shoal_msg_call call =
		        call_of(stranger_to(&world, i), &self, talk_salt(&world, 0));
		answer_poll(&world, polled(&world, anchor), anchor, SHOAL_MESSAGE_CALL, &call);
	}
	assert_int_equal(core->calls.opened.count, SHOAL_CALLS_MAX);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CALLS), 8);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CALLS_SERVED), SHOAL_CALLS_MAX);
	/* All had a message, and none for long. */
	for (size_t i = 0; i < SHOAL_CALLS_MAX; i++) {
		shoal_call_heard(world_core(&world, 0), slot_of(&world, stranger_to(&world, i)));
	}
	world_run(&world, SHOAL_SEC(11));
	struct puppet *late = stranger_to(&world, SHOAL_CALLS_MAX);
	struct shoal_msg_call call = call_of(late, &self, talk_salt(&world, 0));
	assert_null(polled(&world, late));
	answer_poll(&world, polled(&world, anchor), anchor, SHOAL_MESSAGE_CALL, &call);
	assert_non_null(polled(&world, late));
	assert_int_equal(core->calls.opened.count, SHOAL_CALLS_MAX);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_sent_to_one_that_nobody_dials_comes_once_and_in_order),
	        cmocka_unit_test(who_answers_it_is_heard_soon),
	        cmocka_unit_test(
	                its_anchors_are_asked_and_what_waits_goes_with_the_answer_to_its_poll),
	        cmocka_unit_test(messages_of_both_kinds_get_their_turn_and_gossip_goes_along),
	        cmocka_unit_test(where_it_does_not_come_what_was_said_ends_and_nothing_stays),
	        cmocka_unit_test(what_waits_goes_to_it_where_it_can_be_dialled_again),
	        cmocka_unit_test(
	                a_call_goes_once_and_soon_with_the_answer_to_a_poll_of_the_one_that_is_meant),
	        cmocka_unit_test(who_asked_in_the_answer_to_a_poll_is_polled_and_for_a_while_only),
	        cmocka_unit_test(a_request_that_was_made_up_costs_few_polls),
	        cmocka_unit_test(between_two_that_cannot_be_dialled_it_ends_at_once),
	        cmocka_unit_test(no_more_than_its_places_are_polled)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
