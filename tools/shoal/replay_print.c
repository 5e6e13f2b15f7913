/* SPDX-License-Identifier: MIT */
/* Output of `shoal replay`: a line an event, then the members as the core held them at the end,
 * then whether the run was the same. As JSON: one object a line, the last with "replay". */
#include "document.h"
#include "replay.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NS_PER_S  1e9
#define NS_PER_MS 1e6
#define WORD_MAX  512

static double
seconds_of(const struct cli_replay_run *run, uint64_t mono_ns)
{
	return (double)(int64_t)(mono_ns - run->begun_ns) / NS_PER_S;
}

static void
print_json(json_t *document)
{
	json_dumpf(document, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(document);
}

bool
cli_replay_names(const char *word, const struct shoal_id *id, const char *name)
{
	char text[SHOAL_ID_TEXT];

	shoal_id_print(id, text);
	return strcmp(word, name) == 0 ||
	       (word[0] != '\0' && strncasecmp(word, text, strlen(word)) == 0);
}

/* Writes an address; url: what it stands for, NULL where that is not known. Returns text. */
static const char *
place(const struct shoal_addr *addr, const char *url, char *text, size_t len)
{
	if (!shoal_addr_is_web(addr)) {
		return shoal_addr_print(addr, text, len);
	}
	snprintf(text, len, "%s", url == NULL || url[0] == '\0' ? "a URL" : url);
	return text;
}

void
cli_replay_print_begin(
        struct cli_replay_run *run, const struct shoal_replay_entry *entry, const char *path)
{
	const struct shoal_core_config *config = &entry->config;
	char time[CLI_TIME_TEXT], address[SHOAL_URL_TEXT], name[WORD_MAX];

	run->begun = true;
	run->begun_ns = entry->mono_ns;
	run->wall_ns = entry->wall_ns;
	run->listing = entry->part != 0;
	if (run->form == CLI_JSON) {
		return;
	}
	cli_text_printable(config->name, name, sizeof(name));
	place(&config->addr[0], config->url, address, sizeof(address));
	printf("%s: %s%sat %s, recorded from %s on by shoal %s%s\n", path, name,
	        name[0] == '\0' ? "" : " ", address, cli_text_time(entry->wall_ns, time),
	        entry->version, entry->redacted ? ", redacted" : "");
	if (run->listing) {
		printf("The beginning is not there any more (this is part %" PRIu64
		       "): nothing can be run again, the inputs are listed.\n",
		        entry->part);
	}
}

void
cli_replay_print_input(const struct cli_replay_run *run, const struct shoal_replay_entry *entry)
{
	const struct shoal_input *input = &entry->input;
	char from[SHOAL_ADDR_TEXT] = "-", time[CLI_TIME_TEXT];

	if (input->from.port != 0) {
		place(&input->from, NULL, from, sizeof(from));
	}
	if (run->form == CLI_JSON) {
		print_json(json_pack("{s:s, s:s, s:s, s:I, s:s}", "time",
		        cli_text_time(input->wall_ns, time), "input", shoal_input_name(input->kind),
		        "from", from, "bytes", (json_int_t)input->len, "result",
		        input->code == 0 ? "ok" : shoal_error_name(input->code)));
		return;
	}
	printf("%11.6fs   %s %s %zu bytes%s%s\n", seconds_of(run, input->mono_ns),
	        shoal_input_name(input->kind), from, input->len, input->code == 0 ? "" : ", ",
	        input->code == 0 ? "" : shoal_error_name(input->code));
}

/* What no other member sees: the ends of commands, and the health score. */
static void
print_own(const struct shoal_event *event)
{
	char reason[WORD_MAX], address[SHOAL_ADDR_TEXT];

	if (event->kind == SHOAL_EVENT_HEALTH) {
		printf("health score %d\n", event->code);
		return;
	}
	printf("%s", shoal_event_name(event->kind));
	if (event->kind == SHOAL_EVENT_JOINED) {
		printf(" through %s", place(&event->addr, NULL, address, sizeof(address)));
	}
	cli_text_printable(event->cause.detail, reason, sizeof(reason));
	printf(": %s%s%s\n", event->code == 0 ? "ok" : shoal_strerror(event->code),
	        reason[0] == '\0' ? "" : ", ", reason);
}

/* Where the member of an event is, by what the core knows of it when it tells that. */
static const char *
place_of(const struct shoal_core *core, const struct shoal_event *event, char *text, size_t len)
{
	struct shoal_core_member member;
	const char *url = NULL;

	if (shoal_core_member(core, event->slot, &member) &&
	        memcmp(&member.id, &event->id, sizeof(member.id)) == 0) {
		for (size_t i = 0; i < member.addrs; i++) {
			url = shoal_addr_equal(&member.addr[i], &event->addr) ? member.url : url;
		}
	}
	return place(&event->addr, url, text, len);
}

static void
print_line(const struct cli_replay_run *run, const struct shoal_core *core,
        const struct shoal_event *event)
{
	char cause[WORD_MAX], printable[WORD_MAX], address[SHOAL_URL_TEXT];
	const char *kind = shoal_event_name(event->kind);
	bool colours = cli_colours();

	printf("%11.6fs ", seconds_of(run, event->mono_ns));
	if (event->kind > SHOAL_EVENT_ALL) {
		print_own(event);
		return;
	}
	if (event->name[0] != '\0') {
		cli_text_printable(event->name, printable, sizeof(printable));
		printf("%s %s ", printable, place_of(core, event, address, sizeof(address)));
	}
	printf("%s%s%s", cli_colour_on(cli_colour_of(kind), colours), kind,
	        cli_colour_off(cli_colour_of(kind), colours));
	if (event->was != event->state) {
		printf(" (%s to %s)", shoal_state_name(event->was), shoal_state_name(event->state));
	}
	if (event->cause.kind != SHOAL_CAUSE_NONE) {
		shoal_cause_print(&event->cause, cause, sizeof(cause));
		cli_text_printable(cause, printable, sizeof(printable));
		printf(": %s", printable);
	}
	if (event->rtt_ns > 0) {
		printf("; round trip %.2f ms", (double)event->rtt_ns / NS_PER_MS);
	}
	if (event->lag_ns > 0) {
		printf("; loop was %.1f ms late", (double)event->lag_ns / NS_PER_MS);
	}
	putchar('\n');
}

void
cli_replay_print_event(const struct cli_replay_run *run, const struct shoal_core *core,
        const struct shoal_event *event)
{
	char address[SHOAL_URL_TEXT];
	json_t *document;

	if (run->form != CLI_JSON) {
		print_line(run, core, event);
		return;
	}
	document = cli_document_transition(event, NULL);
	json_object_set_new(
	        document, "address", json_string(place_of(core, event, address, sizeof(address))));
	json_object_set_new(document, "at_s", json_real(seconds_of(run, event->mono_ns)));
	if (event->kind > SHOAL_EVENT_ALL) {
		json_object_set_new(document, "code", json_integer(event->code));
	}
	print_json(document);
}

static void
add_member(const struct cli_replay_run *run, struct cli_table *table,
        const struct shoal_core_member *member)
{
	char text[SHOAL_URL_TEXT], id[SHOAL_ID_TEXT];

	cli_table_add(table, member->name, CLI_PLAIN);
	cli_table_add_state(table, shoal_state_name(member->state),
	        member->diagnosis == SHOAL_DIAGNOSIS_NONE
	                ? ""
	                : shoal_diagnosis_name(member->diagnosis));
	cli_table_add(table, place(&member->addr[0], member->url, text, sizeof(text)), CLI_PLAIN);
	snprintf(text, sizeof(text), "%.3fs", (double)(run->now_ns - member->since_ns) / NS_PER_S);
	cli_table_add(table, member->since_ns == 0 ? "-" : text, CLI_PLAIN);
	snprintf(text, sizeof(text), "%.2fms", (double)member->rtt_ns / NS_PER_MS);
	cli_table_add(table, member->rtt_ns == 0 ? "-" : text, CLI_PLAIN);
	snprintf(text, sizeof(text), "%" PRIu64, member->incarnation);
	cli_table_add(table, text, CLI_GREY);
	shoal_id_print(&member->id, id);
	cli_table_add(table, id, CLI_GREY);
}

static void
print_members(const struct cli_replay_run *run, const struct shoal_core *core)
{
	static const char *const headers[] = {
	        "NAME", "STATE", "ADDRESS", "AGE", "RTT", "INCARNATION", "ID"};
	struct cli_table *table = cli_table_new(headers, sizeof(headers) / sizeof(headers[0]));
	struct shoal_core_member member;
	uint32_t slot;

	for (slot = 0; slot < shoal_core_slots(core); slot++) {
		if (shoal_core_member(core, slot, &member) &&
		        (run->member == NULL ||
		                cli_replay_names(run->member, &member.id, member.name))) {
			add_member(run, table, &member);
		}
	}
	cli_table_print(table, cli_colours(), NULL);
	cli_table_free(table);
}

static json_t *
members_of(const struct shoal_core *core)
{
	json_t *list = json_array();
	struct shoal_core_member member;
	char id[SHOAL_ID_TEXT], address[SHOAL_URL_TEXT], incarnation[24];
	uint32_t slot;

	for (slot = 0; core != NULL && slot < shoal_core_slots(core); slot++) {
		if (!shoal_core_member(core, slot, &member)) {
			continue;
		}
		shoal_id_print(&member.id, id);
		snprintf(incarnation, sizeof(incarnation), "%" PRIu64, member.incarnation);
		json_array_append_new(
		        list, json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s}", "id", id, "name",
		                      member.name, "address",
		                      place(&member.addr[0], member.url, address, sizeof(address)),
		                      "state", shoal_state_name(member.state), "diagnosis",
		                      member.diagnosis == SHOAL_DIAGNOSIS_NONE
		                              ? NULL
		                              : shoal_diagnosis_name(member.diagnosis),
		                      "incarnation", incarnation));
	}
	return list;
}

static void
print_verdict(const struct cli_replay_run *run, int status, uint64_t offset)
{
	printf("%" PRIu64 " inputs in %.3f s, %" PRIu64 " events", run->read,
	        seconds_of(run, run->now_ns), run->events);
	if (run->differs) {
		printf("; the checkpoint after %" PRIu64 " inputs differs: recorded %016" PRIx64
		       ", here %016" PRIx64 "\n",
		        run->differs_at, run->was, run->is);
	} else if (run->listing) {
		puts("; listed only");
	} else if (run->checkpoints == 0) {
		puts(", no checkpoint to compare with");
	} else {
		printf(", %" PRIu64 " checkpoint%s, all the same\n", run->checkpoints,
		        run->checkpoints == 1 ? "" : "s");
	}
	if (run->stopped) {
		puts("Stopped there, as --until says.");
	} else if (status == SHOAL_ERR_CLOSED) {
		puts("The record has no end: the process was killed, or still records.");
	} else if (status == SHOAL_ERR_AGAIN) {
		printf("The record is torn: read up to byte %" PRIu64
		       ", behind which is a part of an entry.\n",
		        offset);
	}
}

void
cli_replay_print_end(const struct cli_replay_run *run, const struct shoal_core *core, int status,
        uint64_t offset)
{
	if (run->form != CLI_JSON) {
		if (core != NULL) {
			putchar('\n');
			print_members(run, core);
			putchar('\n');
		}
		print_verdict(run, status, offset);
		return;
	}
	print_json(json_pack("{s:{s:I, s:I, s:I, s:o, s:b, s:b, s:I, s:f}, s:o}", "replay",
	        "inputs", (json_int_t)run->read, "events", (json_int_t)run->events, "checkpoints",
	        (json_int_t)run->checkpoints, "same",
	        run->checkpoints == 0 && !run->differs ? json_null() : json_boolean(!run->differs),
	        "whole", status == 0 && !run->stopped, "stopped", run->stopped, "offset",
	        (json_int_t)offset, "seconds", seconds_of(run, run->now_ns), "members",
	        members_of(core)));
}
