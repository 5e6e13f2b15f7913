/* SPDX-License-Identifier: MIT */
/* A cluster that runs gets keys, or a label, in rounds: first all take the new form and the old one
 * and send the old one (2), then they send the new one (1), then they take nothing else (0). Both
 * modes change while a member runs, and end by themselves where a time was given, so that a door
 * which somebody forgot does not stay open.
 *
 * What a member sends goes by its mode and not by what came: in each round all others take it. */
#include "core/admission/migrate.h"

#include <string.h>

#include "base/writer.h"
#include "core/event.h"
#include "core/node.h"

#define WARN_PART 10 /* the last of so many parts of the time is told of */
#define WARN_MOST SHOAL_SEC(3600)

bool
shoal_migrate_takes(const struct shoal_core *core, const struct shoal_span *label)
{
	const struct shoal_span *own = &core->label_span;

	if (label->len == 0) {
		return own->len == 0 || core->migrate.unlabelled != 0;
	}
	return label->len == own->len && memcmp(label->data, own->data, label->len) == 0;
}

struct shoal_span
shoal_migrate_label(const struct shoal_core *core)
{
	struct shoal_span label = core->label_span;

	label.len = core->migrate.unlabelled < 2 ? label.len : 0;
	return label;
}

int
shoal_migrate_open(const struct shoal_core *core, const uint8_t *data, size_t len,
        struct shoal_packet_header *header, struct shoal_reader *messages)
{
	int rc = shoal_packet_open(data, len, core->label_span, header, messages);

	return rc == SHOAL_ERR_LABEL && shoal_migrate_takes(core, &header->label)
	               ? shoal_packet_open(data, len, header->label, header, messages)
	               : rc;
}

size_t
shoal_core_migration(const struct shoal_migration *migration, uint8_t *data, size_t len)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, len);
	shoal_writer_u8(&writer, (uint8_t)migration->accept_clear);
	shoal_writer_u8(&writer, (uint8_t)migration->accept_unlabelled);
	shoal_writer_u64(&writer, migration->left_ms);
	return writer.failed ? 0 : writer.len;
}

void
shoal_core_migrating(const struct shoal_core *core, struct shoal_migration *migration)
{
	const struct shoal_migrate *migrate = &core->migrate;
	uint64_t left = migrate->ends > core->now ? migrate->ends - core->now : 0;

	*migration = (struct shoal_migration){.accept_clear = core->seal.accept_clear,
	        .accept_unlabelled = migrate->unlabelled,
	        .left_ms = (left + SHOAL_MS(1) - 1) / SHOAL_MS(1)};
}

static bool
migrates(const struct shoal_core *core)
{
	return core->seal.accept_clear != 0 || core->migrate.unlabelled != 0;
}

/* What this member takes, and for how long. */
static void
tell(struct shoal_core *core)
{
	const struct shoal_migrate *migrate = &core->migrate;
	bool clear = core->seal.accept_clear != 0, unlabelled = migrate->unlabelled != 0;
	struct shoal_log_line line;

	if (!shoal_log_begin(core, &line, SHOAL_LOG_WARN, "migrate")) {
		return;
	}
	if (!migrates(core)) {
		shoal_text_str(&line.text, "packets that are not sealed, or without the label, "
		                           "are taken no more");
		return;
	}
	shoal_text_str(&line.text, "packets ");
	shoal_text_str(&line.text, clear ? "that are not sealed" : "without the label");
	shoal_text_str(&line.text, clear && unlabelled ? ", or without the label," : "");
	shoal_text_str(&line.text, " are taken too, ");
	if (migrate->ends == 0) {
		shoal_text_str(&line.text, "until that is changed");
	} else {
		shoal_text_str(&line.text, "for ");
		shoal_text_duration(&line.text, migrate->ends - core->now);
		shoal_text_str(&line.text, migrate->warned ? ", then no more" : "");
	}
}

/* Once before the end, and at the end. */
static void
arm(struct shoal_core *core, uint64_t span)
{
	struct shoal_migrate *migrate = &core->migrate;
	uint64_t before = span / WARN_PART < WARN_MOST ? span / WARN_PART : WARN_MOST;
	uint64_t at = migrate->ends - (migrate->warned ? 0 : before);

	migrate->timer.kind = SHOAL_TIMER_MIGRATE;
	shoal_heap_arm(&core->heap, &migrate->timer, migrate->ends != 0 ? at : SHOAL_NEVER);
}

void
shoal_migrate_on_timer(struct shoal_core *core)
{
	struct shoal_migrate *migrate = &core->migrate;

	if (!migrate->warned && core->now < migrate->ends) { /* else it comes late */
		migrate->warned = true;
		arm(core, 0);
	} else {
		migrate->ends = 0;
		migrate->unlabelled = 0;
		shoal_seal_accept(core, 0);
	}
	tell(core);
}

int
shoal_migrate_set(struct shoal_core *core, struct shoal_span data)
{
	struct shoal_migrate *migrate = &core->migrate;
	struct shoal_reader reader;
	bool before = migrates(core);

	shoal_reader_init(&reader, data.data, data.len);
	uint8_t clear = shoal_reader_u8(&reader), unlabelled = shoal_reader_u8(&reader);
	uint64_t left_ms = shoal_reader_u64(&reader);
	if (reader.failed || reader.left != 0 || clear > 2 || unlabelled > 2 ||
	        left_ms > UINT32_MAX || (clear > 0 && !core->seal.keyed) ||
	        (unlabelled > 0 && core->label_span.len == 0)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_seal_accept(core, clear);
	migrate->unlabelled = unlabelled;
	migrate->warned = false;
	migrate->ends = migrates(core) && left_ms > 0 ? core->now + SHOAL_MS(left_ms) : 0;
	arm(core, SHOAL_MS(left_ms));
	if (before || migrates(core)) {
		tell(core);
	}
	return SHOAL_OK;
}
