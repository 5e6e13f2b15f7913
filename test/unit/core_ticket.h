/* SPDX-License-Identifier: MIT */
/* A compressor that keeps what it is given, and gives a ticket for it: whatever is compressed is
 * one byte long. */
#ifndef SHOAL_TEST_CORE_TICKET_H
#define SHOAL_TEST_CORE_TICKET_H

#include "unit.h"

#include <shoal/codec.h>

#include <string.h>

#define KEPT 64
static uint8_t kept[KEPT][65536];
static size_t kept_len[KEPT], tickets;

static inline size_t
ticket_bound(size_t len)
{
	return len + 8;
}

static inline int
ticket_compress(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	assert_true(cap >= ticket_bound(len) && len <= sizeof kept[0]);
	out[0] = (uint8_t)(tickets % KEPT);
	memcpy(kept[out[0]], data, len);
	kept_len[out[0]] = len;
	tickets++;
	*out_len = 1;
	return SHOAL_OK;
}

static inline int
ticket_uncompress(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	if (len != 1 || data[0] >= KEPT) {
		return SHOAL_ERR_MALFORMED;
	}
	if (kept_len[data[0]] > cap) {
		return SHOAL_ERR_TOO_BIG;
	}
	memcpy(out, kept[data[0]], kept_len[data[0]]);
	*out_len = kept_len[data[0]];
	return SHOAL_OK;
}

static const struct shoal_compressor_ops ticket = {.abi = SHOAL_COMPRESSOR_ABI,
        .name = "ticket",
        .bound = ticket_bound,
        .compress = ticket_compress,
        .uncompress = ticket_uncompress};

#endif
