/* SPDX-License-Identifier: MIT */
/* Orders about keys: told to members and taken of members, sealed only; a key in one is in no
 * record and in no packet that can be read. */
#include "core_sealed.h"

#include "base/addr.h"
#include "core/node.h"

static int
tell(struct core_world *world, size_t from, size_t to)
{
	struct shoal_id id = world_id(world, to);

	return world_step(world, from,
	        (struct shoal_input){
	                .kind = SHOAL_INPUT_KEYS, .data = id.bytes, .len = sizeof id.bytes});
}

/* What node 1 says to an order of node 0. */
static int
order(struct core_world *world, enum shoal_key_action action, const struct shoal_key *key,
        uint64_t print)
{
	world_clear(world);
	assert_int_equal(shoal_core_key_order(world_core(world, 0), action, key, print), SHOAL_OK);
	assert_int_equal(tell(world, 0, 1), SHOAL_OK);
	const struct shoal_event *event = world_await(world, 0, SHOAL_EVENT_KEYS, SHOAL_SEC(30));
	assert_non_null(event);
	struct shoal_id id = world_id(world, 1);
	assert_memory_equal(&event->id, &id, sizeof id);
	return event->code;
}

static size_t
said(const struct core_world *world, struct shoal_key_info info[SHOAL_KEYS_MAX])
{
	size_t n = 0;

	while (n < SHOAL_KEYS_MAX && shoal_core_key_said(world_core(world, 0), n, &info[n])) {
		n++;
	}
	return n;
}

static void
a_member_does_what_another_one_says_and_tells_what_it_holds(void **state)
{
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	struct core_world world;
	uint64_t old = shoal_key_name(&keys[0]), new = shoal_key_name(&keys[1]);

	(void)state;
	form(&world, 2);
	assert_int_equal(order(&world, SHOAL_KEY_LIST, NULL, 0), SHOAL_OK);
	assert_int_equal(said(&world, info), 1);
	assert_true(info[0].print == old && info[0].len == 32 && info[0].in_use);
	assert_int_equal(order(&world, SHOAL_KEY_USE, NULL, new), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(order(&world, SHOAL_KEY_INSTALL, &keys[1], 0), SHOAL_OK);
	assert_int_equal(said(&world, info), 2);
	assert_true(info[1].print == new &&info[1].len == 16 && !info[1].in_use);
	assert_int_equal(order(&world, SHOAL_KEY_REMOVE, NULL, old), SHOAL_ERR_STATE);
	assert_int_equal(shoal_core_key_install(world_core(&world, 0), &keys[1], NULL), SHOAL_OK);
	assert_int_equal(order(&world, SHOAL_KEY_USE, NULL, new), SHOAL_OK);
	assert_true(shoal_core_key(world_core(&world, 1), 1, &info[0]) && info[0].in_use);
	assert_int_equal(order(&world, SHOAL_KEY_REMOVE, NULL, old), SHOAL_OK);
	assert_int_equal(said(&world, info), 1);
	assert_true(info[0].print == new &&info[0].in_use);
	/* Who was told hears so, too, to show its own keys anew. */
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_KEYS), 1);
	world_done(&world);
}

static bool
holds(const uint8_t *data, size_t len, const struct shoal_key *key)
{
	for (size_t i = 0; i + key->len <= len; i++) {
		if (memcmp(data + i, key->bytes, key->len) == 0) {
			return true;
		}
	}
	return false;
}

static void
a_key_is_in_no_packet_and_in_no_record(void **state)
{
	static const struct shoal_key secret = {
	        32, {9, 8, 7, 6, 5, 4, 3, 2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 9}};
	struct core_world world;
	struct shoal_input opened;

	(void)state;
	form(&world, 2);
	world.latency = SHOAL_SEC(1);
	world_clear(&world);
	assert_int_equal(shoal_core_key_order(world_core(&world, 0), SHOAL_KEY_INSTALL, &secret, 0),
	        SHOAL_OK);
	assert_int_equal(tell(&world, 0, 1), SHOAL_OK);
	const struct world_packet *packet = world.last;
	assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
	assert_false(holds(packet->data, packet->len, &secret));
	struct shoal_input input = {.kind = SHOAL_INPUT_REQUEST,
	        .from = world.node[0].addr,
	        .exchange = 1000,
	        .mono_ns = world.now,
	        .wall_ns = SHOAL_SEC(WORLD_EPOCH),
	        .data = packet->data,
	        .len = packet->len};
	/* What a recorder is given. */
	assert_int_equal(shoal_core_open(world_core(&world, 1), &input, &opened), SHOAL_OK);
	assert_false(holds(opened.data, opened.len, &secret));
	assert_int_equal(shoal_core_step(world_core(&world, 1), &opened), SHOAL_OK);
	struct shoal_key_info info;
	assert_true(shoal_core_key(world_core(&world, 1), 1, &info));
	assert_true(info.print == shoal_key_name(&secret));
	/* It is nowhere once the next order is at hand. */
	assert_int_equal(
	        shoal_core_key_order(world_core(&world, 0), SHOAL_KEY_LIST, NULL, 0), SHOAL_OK);
	assert_int_equal(world_core(&world, 0)->keys.key.len, 0);
	assert_int_equal(world_core(&world, 1)->keys.came.len, 0);
	world_drain(&world, 1);
	world_done(&world);
}

static int
ask_in_clear(struct core_world *world, const struct shoal_id *id, uint64_t salt)
{
	static struct parcel parcel;
	struct shoal_msg_keys message = {.id = *id,
	        .salt = salt,
	        .action = SHOAL_KEY_INSTALL,
	        .key = {keys[1].bytes, keys[1].len}};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_KEYS, &message);
	parcel_end(&parcel);
	return world_request(world, 0, &world->node[1].addr, 1000, &parcel);
}

static void
an_order_in_clear_counts_nothing_also_where_clear_packets_are_taken(void **state)
{
	struct shoal_key_info info;
	struct core_world world;

	(void)state;
	for (uint32_t accepts = 0; accepts < 3; accepts++) {
		world_init(&world);
		add_accepting(&world, accepts);
		struct puppet *known = world_puppet(&world);
		uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_DROP_CLEAR);
		assert_int_equal(ask_in_clear(&world, &known->id, puppet_salt(known)),
		        accepts == 0 ? SHOAL_ERR_CLEAR : SHOAL_OK);
		assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_CLEAR) == before + 1);
		assert_false(shoal_core_key(world_core(&world, 0), 1, &info));
		world_done(&world);
	}
}

static void
who_seals_nothing_tells_no_keys(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	add_accepting(&world, 2);
	add_accepting(&world, 2);
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	assert_int_equal(
	        shoal_core_key_order(world_core(&world, 0), SHOAL_KEY_INSTALL, &keys[1], 0),
	        SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(tell(&world, 0, 1), SHOAL_ERR_UNSUPPORTED);
	world_done(&world);
}

static void
who_cannot_be_told_is_named_and_who_is_silent_ends_too(void **state)
{
	const struct shoal_key odd = {.len = 20};
	struct core_world world;

	(void)state;
	form(&world, 2);
	size_t stranger = add(&world, 0);
	struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(shoal_core_key_order(core, SHOAL_KEY_INSTALL, NULL, 0), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_core_key_order(core, SHOAL_KEY_INSTALL, &odd, 0), SHOAL_ERR_INVALID);
	assert_int_equal(tell(&world, 0, 0), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(tell(&world, 0, stranger), SHOAL_ERR_NOT_FOUND);
	world.node[1].up = false;
	assert_int_not_equal(order(&world, SHOAL_KEY_LIST, NULL, 0), SHOAL_OK);
	world_done(&world);
}

static void
set_inbound(struct core_world *world, size_t node, bool inbound)
{
	struct shoal_id id = world_id(world, node);

	for (size_t i = 0; i < 2; i++) {
		struct shoal_core *core = world_core(world, i);
		shoal_members_set_inbound(
		        shoal_members_at(core, shoal_members_find(core, &id)), inbound);
	}
}

/* An order goes in a request. */
static void
a_member_that_cannot_be_dialled_is_told_nothing_and_may_tell_others(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 2);
	set_inbound(&world, 1, true);
	world_clear(&world);
	assert_int_equal(
	        shoal_core_key_order(world_core(&world, 0), SHOAL_KEY_LIST, NULL, 0), SHOAL_OK);
	assert_int_equal(tell(&world, 0, 1), SHOAL_ERR_UNREACHABLE);
	assert_null(world.sent);
	set_inbound(&world, 1, false);
	set_inbound(&world, 0, true);
	assert_int_equal(order(&world, SHOAL_KEY_LIST, NULL, 0), SHOAL_OK);
	assert_int_equal(order(&world, SHOAL_KEY_INSTALL, &keys[1], 0), SHOAL_OK);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_member_does_what_another_one_says_and_tells_what_it_holds),
	        cmocka_unit_test(a_key_is_in_no_packet_and_in_no_record),
	        cmocka_unit_test(
	                an_order_in_clear_counts_nothing_also_where_clear_packets_are_taken),
	        cmocka_unit_test(
	                a_member_that_cannot_be_dialled_is_told_nothing_and_may_tell_others),
	        cmocka_unit_test(who_seals_nothing_tells_no_keys),
	        cmocka_unit_test(who_cannot_be_told_is_named_and_who_is_silent_ends_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
