/* SPDX-License-Identifier: MIT */
/* The trace hash: one number over everything that went into and came out of every core of a run, in
 * order. Two runs of one seed, on whatever compiler, word size or optimisation, have the same;
 * values are taken as numbers and bytes, never as structs with their padding. Not cryptographic. */
#ifndef SHOAL_SIM_TRACE_H
#define SHOAL_SIM_TRACE_H

#include <shoal/core.h>

struct shoal_trace {
	uint64_t hash;
};

void shoal_trace_init(struct shoal_trace *trace);
void shoal_trace_u64(struct shoal_trace *trace, uint64_t value);
/* The length counts too. */
void shoal_trace_bytes(struct shoal_trace *trace, const void *data, size_t len);
void shoal_trace_input(struct shoal_trace *trace, const struct shoal_input *input);
void shoal_trace_send(struct shoal_trace *trace, const struct shoal_send *send);
void shoal_trace_event(struct shoal_trace *trace, const struct shoal_event *event);
void shoal_trace_log(struct shoal_trace *trace, const struct shoal_log_record *record);

#endif
