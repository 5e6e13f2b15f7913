/* SPDX-License-Identifier: MIT */
/* A queue of bytes in one piece: what is put in at the end lies behind what was put in before, and
 * leaves at the front. It grows by doubling, to less than four times its limit, so that no more
 * bytes are moved to the front than have left: O(1) a byte. Pointers into it are valid until the
 * next push or drop. */
#ifndef SHOAL_BASE_FIFO_H
#define SHOAL_BASE_FIFO_H

#include <shoal/types.h>

struct shoal_fifo {
	const struct shoal_allocator *mem;
	uint8_t *data;
	size_t head, tail, capacity, limit;
};

/* Allocates nothing yet. limit: bytes at most. */
void shoal_fifo_init(struct shoal_fifo *fifo, const struct shoal_allocator *mem, size_t limit);
void shoal_fifo_done(struct shoal_fifo *fifo);
/* Room for the next len bytes, above 0. NULL: the limit is reached or no memory; unchanged. */
uint8_t *shoal_fifo_push(struct shoal_fifo *fifo, size_t len);
/* The first len bytes leave; there are as many. An empty queue keeps at most `keep` bytes of
 * memory. */
void shoal_fifo_drop(struct shoal_fifo *fifo, size_t len, size_t keep);

static inline size_t
shoal_fifo_len(const struct shoal_fifo *fifo)
{
	return fifo->tail - fifo->head;
}

/* The first byte; NULL: nothing was ever put in. */
static inline const uint8_t *
shoal_fifo_data(const struct shoal_fifo *fifo)
{
	return fifo->data != NULL ? fifo->data + fifo->head : NULL;
}

static inline size_t
shoal_fifo_memory(const struct shoal_fifo *fifo)
{
	return fifo->capacity;
}

#endif
