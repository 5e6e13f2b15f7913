/* SPDX-License-Identifier: MIT */
/* What counts as heard, who may answer, what is sent before something long, and that metadata goes
 * sealed as everything does. */
#include "core_sealed.h"

#include "base/addr.h"
#include "core/node.h"

static uint64_t
heard(const struct core_world *world)
{
	return world_core(world, 0)->silence.heard;
}

static void
only_a_member_of_which_something_counted_breaks_a_silence_or_has_dialled(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct puppet *known, *stranger;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	known = world_meet(&world, 0, 0);
	stranger = world_puppet(&world);
	world.now += SHOAL_SEC(1);
	uint64_t before = heard(&world);
	for (int i = 0; i < 2; i++) {
		const struct puppet *from = i == 0 ? stranger : known;
		struct shoal_msg_sender sender = {.id = from->id, .salt = puppet_salt(from)};
		world.now++;
		parcel_begin(&parcel, world.label);
		parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		parcel_end(&parcel);
		assert_int_equal(world_request(&world, 0, &from->addr, 1000, &parcel), SHOAL_OK);
		assert_int_equal(heard(&world) > before, i);
		assert_int_equal(world_core(&world, 0)->inbound.dialled, i);
	}
	world_done(&world);
}

static void
an_answer_counts_only_of_the_member_that_was_asked(void **state)
{
	struct core_world world;
	struct puppet *asked, *other;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	asked = world_meet(&world, 0, PUPPET_DATAGRAMS);
	const struct world_packet *request =
	        world_await_sent(&world, 0, &asked->addr, SHOAL_MESSAGE_SYNC, SHOAL_SEC(600));
	assert_non_null(request);
	other = world_puppet(&world);
	struct shoal_msg_answer answer = {.id = other->id, .salt = puppet_salt(other)};
	struct shoal_msg_answer right = {.id = asked->id, .salt = puppet_salt(asked)};
	world.now++;
	uint64_t before = heard(&world), done = world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE);
	assert_int_equal(
	        world_answer(&world, request, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &answer), SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MISDIRECTED), 1);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE) == done);
	assert_true(heard(&world) == before);
	world_clear(&world);
	request = world_await_sent(&world, 0, &asked->addr, SHOAL_MESSAGE_SYNC, SHOAL_SEC(600));
	assert_non_null(request);
	assert_int_equal(
	        world_answer(&world, request, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &right), SHOAL_OK);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE) == done + 1);
	world_done(&world);
}

/* Another one of the cluster answers in the place of the instance that a join was sealed for. */
static void
a_join_is_served_only_by_the_instance_that_said_its_salt(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	add_accepting(&world, 1);
	struct puppet *seed = world_puppet(&world), *other = world_puppet(&world);
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr}),
	        SHOAL_OK);
	struct shoal_msg_answer answer = {.id = seed->id,
	        .salt = puppet_salt(seed),
	        .code = (uint64_t)-SHOAL_ERR_MISDIRECTED};
	assert_int_equal(world_answer(&world, world.last, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &answer),
	        SHOAL_OK);
	assert_int_equal(world.last->kind, SHOAL_SEND_REQUEST);
	answer = (struct shoal_msg_answer){.id = other->id, .salt = puppet_salt(other)};
	assert_int_equal(world_answer(&world, world.last, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &answer),
	        SHOAL_OK);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_MALFORMED);
	world_done(&world);
}

/* A document of one text of `len` bytes. */
static size_t
document(uint8_t *data, size_t len)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, len + 16);
	shoal_writer_bytes(&writer, "\0\1k\6", 4);
	shoal_writer_var(&writer, len);
	for (size_t i = 0; i < len; i++) {
		shoal_writer_u8(&writer, 'x');
	}
	assert_false(writer.failed);
	return writer.len;
}

static void
describe(struct core_world *world, size_t node, size_t len)
{
	uint8_t *data = malloc(len + 16);

	assert_non_null(data);
	size_t whole = document(data, len);
	assert_int_equal(
	        world_step(world, node,
	                (struct shoal_input){.kind = SHOAL_INPUT_META, .data = data, .len = whole}),
	        SHOAL_OK);
	free(data);
}

static void
short_and_long_metadata_goes_sealed(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 3);
	world_clear(&world);
	describe(&world, 0, 20);
	describe(&world, 1, 40000);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < 3; i++) {
		for (size_t about = 0; about < 2; about++) {
			struct shoal_id id = world_id(&world, about);
			struct shoal_core_member member, own;
			assert_true(world_holds(&world, i, &id, &member));
			assert_true(world_holds(&world, about, &id, &own));
			assert_true(own.meta_version != 0);
			assert_true(member.meta_version == own.meta_version);
		}
		assert_true(dropped(&world, i) ==
		            world_counter(&world, i, SHOAL_COUNTER_DROP_REDIRECTED));
	}
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_PULLS_SERVED) > 0);
	for (const struct world_packet *packet = world.sent; packet; packet = packet->next) {
		assert_true((packet->data[1] & SHOAL_PACKET_SEALED) != 0);
	}
	world_done(&world);
}

/* Has node 1 send its metadata, 65,500 bytes, to node 0; how many packets that took. */
static size_t
send_long(struct core_world *world)
{
	struct shoal_core *core = world_core(world, 1);
	struct shoal_id id = world_id(world, 0), self = world_id(world, 1);
	struct shoal_msg_sender sender = {.id = self};
	uint32_t slot;
	size_t n = 0;

	describe(world, 1, 65500);
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
	assert_int_equal(shoal_core_find(core, &id, &slot), SHOAL_OK);
	struct shoal_pending *pending = shoal_send_queue(
	        core, SHOAL_SEND_STREAM, &world->node[0].addr, slot, SHOAL_FILL_META);
	assert_non_null(pending);
	pending->about = SHOAL_SELF;
	shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
	world_drain(world, 1);
	for (const struct world_packet *packet = world->sent; packet; packet = packet->next) {
		assert_int_equal(packet->kind, SHOAL_SEND_STREAM);
		n++;
	}
	assert_true(world->last->len > SHOAL_FIRST_MAX);
	return n;
}

static void
something_long_is_sent_behind_something_short(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 2);
	assert_int_equal(send_long(&world), 2);
	assert_true(world.sent->len < 100);
	uint64_t before = dropped(&world, 0);
	world_run(&world, SHOAL_MS(100));
	assert_true(dropped(&world, 0) == before);
	world_done(&world);
	/* Where nothing is sealed, nobody asks for it. */
	world_init(&world);
	world.latency = SHOAL_MS(1);
	world_add(&world, NULL);
	world_add(&world, NULL);
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	assert_int_equal(send_long(&world), 1);
	world_done(&world);
}

/* Its request is opened, so that the answer can be sealed for it; its datagrams are not. */
static void
one_of_an_address_that_is_not_allowed_is_told_so_sealed(void **state)
{
	struct core_world world;
	struct shoal_cidr elsewhere;

	(void)state;
	form(&world, 2);
	struct world_packet packet = overheard(&world, 1, 0);
	assert_int_equal(shoal_cidr_parse(&elsewhere, "192.0.2.0/24"), SHOAL_OK);
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
	                                 .data = (const uint8_t *)&elsewhere,
	                                 .len = sizeof elsewhere}),
	        SHOAL_OK);
	size_t other = add(&world, 0);
	assert_int_equal(join_code(&world, other), SHOAL_ERR_REJECTED);
	size_t opened = unit_cipher_seen.opened;
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
	                                 .from = world.node[1].addr,
	                                 .data = packet.data,
	                                 .len = packet.len}),
	        SHOAL_ERR_PERMISSION);
	assert_int_equal(unit_cipher_seen.opened, opened);
	free(packet.data);
	world_done(&world);
}

/* A member that ended is back under its name, elsewhere. */
static void
whoever_takes_over_from_elsewhere_can_open_what_it_is_told_of_that(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	form(&world, 3);
	world.node[2].up = false;
	sealed_config(&world, &config, 0);
	config.name = "node-2";
	size_t heir = world_add(&world, &config);
	struct shoal_id id = world_id(&world, 2);
	assert_memory_equal(world_id(&world, heir).bytes, id.bytes, sizeof id.bytes);
	assert_int_equal(join_code(&world, heir), SHOAL_OK);
	world_run(&world, SHOAL_SEC(4));
	for (size_t i = 0; i < 2; i++) {
		struct shoal_core_member held;
		assert_true(world_holds(&world, i, &id, &held));
		assert_memory_equal(held.salt.bytes, config.salt.bytes, sizeof held.salt.bytes);
	}
	assert_int_equal(dropped(&world, heir), 0);
	world_done(&world);
}

/* A sealed packet of node 1 for an instance that there is not, with `len` bytes of padding. */
static size_t
seal_for_nobody(const struct core_world *world, uint8_t *data, size_t cap, size_t pad)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, cap);
	shoal_packet_begin_sealed(&writer, (struct shoal_span){NULL, 0});
	for (size_t i = 0; i < pad; i++) {
		shoal_writer_u8(&writer, 0);
	}
	assert_int_equal(shoal_packet_seal(&writer, world_core(world, 1)->seal.ring, &frame, 12345),
	        SHOAL_OK);
	return writer.len;
}

static void
what_is_for_another_is_answered_with_who_is_here_and_never_with_more_than_came(void **state)
{
	struct core_world world;
	uint8_t data[512];

	(void)state;
	form(&world, 2);
	const size_t least = 3 + 25 + 26 + 16;
	static const size_t pads[] = {0, 10, 25, 26, 100, 400};
	for (size_t i = 0; i < COUNT_OF(pads); i++) {
		size_t len = seal_for_nobody(&world, data, sizeof data, pads[i]);
		world_run(&world, SHOAL_MS(60));
		world_clear(&world);
		assert_int_equal(world_step(&world, 0,
		                         (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
		                                 .from = world.node[1].addr,
		                                 .data = data,
		                                 .len = len}),
		        SHOAL_ERR_MISDIRECTED);
		if (len < least) {
			assert_null(world.sent);
		} else {
			assert_non_null(world.sent);
			assert_null(world.sent->next);
			assert_int_equal(world.sent->len, least);
		}
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                only_a_member_of_which_something_counted_breaks_a_silence_or_has_dialled),
	        cmocka_unit_test(an_answer_counts_only_of_the_member_that_was_asked),
	        cmocka_unit_test(a_join_is_served_only_by_the_instance_that_said_its_salt),
	        cmocka_unit_test(short_and_long_metadata_goes_sealed),
	        cmocka_unit_test(one_of_an_address_that_is_not_allowed_is_told_so_sealed),
	        cmocka_unit_test(something_long_is_sent_behind_something_short),
	        cmocka_unit_test(
	                whoever_takes_over_from_elsewhere_can_open_what_it_is_told_of_that),
	        cmocka_unit_test(
	                what_is_for_another_is_answered_with_who_is_here_and_never_with_more_than_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
