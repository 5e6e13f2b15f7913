/* SPDX-License-Identifier: MIT */
/* What else is taken for a time, while a cluster that runs gets keys or a label: see migrate.c. */
#ifndef SHOAL_CORE_MIGRATE_H
#define SHOAL_CORE_MIGRATE_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/reader.h"
#include "wire/field.h"
#include "wire/packet.h"

/* That of packets which are not sealed is seal.accept_clear. */
struct shoal_migrate {
	uint32_t unlabelled; /* the same of packets without a label */
	uint64_t ends;       /* when both are 0 again; 0: never */
	bool warned;         /* that it ends soon */
	struct shoal_timer timer;
};

/* SHOAL_INPUT_MIGRATE. */
int shoal_migrate_set(struct shoal_core *core, struct shoal_span data);

void shoal_migrate_on_timer(struct shoal_core *core);

/* Whether packets with this label are of members of this cluster. */
bool shoal_migrate_takes(const struct shoal_core *core, const struct shoal_span *label);

/* The label that this member writes. */
struct shoal_span shoal_migrate_label(const struct shoal_core *core);

/* shoal_packet_open for the labels that are taken. */
int shoal_migrate_open(const struct shoal_core *core, const uint8_t *data, size_t len,
        struct shoal_packet_header *header, struct shoal_reader *messages);

#endif
