/* SPDX-License-Identifier: MIT */
/* One block; head and tail walk towards its end. Where the tail would pass it, the bytes that are
 * left move to the front if no more than half of the block is in use, else the block doubles. */
#include "base/fifo.h"

#include <string.h>

#include "base/alloc.h"
#include "base/panic.h"

#define LEAST 1024

void
shoal_fifo_init(struct shoal_fifo *fifo, const struct shoal_allocator *mem, size_t limit)
{
	*fifo = (struct shoal_fifo){.mem = mem, .limit = limit};
}

void
shoal_fifo_done(struct shoal_fifo *fifo)
{
	shoal_alloc_free(fifo->mem, fifo->data);
	*fifo = (struct shoal_fifo){.mem = fifo->mem, .limit = fifo->limit};
}

static bool
grow(struct shoal_fifo *fifo, size_t need)
{
	size_t capacity = fifo->capacity > 0 ? fifo->capacity : LEAST;

	while (capacity < need) {
		capacity *= 2;
	}
	uint8_t *data = shoal_alloc_resize(fifo->mem, fifo->data, capacity, 1);
	if (data == NULL) {
		return false;
	}
	fifo->data = data;
	fifo->capacity = capacity;
	return true;
}

static void
move_to_front(struct shoal_fifo *fifo)
{
	size_t len = shoal_fifo_len(fifo);

	memmove(fifo->data, fifo->data + fifo->head, len);
	fifo->head = 0;
	fifo->tail = len;
}

uint8_t *
shoal_fifo_push(struct shoal_fifo *fifo, size_t len)
{
	size_t held = shoal_fifo_len(fifo);

	SHOAL_ASSERT(len > 0);
	if (len > fifo->limit || held > fifo->limit - len) {
		return NULL;
	}
	if (len > fifo->capacity - fifo->tail) {
		if (held + len <= fifo->capacity / 2) {
			move_to_front(fifo);
		} else if (!grow(fifo, fifo->tail + len)) {
			return NULL;
		}
	}
	uint8_t *at = fifo->data + fifo->tail;
	fifo->tail += len;
	return at;
}

void
shoal_fifo_drop(struct shoal_fifo *fifo, size_t len, size_t keep)
{
	SHOAL_ASSERT(len <= shoal_fifo_len(fifo));
	fifo->head += len;
	if (fifo->head < fifo->tail) {
		return;
	}
	fifo->head = fifo->tail = 0;
	if (fifo->capacity > keep) {
		shoal_fifo_done(fifo);
	}
}
