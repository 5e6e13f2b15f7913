/* SPDX-License-Identifier: MIT */
/* The names and phrases of events and causes. */
#include "unit.h"

#include <shoal/core.h>

static void
every_kind_of_event_has_its_name(void **state)
{
	static const struct {
		unsigned kind;
		const char *name;
	} names[] = {{SHOAL_EVENT_JOIN, "join"}, {SHOAL_EVENT_UPDATE, "update"},
	        {SHOAL_EVENT_SUSPECT, "suspect"}, {SHOAL_EVENT_ALIVE, "alive"},
	        {SHOAL_EVENT_FAILED, "failed"}, {SHOAL_EVENT_LEAVING, "leaving"},
	        {SHOAL_EVENT_LEFT, "left"}, {SHOAL_EVENT_REAP, "reap"},
	        {SHOAL_EVENT_CONFLICT, "conflict"}, {SHOAL_EVENT_OVERFLOW, "overflow"},
	        {SHOAL_EVENT_JOINED, "joined"}, {SHOAL_EVENT_ENDED, "ended"},
	        {SHOAL_EVENT_MEASURED, "measured"}, {SHOAL_EVENT_HEALTH, "health"},
	        {SHOAL_EVENT_MESSAGE, "message"}, {SHOAL_EVENT_SENT, "sent"},
	        {SHOAL_EVENT_WRITABLE, "writable"}, {SHOAL_EVENT_KEYS, "keys"},
	        {SHOAL_EVENT_APPLICANT, "applicant"}};
	unsigned all = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		assert_string_equal(
		        shoal_event_name((enum shoal_event_kind)names[i].kind), names[i].name);
		all |= names[i].kind;
	}
	assert_int_equal(all, SHOAL_EVENT_ALL | 0x1ff << 16);
	assert_string_equal(shoal_event_name((enum shoal_event_kind)0), "invalid");
	assert_string_equal(shoal_event_name(SHOAL_EVENT_ALL), "invalid");
	assert_string_equal(shoal_event_name((enum shoal_event_kind)(1 << 25)), "invalid");
}

static void
every_cause_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int kind = SHOAL_CAUSE_NONE; kind <= SHOAL_CAUSE_NOT_ALLOWED; kind++) {
		const char *name = shoal_cause_name((enum shoal_cause_kind)kind);
		assert_string_not_equal(name, "invalid");
		for (int other = SHOAL_CAUSE_NONE; other < kind; other++) {
			assert_string_not_equal(
			        name, shoal_cause_name((enum shoal_cause_kind)other));
		}
	}
	assert_string_equal(shoal_cause_name(SHOAL_CAUSE_EXPIRED), "expired");
	assert_string_equal(
	        shoal_cause_name((enum shoal_cause_kind)(SHOAL_CAUSE_NOT_ALLOWED + 1)), "invalid");
	assert_string_equal(shoal_cause_name((enum shoal_cause_kind) - 1), "invalid");
}

static struct shoal_cause
cause(enum shoal_cause_kind kind, uint64_t after_ns, const char *detail)
{
	struct shoal_cause made = {.kind = kind, .after_ns = after_ns};

	memcpy(made.detail, detail, strlen(detail) + 1);
	return made;
}

static void
assert_phrase(const struct shoal_cause *made, const char *phrase)
{
	char text[512];

	assert_ptr_equal(shoal_cause_print(made, text, sizeof text), text);
	assert_string_equal(text, phrase);
}

static void
a_cause_is_printed_as_a_phrase(void **state)
{
	struct shoal_cause made = cause(SHOAL_CAUSE_SUSPICION, SHOAL_MS(4100), "");

	(void)state;
	made.accusers = 2;
	memcpy(made.accuser_name[0], "web-2", 6);
	memcpy(made.accuser_name[1], "web-3", 6);
	assert_phrase(&made, "suspected by web-2, web-3 and not refuted for 4.1 s");
	memset(made.accuser_name[1], 0, sizeof made.accuser_name[1]);
	memset(made.accuser[1].bytes, 0xab, 16);
	assert_phrase(&made, "suspected by web-2, abababab-abab-abab-abab-abababababab and not "
	                     "refuted for 4.1 s");
	made = cause(SHOAL_CAUSE_GOSSIP, 0, "");
	assert_phrase(&made, "told by gossip");
	made.accusers = 1;
	memcpy(made.accuser_name[0], "web-2", 6);
	assert_phrase(&made, "told by gossip, accused by web-2");
	memcpy(made.accuser_name[0], "w", 2);
	assert_phrase(&made, "told by gossip, accused by w");
	made = cause(SHOAL_CAUSE_UNANSWERED, SHOAL_SEC(1), "asked 10.0.0.1:1 directly");
	assert_phrase(&made, "no answer to a probe after 1.0 s: asked 10.0.0.1:1 directly");
	made = cause(SHOAL_CAUSE_REFUTED, SHOAL_MS(12), "");
	assert_phrase(&made, "it contradicted after 12 ms");
	made = cause(SHOAL_CAUSE_REFUSED, SHOAL_MS(330), "4 of 4 members");
	made.accusers = 2;
	memcpy(made.accuser_name[0], "web-2", 6);
	memcpy(made.accuser_name[1], "web-3", 6);
	assert_phrase(&made, "its host refuses connections to web-2, web-3 after 330 ms: "
	                     "4 of 4 members");
	made = cause((enum shoal_cause_kind)77, 0, "");
	assert_phrase(&made, "invalid");
}

static void
a_phrase_is_cut_to_the_room_that_it_gets(void **state)
{
	struct shoal_cause made = cause(SHOAL_CAUSE_GOSSIP, 0, "");

	(void)state;
	for (size_t len = 1; len < 20; len++) {
		char text[20];
		memset(text, 'x', sizeof text);
		shoal_cause_print(&made, text, len);
		assert_int_equal(strlen(text), len - 1 < 14 ? len - 1 : 14);
		assert_memory_equal(text, "told by gossip", strlen(text));
		assert_int_equal(text[len], 'x');
	}
}

static void
each_diagnosis_has_a_name_of_its_own(void **state)
{
	(void)state;
	assert_string_equal(shoal_diagnosis_name(SHOAL_DIAGNOSIS_NONE), "none");
	assert_string_equal(shoal_diagnosis_name(SHOAL_DIAGNOSIS_PARTIAL), "partial");
	assert_string_equal(shoal_diagnosis_name(SHOAL_DIAGNOSIS_SHARED_ADDRESS), "shared address");
	assert_string_equal(shoal_diagnosis_name(SHOAL_DIAGNOSIS_INBOUND_ONLY), "inbound only");
	assert_string_equal(shoal_diagnosis_name((enum shoal_diagnosis)77), "invalid");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_diagnosis_has_a_name_of_its_own),
	        cmocka_unit_test(every_kind_of_event_has_its_name),
	        cmocka_unit_test(every_cause_has_a_name_of_its_own),
	        cmocka_unit_test(a_cause_is_printed_as_a_phrase),
	        cmocka_unit_test(a_phrase_is_cut_to_the_room_that_it_gets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
