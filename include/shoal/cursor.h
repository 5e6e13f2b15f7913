/* SPDX-License-Identifier: MIT */
/* shoal/cursor.h - the bounded cursors over bytes that codecs read from and write to.
 *
 * Both can fail and cannot overrun. A failure stays: every later call does nothing, so that who
 * uses a cursor looks once, at the end. Neither owns its bytes.
 *
 * Threads: plain values, one thread at a time. */
#ifndef SHOAL_CURSOR_H
#define SHOAL_CURSOR_H

#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes to be read: `left` of them from `at` on. Look at them; shoal_reader_take goes past them. */
struct shoal_reader {
	const uint8_t *at; /* never NULL */
	size_t left;       /* 0 after a failure */
	bool failed;
};

/* A buffer that is filled from its beginning: `len` of `cap` bytes are written. Made as
 * { buffer, 0, sizeof(buffer), false }. */
struct shoal_writer {
	uint8_t *data; /* NULL only where cap is 0 */
	size_t len, cap;
	bool failed;
};

/* The next len bytes, borrowed, and goes past them; NULL and failed where fewer are left. */
SHOAL_API const uint8_t *shoal_reader_take(struct shoal_reader *reader, size_t len);

/* Appends all of the bytes; or none and failed, where they do not fit. */
SHOAL_API void shoal_writer_put(struct shoal_writer *writer, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
