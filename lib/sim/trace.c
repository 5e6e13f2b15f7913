/* SPDX-License-Identifier: MIT */
/* The trace hash.
 *
 * Eight bytes at a time, put together by shifts so that byte order does not matter: one
 * multiplication and one fold a word, which keeps the hash below a tenth of a run's time.
 * Invariant: whatever two runs may differ in and an application could notice is in it. The memory
 * that a core holds is not: it depends on the word size. */
#include "sim/trace.h"

#include <string.h>

void
shoal_trace_init(struct shoal_trace *trace)
{
	trace->hash = UINT64_C(0xcbf29ce484222325);
}

void
shoal_trace_u64(struct shoal_trace *trace, uint64_t value)
{
	uint64_t hash = (trace->hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);

	trace->hash = hash ^ (hash >> 29);
}

void
shoal_trace_bytes(struct shoal_trace *trace, const void *data, size_t len)
{
	const uint8_t *byte = data;
	uint64_t word = 0;

	shoal_trace_u64(trace, len);
	for (size_t i = 0; i < len; i++) {
		word |= (uint64_t)byte[i] << (i % 8 * 8);
		if (i % 8 == 7 || i + 1 == len) {
			shoal_trace_u64(trace, word);
			word = 0;
		}
	}
}

static void
trace_text(struct shoal_trace *trace, const char *text)
{
	shoal_trace_bytes(trace, text, strlen(text));
}

static void
trace_addr(struct shoal_trace *trace, const struct shoal_addr *addr)
{
	shoal_trace_bytes(trace, addr->ip, sizeof(addr->ip));
	shoal_trace_u64(trace, (uint64_t)addr->scope << 16 | addr->port);
}

void
shoal_trace_input(struct shoal_trace *trace, const struct shoal_input *input)
{
	shoal_trace_u64(trace, (uint64_t)input->kind);
	shoal_trace_u64(trace, input->mono_ns);
	shoal_trace_u64(trace, input->wall_ns);
	shoal_trace_u64(trace, input->received_ns);
	trace_addr(trace, &input->from);
	shoal_trace_u64(trace, input->exchange);
	shoal_trace_u64(trace, (uint64_t)(int64_t)input->code);
	shoal_trace_bytes(trace, input->data, input->len);
	if (input->kind == SHOAL_INPUT_SEND) {
		shoal_trace_bytes(trace, input->id.bytes, sizeof(input->id.bytes));
		shoal_trace_u64(trace, (uint64_t)input->type << 16 | input->flags);
	}
	if (input->kind == SHOAL_INPUT_BROADCAST) {
		shoal_trace_bytes(trace, input->tag, input->tag_len);
		shoal_trace_u64(trace, (uint64_t)input->type << 16 | input->flags);
	}
}

void
shoal_trace_send(struct shoal_trace *trace, const struct shoal_send *send)
{
	shoal_trace_u64(trace, (uint64_t)send->kind);
	trace_addr(trace, &send->to);
	shoal_trace_u64(trace, send->exchange);
	shoal_trace_u64(trace, send->timeout_ns);
	shoal_trace_bytes(trace, send->data, send->len);
}

static void
trace_cause(struct shoal_trace *trace, const struct shoal_cause *cause)
{
	shoal_trace_u64(trace, (uint64_t)cause->kind);
	shoal_trace_bytes(trace, cause->from.bytes, sizeof(cause->from.bytes));
	shoal_trace_u64(trace, cause->accusers);
	for (size_t i = 0; i < cause->accusers && i < SHOAL_ACCUSERS_MAX; i++) {
		shoal_trace_bytes(trace, cause->accuser[i].bytes, sizeof(cause->accuser[i].bytes));
		trace_text(trace, cause->accuser_name[i]);
	}
	shoal_trace_u64(trace, cause->after_ns);
	trace_text(trace, cause->detail);
}

void
shoal_trace_event(struct shoal_trace *trace, const struct shoal_event *event)
{
	shoal_trace_u64(trace, (uint64_t)event->kind);
	shoal_trace_u64(trace, event->slot);
	shoal_trace_u64(trace, (uint64_t)event->was << 8 | (uint64_t)event->state);
	shoal_trace_bytes(trace, event->id.bytes, sizeof(event->id.bytes));
	trace_text(trace, event->name);
	trace_addr(trace, &event->addr);
	shoal_trace_u64(trace, event->incarnation);
	shoal_trace_u64(trace, event->mono_ns);
	shoal_trace_u64(trace, event->wall_ns);
	shoal_trace_u64(trace, event->rtt_ns);
	shoal_trace_u64(trace, (uint64_t)(int64_t)event->code);
	shoal_trace_u64(trace, event->lag_ns);
	shoal_trace_u64(trace, event->changed);
	trace_cause(trace, &event->cause);
	if (event->kind >= SHOAL_EVENT_MESSAGE) {
		shoal_trace_u64(trace, event->exchange);
		shoal_trace_u64(trace, (uint64_t)event->type << 16 | event->flags);
		shoal_trace_u64(trace, event->stamp);
		shoal_trace_bytes(trace, event->data, event->len);
	}
}

void
shoal_trace_log(struct shoal_trace *trace, const struct shoal_log_record *record)
{
	shoal_trace_u64(trace, record->wall_ns);
	shoal_trace_u64(trace, (uint64_t)record->level);
	trace_text(trace, record->room);
	trace_text(trace, record->text);
}
