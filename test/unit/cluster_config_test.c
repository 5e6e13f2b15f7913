/* SPDX-License-Identifier: MIT */
/* The config: defaults, fields by name, and that every refusal names its field, its value and what
 * is allowed. */
#include "unit.h"

#include "cluster/config/config.h"
#include "cluster/config/encoding.h"
#include "heap_fault.h"

#include <shoal/cluster.h>

static struct shoal_config
good(void)
{
	struct shoal_config config;

	shoal_config_init(&config);
	return config;
}

static void
refused(const struct shoal_config *config, const char *field, const char *part)
{
	assert_int_equal(shoal_config_check(config), SHOAL_ERR_INVALID);
	if (strncmp(shoal_last_error(), field, strlen(field)) != 0 ||
	        shoal_last_error()[strlen(field)] != ':' ||
	        strstr(shoal_last_error(), part) == NULL) {
		fail_msg("\"%s\" does not name %s and %s", shoal_last_error(), field, part);
	}
}

static void
the_defaults_are_good_and_are_those_of_the_lan_profile(void **state)
{
	struct shoal_config config = good();
	struct shoal_profile lan;

	(void)state;
	assert_int_equal(shoal_config_check(&config), 0);
	assert_int_equal(shoal_profile_init(&lan, SHOAL_PROFILE_LAN), 0);
	assert_memory_equal(&config.profile, &lan, sizeof(lan));
	assert_int_equal(config.size, sizeof(config));
	assert_string_equal(config.bind, "127.0.0.1:7946");
	assert_int_equal(config.connections_max, 256);
	assert_int_equal(config.idle_timeout_ms, 60000);
	assert_int_equal(config.events_max, 4096);
	assert_int_equal(config.log_level, SHOAL_LOG_INFO);
	assert_int_equal(config.run, SHOAL_RUN_THREADS);
}

/* What stands behind the profile is where it was when a field is appended. */
static void
a_profile_is_as_long_whatever_it_holds(void **state)
{
	struct shoal_config config = good();

	(void)state;
	assert_int_equal(sizeof(struct shoal_profile), 4 * SHOAL_PROFILE_ROOM);
	assert_int_equal(offsetof(struct shoal_config, connections_max) -
	                         offsetof(struct shoal_config, profile),
	        4 * SHOAL_PROFILE_ROOM);
	for (size_t i = 0; i < COUNT_OF(config.profile.spare); i++) {
		assert_int_equal(config.profile.spare[i], 0);
	}
	/* A field of a later release, set by a program that knows it. */
	config.profile.spare[0] = 7;
	assert_int_equal(shoal_config_check(&config), SHOAL_ERR_INVALID);
	assert_string_equal(shoal_last_error(), "spare is 7, allowed is 0");
}

static void
a_codec_is_one_of_the_library_by_name_or_ones_own(void **state)
{
	static const char *const names[] = {"binary", "msgpack", "json"};
	struct shoal_codec_ops own = *shoal_codec_msgpack();
	struct shoal_compressor_ops compressor = {.name = "own"};
	struct shoal_config config = good();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(shoal_config_set(&config, "codec", names[i]), 0);
		assert_int_equal(shoal_config_check(&config), 0);
		assert_string_equal(shoal_encoding_codec(&config)->name, names[i]);
	}
	config.codec = "morse";
	refused(&config, "codec", "\"morse\"; allowed are binary, msgpack and json");
	config.codec = "";
	refused(&config, "codec", "allowed are binary, msgpack and json");
	config.codec = NULL;
	assert_string_equal(shoal_encoding_codec(&config)->name, "binary");
	own.name = "own";
	own.id = 127;
	config.codec_ops = &own;
	refused(&config, "codec_ops", "number 127; allowed are 128 to 255");
	own.id = 128;
	assert_int_equal(shoal_config_check(&config), 0);
	assert_ptr_equal(shoal_encoding_codec(&config), &own);
	config.codec = "msgpack";
	refused(&config, "codec", "allowed is \"own\"");
	config.codec = "own";
	assert_int_equal(shoal_config_check(&config), 0);
	config.profile.datagram_max = 1199;
	refused(&config, "datagram_max", "1199; allowed with the codec own are at least 1200");
	config.profile.datagram_max = 1400;
	own.name = NULL;
	refused(&config, "codec_ops", "no name");
	own.abi = 7;
	refused(&config, "codec_ops", "abi 7");
	config = good();
	compressor.abi = 7;
	config.compressor = &compressor;
	refused(&config, "compressor", "abi 7");
	compressor.abi = SHOAL_COMPRESSOR_ABI;
	compressor.bound = NULL;
	refused(&config, "compressor", "it needs bound");
	config.compressor = NULL;
	config.codec_ops = shoal_codec_json();
	assert_int_equal(shoal_config_check(&config), 0);
}

static void
name_servers_and_the_family_of_addresses_are_checked(void **state)
{
	static const char *const servers[] = {"10.0.0.2", "10.0.0.2:8600, 10.0.0.3",
	        "[2001:db8::1]:53,2001:db8::2,1.2.3.4,[2001:db8::3]"};
	static const char *const bad[] = {"", "ns.example.com", "10.0.0.2:0", "10.0.0.2,",
	        "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5", "0.0.0.0", "[fe80::1%1]:53"};
	static const char *const family[] = {"any", "ipv4-first", "ipv6-first", "ipv4", "ipv6"};
	struct shoal_config config = good();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		assert_int_equal(shoal_config_set(&config, "dns", servers[i]), 0);
		assert_int_equal(shoal_config_check(&config), 0);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		config.dns = bad[i];
		refused(&config, "dns", "allowed are name servers as ip or ip:port, 4 at most");
	}
	config = good();
	for (size_t i = 0; i < COUNT_OF(family); i++) {
		assert_int_equal(shoal_config_set(&config, "family", family[i]), 0);
		assert_int_equal(shoal_config_check(&config), 0);
	}
	config.family = "v4";
	refused(&config, "family",
	        "\"v4\"; allowed are any, ipv4-first, ipv6-first, ipv4 and ipv6");
}

static void
a_profile_is_taken_by_its_kind_and_no_other_is(void **state)
{
	struct shoal_config config = good();
	struct shoal_profile wan;

	(void)state;
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_WAN), 0);
	assert_int_equal(shoal_profile_init(&wan, SHOAL_PROFILE_WAN), 0);
	assert_memory_equal(&config.profile, &wan, sizeof(wan));
	assert_int_equal(
	        shoal_config_profile(&config, (enum shoal_profile_kind)9), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "profile: 9"));
	assert_memory_equal(&config.profile, &wan, sizeof(wan));
}

static void
every_field_can_be_set_by_its_name(void **state)
{
	struct shoal_config config = good();

	(void)state;
	assert_int_equal(shoal_config_set(&config, "id", "017f22e279b07cc398c4dc0c0c07398f"), 0);
	assert_int_equal(shoal_config_set(&config, "name", "web-1"), 0);
	assert_int_equal(shoal_config_set(&config, "label", "blue"), 0);
	assert_int_equal(shoal_config_set(&config, "profile", "wan"), 0);
	assert_int_equal(shoal_config_set(&config, "bind", "0.0.0.0:1,[::]:1"), 0);
	assert_int_equal(shoal_config_set(&config, "advertise", "10.0.0.1"), 0);
	assert_int_equal(shoal_config_set(&config, "app_version", "4294967295"), 0);
	assert_int_equal(shoal_config_set(&config, "connections_max", "5"), 0);
	assert_int_equal(shoal_config_set(&config, "idle_timeout_ms", "1000"), 0);
	assert_int_equal(shoal_config_set(&config, "events_max", "7"), 0);
	assert_int_equal(shoal_config_set(&config, "record", "/tmp/record"), 0);
	assert_int_equal(shoal_config_set(&config, "record_bytes", "65536"), 0);
	assert_int_equal(shoal_config_set(&config, "record_redact", "1"), 0);
	assert_int_equal(shoal_config_set(&config, "history_max", "0"), 0);
	assert_int_equal(shoal_config_set(&config, "coalesce_ms", "500"), 0);
	assert_int_equal(shoal_config_set(&config, "run", "dispatch"), 0);
	assert_int_equal(shoal_config_set(&config, "log_level", "debug"), 0);
	assert_int_equal(shoal_config_set(&config, "seed", "18446744073709551615"), 0);
	assert_int_equal(shoal_config_set(&config, "probe_interval_ms", "6000"), 0);
	assert_string_equal(config.name, "web-1");
	assert_string_equal(config.label, "blue");
	assert_string_equal(config.bind, "0.0.0.0:1,[::]:1");
	assert_string_equal(config.advertise, "10.0.0.1");
	assert_int_equal(config.app_version, UINT32_MAX);
	assert_int_equal(config.connections_max, 5);
	assert_int_equal(config.idle_timeout_ms, 1000);
	assert_int_equal(config.events_max, 7);
	assert_string_equal(config.record, "/tmp/record");
	assert_int_equal(config.record_bytes, 65536);
	assert_int_equal(config.record_redact, 1);
	assert_int_equal(config.history_max, 0);
	assert_int_equal(config.coalesce_ms, 500);
	assert_int_equal(config.run, SHOAL_RUN_DISPATCH);
	assert_int_equal(config.log_level, SHOAL_LOG_DEBUG);
	assert_true(config.seed == UINT64_MAX);
	assert_int_equal(config.profile.probe_interval_ms, 6000);
	assert_int_equal(config.profile.probe_timeout_ms, 3000);
	assert_int_equal(shoal_config_check(&config), 0);
	assert_int_equal(shoal_config_set(&config, "run", "threads"), 0);
	assert_int_equal(config.run, SHOAL_RUN_THREADS);
}

static void
every_number_of_the_profile_can_be_set_by_its_name(void **state)
{
	struct shoal_config config = good();

	(void)state;
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	assert_int_equal(shoal_config_set(&config, #field, #max), 0);                              \
	assert_int_equal(config.profile.field, max);                                               \
	assert_int_equal(shoal_config_set(&config, #field, "-1"), SHOAL_ERR_INVALID);              \
	assert_non_null(strstr(shoal_last_error(), #field ": \"-1\"; allowed are "));              \
	assert_non_null(strstr(shoal_last_error(), #max));                                         \
	assert_int_equal(config.profile.field, max);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
}

static void
what_is_no_value_of_a_field_leaves_the_config_as_it_was(void **state)
{
	static const char *const bad[][3] = {
	        {"profile", "moon", "lan, wan and local"},
	        {"run", "base", "threads and dispatch"},
	        {"log_level", "loud", "error, warn, info and debug"},
	        {"seed", "-1", "0 to 18446744073709551615"},
	        {"seed", "", "0 to"},
	        {"app_version", "4294967296", "0 to 4294967295"},
	        {"connections_max", "3", "4 to 65536"},
	        {"connections_max", "many", "4 to 65536"},
	        {"idle_timeout_ms", "99", "100 to 86400000"},
	        {"events_max", "0", "1 to 1000000"},
	        {"events_max", "1000001", "1 to 1000000"},
	        {"coalesce_ms", "60001", "0 to 60000"},
	        {"record_redact", "2", "0 to 1"},
	};
	struct shoal_config config = good(), before = config;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(
		        shoal_config_set(&config, bad[i][0], bad[i][1]), SHOAL_ERR_INVALID);
		assert_non_null(strstr(shoal_last_error(), bad[i][0]));
		assert_non_null(strstr(shoal_last_error(), bad[i][1]));
		assert_non_null(strstr(shoal_last_error(), bad[i][2]));
		assert_memory_equal(&config, &before, sizeof(config));
	}
	assert_int_equal(shoal_config_set(&config, "colour", "red"), SHOAL_ERR_NOT_FOUND);
	assert_non_null(strstr(shoal_last_error(), "colour"));
	assert_int_equal(shoal_config_set(&config, "base", "1"), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_config_set(&config, NULL, "1"), SHOAL_ERR_INVALID);
	assert_memory_equal(&config, &before, sizeof(config));
}

static void
identity_is_checked(void **state)
{
	char text[SHOAL_NAME_MAX + 2];
	struct shoal_config config = good();

	(void)state;
	config.id = "not-an-id";
	refused(&config, "id", "not-an-id");
	config.id = "00000000-0000-0000-0000-000000000000";
	refused(&config, "id", "all zero");
	config.id = NULL;

	memset(text, 'x', sizeof(text));
	text[SHOAL_NAME_MAX + 1] = '\0';
	config.name = text;
	refused(&config, "name", "at most 128");
	text[SHOAL_NAME_MAX] = '\0';
	assert_int_equal(shoal_config_check(&config), 0);
	config.name = "web\n1";
	refused(&config, "name", "control characters");
	config.name = "web\xc2\x9b"
	              "1";
	refused(&config, "name", "control characters");
	config.name = "\xff";
	refused(&config, "name", "UTF-8");
	config.name = "";
	assert_int_equal(shoal_config_check(&config), 0);

	text[SHOAL_LABEL_MAX + 1] = '\0';
	config.label = text;
	refused(&config, "label", "at most 64");
	config.label = "\xc3";
	refused(&config, "label", "UTF-8");
}

static void
addresses_are_checked(void **state)
{
	struct shoal_config config = good();

	(void)state;
	config.bind = NULL;
	refused(&config, "bind", "NULL");
	config.bind = "10.0.0.1";
	refused(&config, "bind", "\"10.0.0.1\"");
	config.bind = "web.example.org:7946";
	refused(&config, "bind", "web.example.org:7946");
	config.bind = "127.0.0.1:1,";
	refused(&config, "bind", "\"\"");
	config.bind = "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4,127.0.0.1:5";
	refused(&config, "bind", "more than 4");
	config.bind = "127.0.0.1:7, [::1]:7, 127.0.0.1:7";
	refused(&config, "bind", "\"127.0.0.1:7\" stands there twice");
	config.bind = "127.0.0.1:0, [::1]:0";
	assert_int_equal(shoal_config_check(&config), 0);

	config.advertise = "";
	refused(&config, "advertise", "\"\"");
	config.advertise = "0.0.0.0:7";
	refused(&config, "advertise", "wildcard");
	config.advertise = "[::]";
	refused(&config, "advertise", "wildcard");
	config.advertise = "10.0.0.1,[2001:db8::1]:7";
	assert_int_equal(shoal_config_check(&config), 0);
}

static void
numbers_are_checked(void **state)
{
	struct shoal_config config = good();

	(void)state;
	config.connections_max = 3;
	refused(&config, "connections_max", "4 to 65536");
	config.connections_max = 4;
	config.idle_timeout_ms = 99;
	refused(&config, "idle_timeout_ms", "99");
	config.idle_timeout_ms = 100;
	config.record_bytes = 65535;
	refused(&config, "record_bytes", "0 and 65536 to");
	config.record_bytes = 65536;
	config.record = "";
	refused(&config, "record", "the name of a file");
	config.record = NULL;
	config.events_max = 0;
	refused(&config, "events_max", "1 to 1000000");
	config.events_max = 1;
	config.log_level = (enum shoal_log_level)0;
	refused(&config, "log_level", "0");
	config.log_level = (enum shoal_log_level)5;
	refused(&config, "log_level", "5");
	config.log_level = SHOAL_LOG_ERROR;
	assert_int_equal(shoal_config_check(&config), 0);
	config.profile.relays = 17;
	assert_int_equal(shoal_config_check(&config), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "relays"));
	assert_non_null(strstr(shoal_last_error(), "17"));
	config.profile.relays = 3;
	config.profile.probe_timeout_ms = config.profile.probe_interval_ms;
	assert_int_equal(shoal_config_check(&config), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "probe_timeout_ms"));
}

static void
the_way_to_run_goes_with_a_base_or_without(void **state)
{
	struct shoal_config config = good();

	(void)state;
	config.run = SHOAL_RUN_BASE;
	refused(&config, "base", "NULL");
	config.base = (struct event_base *)&config;
	assert_int_equal(shoal_config_check(&config), 0);
	config.run = SHOAL_RUN_THREADS;
	refused(&config, "base", "SHOAL_RUN_BASE");
	config.run = (enum shoal_run)3;
	refused(&config, "run", "3");
}

static void
an_allocator_needs_all_of_its_functions(void **state)
{
	struct shoal_config config = good();
	struct heap_fault fault;

	(void)state;
	heap_fault_init(&fault);
	config.allocator = &fault.mem;
	assert_int_equal(shoal_config_check(&config), 0);
	fault.mem.realloc = NULL;
	refused(&config, "allocator", "realloc");
}

static void
transports_must_be_complete_and_cover_streams(void **state)
{
	struct shoal_memory_net *net;
	struct shoal_transport memory, broken[5];
	struct shoal_transport_ops ops;
	struct shoal_config config = good();

	(void)state;
	assert_int_equal(shoal_memory_net_new(&net, NULL), 0);
	assert_int_equal(shoal_transport_memory(&memory, net), 0);
	config.transports = &memory;
	refused(&config, "transport_count", "0");
	config.transport_count = 1;
	assert_int_equal(shoal_config_check(&config), 0);

	ops = *memory.ops;
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		broken[i] = (struct shoal_transport){.ops = &ops};
	}
	config.transports = broken;
	config.transport_count = 5;
	refused(&config, "transport_count", "5");
	config.transport_count = 2;
	refused(&config, "transports[1]", "memory");
	config.transport_count = 1;
	ops.abi = 1;
	refused(&config, "transports[0]", "abi 1");
	ops.abi = SHOAL_TRANSPORT_ABI;
	ops.drop = NULL;
	refused(&config, "transports[0]", "NULL");
	ops.caps &= ~(uint32_t)SHOAL_TRANSPORT_WATCH;
	ops.request = NULL;
	refused(&config, "transports[0]", "NULL");
	ops.caps = SHOAL_TRANSPORT_DATAGRAM;
	refused(&config, "transports", "no streams");
	ops = *memory.ops;
	ops.caps = SHOAL_TRANSPORT_STREAM;
	assert_int_equal(shoal_config_check(&config), 0); /* datagrams go by streams */
	broken[0].ops = NULL;
	refused(&config, "transports[0]", "no functions");
	config.transports = NULL;
	refused(&config, "transport_count", "1");

	memory.ops->free(memory.self);
	shoal_memory_net_free(net);
}

static void
a_struct_of_another_size_is_read_as_far_as_it_goes(void **state)
{
	struct {
		struct shoal_config config;
		unsigned char later[16];
	} newer;
	struct shoal_config config = good();

	(void)state;
	config.size = 0;
	refused(&config, "size", "shoal_config_init");
	assert_int_equal(shoal_config_check(NULL), SHOAL_ERR_INVALID);
	config = good();
	config.size = offsetof(struct shoal_config, seed);
	config.events_max = 0;
	refused(&config, "events_max", "0");

	shoal_config_init_sized(&newer.config, sizeof(newer));
	assert_int_equal(newer.config.size, sizeof(newer));
	assert_int_equal(shoal_config_check(&newer.config), 0);
	newer.later[7] = 1;
	refused(&newer.config, "size", "does not know");
}

static int
copy(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_config config = good();
	struct shoal_settings settings;
	char name[] = "web-1", bind[] = "127.0.0.1:7,[::1]:8";
	int rc;

	(void)arg;
	config.allocator = mem;
	config.name = name;
	config.bind = bind;
	config.advertise = "10.0.0.1";
	config.label = "blue";
	rc = shoal_settings_init(&settings, &config);
	if (rc != 0) {
		return rc;
	}
	name[0] = bind[0] = 'x';
	assert_string_equal(settings.config.name, "web-1");
	assert_string_equal(settings.config.bind, "127.0.0.1:7,[::1]:8");
	assert_int_equal(settings.binds, 2);
	assert_int_equal(settings.bind[1].port, 8);
	assert_int_equal(settings.advertises, 1);
	assert_int_equal(settings.advertise[0].port, 0);
	shoal_settings_done(&settings);
	return 0;
}

static void
a_cluster_keeps_a_copy_and_survives_any_failed_allocation(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep(copy, NULL) >= 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_defaults_are_good_and_are_those_of_the_lan_profile),
	        cmocka_unit_test(a_profile_is_as_long_whatever_it_holds),
	        cmocka_unit_test(a_codec_is_one_of_the_library_by_name_or_ones_own),
	        cmocka_unit_test(name_servers_and_the_family_of_addresses_are_checked),
	        cmocka_unit_test(a_profile_is_taken_by_its_kind_and_no_other_is),
	        cmocka_unit_test(every_field_can_be_set_by_its_name),
	        cmocka_unit_test(every_number_of_the_profile_can_be_set_by_its_name),
	        cmocka_unit_test(what_is_no_value_of_a_field_leaves_the_config_as_it_was),
	        cmocka_unit_test(identity_is_checked),
	        cmocka_unit_test(addresses_are_checked),
	        cmocka_unit_test(numbers_are_checked),
	        cmocka_unit_test(the_way_to_run_goes_with_a_base_or_without),
	        cmocka_unit_test(an_allocator_needs_all_of_its_functions),
	        cmocka_unit_test(transports_must_be_complete_and_cover_streams),
	        cmocka_unit_test(a_struct_of_another_size_is_read_as_far_as_it_goes),
	        cmocka_unit_test(a_cluster_keeps_a_copy_and_survives_any_failed_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
