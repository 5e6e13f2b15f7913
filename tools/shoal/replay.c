/* SPDX-License-Identifier: MIT */
/* `shoal replay`: runs the core of a recorded agent again, on this machine and without a network,
 * tells every event with its cause, and compares the checkpoints: the same hashes mean the same
 * run, bit for bit. */
#include "replay.h"

#include "replay_file.h"
#include "text.h"

#include <ctype.h>
#include <shoal/shoal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

/* Where to stop: at the first such event, or before the first input behind a time. */
struct until {
	bool at_event, at_time, of_day;
	enum shoal_event_kind kind;
	const char *who; /* NULL: anybody */
	uint64_t ns;     /* since the beginning, or since 1970 */
};

/* Digits behind a point, as nanoseconds. -1: something else is there. */
static int
parse_fraction(const char **text, uint64_t *ns)
{
	uint64_t unit = NS_PER_S / 10;

	if (**text != '.') {
		return 0;
	}
	for (++*text; isdigit((unsigned char)**text); ++*text) {
		*ns += (uint64_t)(**text - '0') * unit;
		unit /= 10;
	}
	return (*text)[-1] == '.' ? -1 : 0;
}

/* "12.5", "12.5s", or a duration as elsewhere. */
static int
parse_seconds(const char *text, uint64_t *ns)
{
	size_t digits = strspn(text, "0123456789");
	const char *rest = text + digits;
	uint64_t ms;

	if (cli_text_parse_duration(text, &ms) == 0) {
		*ns = ms * NS_PER_MS;
		return 0;
	}
	if (digits == 0 || digits > 9) {
		return -1;
	}
	*ns = strtoull(text, NULL, 10) * NS_PER_S;
	if (parse_fraction(&rest, ns) < 0) {
		return -1;
	}
	return rest[0] == '\0' || strcmp(rest, "s") == 0 ? 0 : -1;
}

/* RFC 3339 in UTC: 2026-11-20T18:00:00Z, with or without a fraction. */
static int
parse_time_of_day(const char *text, uint64_t *ns)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (rest == NULL) {
		return -1;
	}
	*ns = (uint64_t)timegm(&tm) * NS_PER_S;
	return parse_fraction(&rest, ns) == 0 && strcmp(rest, "Z") == 0 ? 0 : -1;
}

static int
parse_event(const char *text, struct until *until)
{
	size_t len = strcspn(text, ":");
	unsigned bit;

	for (bit = 1; bit != 0 && bit <= SHOAL_EVENT_HEALTH; bit <<= 1) {
		const char *name = shoal_event_name((enum shoal_event_kind)bit);

		if (strlen(name) == len && strncmp(name, text, len) == 0) {
			until->at_event = true;
			until->kind = (enum shoal_event_kind)bit;
			until->who = text[len] == ':' ? text + len + 1 : NULL;
			return 0;
		}
	}
	return -1;
}

static int
parse_until(const struct cli_options *options, struct until *until)
{
	const char *text = cli_option(options, "until");

	memset(until, 0, sizeof(*until));
	if (text == NULL || parse_event(text, until) == 0) {
		return -1;
	}
	until->at_time = true;
	until->of_day = strchr(text, 'T') != NULL;
	if ((until->of_day ? parse_time_of_day : parse_seconds)(text, &until->ns) < 0) {
		return cli_usage(options->command,
		        "--until %s: say an event (failed, failed:NAME), seconds (12.5) or a time "
		        "(2026-11-20T18:00:00Z)",
		        text);
	}
	return -1;
}

static bool
is_past(const struct until *until, const struct cli_replay_run *run,
        const struct shoal_replay_entry *entry)
{
	return until->at_time && entry->kind == SHOAL_REPLAY_INPUT &&
	       (until->of_day ? entry->wall_ns > until->ns
	                      : entry->mono_ns - run->begun_ns > until->ns);
}

/* false: stop here. */
static bool
take_events(struct cli_replay_run *run, struct shoal_core *core, const struct until *until)
{
	struct shoal_log_record record;
	struct shoal_event event;

	while (core != NULL && shoal_core_next_event(core, &event)) {
		bool named =
		        run->member == NULL || cli_replay_names(run->member, &event.id, event.name);

		if (event.kind != SHOAL_EVENT_MEASURED) {
			run->events++;
			if (named) {
				cli_replay_print_event(run, core, &event);
			}
		}
		run->stopped =
		        until->at_event && event.kind == until->kind &&
		        (until->who == NULL || cli_replay_names(until->who, &event.id, event.name));
		if (run->stopped) {
			return false;
		}
	}
	while (core != NULL && shoal_core_next_log(core, &record)) {
		continue;
	}
	return true;
}

static void
compare(struct cli_replay_run *run, const struct shoal_replay_entry *entry)
{
	if (entry->hash == entry->is_hash) {
		run->checkpoints++;
	} else {
		run->differs = true;
		run->differs_at = entry->inputs;
		run->was = entry->hash;
		run->is = entry->is_hash;
	}
}

/* One entry that was carried out. false: stop. */
static bool
take_entry(struct cli_replay_run *run, struct shoal_core *core,
        const struct shoal_replay_entry *entry, const struct until *until)
{
	run->now_ns = entry->mono_ns;
	if (entry->kind == SHOAL_REPLAY_INPUT) {
		run->read++;
		if (run->inputs || run->listing) {
			cli_replay_print_input(run, entry);
		}
	} else if (entry->kind != SHOAL_REPLAY_BEGIN && core != NULL) {
		compare(run, entry);
	}
	return take_events(run, core, until) && !run->differs;
}

/* Reads ahead by one entry with a second reader, so as to stop before the input that is too late.
 */
static void
play(struct cli_replay_run *run, struct shoal_replay *replay, struct shoal_replay *ahead,
        const struct until *until, const char *path)
{
	struct shoal_replay_entry entry, next;

	while (shoal_replay_next(ahead, &next)) {
		if (is_past(until, run, &next)) {
			run->stopped = true;
			return;
		}
		if (!shoal_replay_step(replay, &entry)) {
			return;
		}
		if (entry.kind == SHOAL_REPLAY_BEGIN && !run->begun) {
			cli_replay_print_begin(run, &entry, path);
		}
		if (!take_entry(run, shoal_replay_core(replay), &entry, until)) {
			return;
		}
	}
	(void)shoal_replay_step(replay, &entry); /* finds out why there is no more */
}

static int
refuse(const char *path, int status, uint64_t offset)
{
	if (status == SHOAL_ERR_VERSION) {
		return cli_error(
		        "%s: recorded by another release than this, %s; replay it with that", path,
		        shoal_version(NULL));
	}
	if (offset == 0) {
		return cli_error("%s: not a record of 'shoal agent --record'", path);
	}
	return cli_error("%s: not a whole record: %s at byte %llu", path, shoal_strerror(status),
	        (unsigned long long)offset);
}

static struct shoal_replay *
open_replay(const struct cli_replay_file *file)
{
	struct shoal_replay *replay;

	if (shoal_replay_new(&replay, file->data, file->len, NULL) != 0) {
		return NULL;
	}
	if (shoal_replay_codec(replay, shoal_codec_msgpack()) != 0 ||
	        shoal_replay_codec(replay, shoal_codec_json()) != 0) {
		shoal_replay_free(replay);
		return NULL;
	}
	return replay;
}

static int
replay_file(struct cli_replay_run *run, const struct cli_replay_file *file,
        const struct until *until, const char *path)
{
	struct shoal_replay *replay = open_replay(file), *ahead = open_replay(file);
	uint64_t offset = 0;
	int status, end;

	if (replay == NULL || ahead == NULL) {
		shoal_replay_free(replay);
		shoal_replay_free(ahead);
		return cli_error("out of memory");
	}
	play(run, replay, ahead, until, path);
	status = shoal_replay_status(replay, &offset);
	if (run->stopped || run->differs || status == 0 || status == SHOAL_ERR_CLOSED ||
	        status == SHOAL_ERR_AGAIN) {
		cli_replay_print_end(run, shoal_replay_core(replay), status, offset);
		end = cli_flush();
		end = end == CLI_DONE && run->differs ? CLI_FAILED : end;
	} else {
		(void)cli_flush();
		end = refuse(path, status, offset);
	}
	shoal_replay_free(replay);
	shoal_replay_free(ahead);
	return end;
}

static int
run(struct cli_options *options)
{
	struct cli_replay_run run = {.member = cli_option(options, "member"),
	        .inputs = cli_option_flag(options, "inputs")};
	struct cli_replay_file file;
	struct until until;
	int end = cli_option_form(options, &run.form);

	if (end < 0 && run.form == CLI_CSV) {
		end = cli_usage(options->command, "no format 'csv' here: say table or json");
	}
	if (end < 0) {
		end = parse_until(options, &until);
	}
	if (end >= 0) {
		return end;
	}
	end = cli_replay_file_read(&file, options->operands[0]);
	if (end == CLI_DONE) {
		end = replay_file(&run, &file, &until, options->operands[0]);
	}
	cli_replay_file_free(&file);
	return end;
}

static const struct cli_option replay_options[] = {
        {"until", "WHERE",
                "Stop at an event (failed, failed:NAME), or at a time: seconds since the beginning "
                "(12.5), or of day (2026-11-20T18:00:00Z).",
                CLI_VALUE, false},
        {"member", "MEMBER", "Tell of this member only: a name, an id, or how an id begins.",
                CLI_VALUE, false},
        {"inputs", NULL, "Print every input too.", CLI_FLAG, false},
        {"format", "FORMAT", "table or json, one object a line. Default: table.", CLI_VALUE, false},
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_replay_command = {
        .name = "replay",
        .operands = "FILE",
        .summary = "Run a recorded agent again, with every event and its cause",
        .about = "Runs the protocol of an agent again from what 'shoal agent --record FILE' kept, "
                 "without a network: tells every event with its cause, then the members as that "
                 "agent held them, and compares the checkpoints of the record: the same numbers "
                 "mean the same run. FILE.1 is read first where it is the part before FILE. A "
                 "record whose beginning is gone is listed only. Exit status 1: a checkpoint "
                 "differs, or the file is damaged; one that was torn by a crash is read up to the "
                 "last whole entry.",
        .options = replay_options,
        .operands_min = 1,
        .operands_max = 1,
        .run = run,
};
