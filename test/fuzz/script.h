/* SPDX-License-Identifier: MIT */
/* The input of core_fuzz: who the core is, then records, each one input to it. Numbers are little
 * endian.
 *
 *     head:   profile, codec and SCRIPT_SEALED 1 | seed 8 | salt 16 | id 16 | mono_ns 8 | wall_ns 8
 *     record: op 1 | arg 1 | len 2 | after_ns 4 | len bytes
 *
 * after_ns moves the clock before the input. Address number n is 10.1.0.n:7946, as in the
 * simulator. What an op does with its bytes stands beside it; a length that is not there is cut, so
 * that every input means something. */
#ifndef SHOAL_TEST_FUZZ_SCRIPT_H
#define SHOAL_TEST_FUZZ_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define SCRIPT_HEAD   57
#define SCRIPT_RECORD 8
#define SCRIPT_SEALED 0x20 /* the core seals, and so do the others */

enum script_op {
	SCRIPT_TIMER = 0, /* a timer, whenever */
	SCRIPT_ADVANCE,  /* bytes: nanoseconds, 8                                                 */
	SCRIPT_DEADLINE, /* goes to the core's deadline and feeds a timer, arg % 16 + 1 times     */
	SCRIPT_DATAGRAM, /* from address arg; bytes: age 4, the datagram                          */
	SCRIPT_STREAM,   /* from address arg; bytes: the message                                  */
	SCRIPT_REQUEST,  /* the same, with a reply expected                                       */
	SCRIPT_RESULT,   /* bytes: exchange 8, code 1, the reply; an odd arg: request arg / 2     */
	SCRIPT_REFUSED,  /* from address arg                                                      */
	SCRIPT_JOIN,     /* through address arg                                                   */
	SCRIPT_LEAVE,
	SCRIPT_WRAPPED, /* bytes: messages; they get a header and a checksum; arg: from and way  */
	SCRIPT_ECHO,    /* packet arg of those that it sent last; bytes: from 1, place 2, xor 1  */
	SCRIPT_STATEMENTS, /* bytes: 6 a statement, see core_fuzz.c; arg: from and way */
	SCRIPT_ACK,     /* to ping arg of those that it sent last; bytes: who 1, salt 1, from 1  */
	SCRIPT_WATCHED, /* a watch link from address arg; bytes: its opening                      */
	SCRIPT_LINK,    /* bytes: number 1, size 2; arg: the other's link ends, ours does, or a
	                   datagram to address arg / 4 was too large */
	SCRIPT_META,    /* bytes: who 1, version 2, length 2, a document; an odd arg: of its own */
	SCRIPT_SEND,    /* bytes: type 1, who 1, the message; arg: 1: reliable, 2: bytes: room 2,
	                   4: to all */
	SCRIPT_TALK,    /* bytes: kind 1, who 1, salt 1, number 2, entries; arg: from and way */
	SCRIPT_ORDER,   /* arg: forget, admit, tune or move; bytes: see order.c */
	SCRIPT_OPS
};

static inline uint64_t
script_number(const uint8_t *data, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = bytes; i > 0; i--) {
		value = value << 8 | data[i - 1];
	}
	return value;
}

static inline void
script_put(uint8_t *data, size_t bytes, uint64_t value)
{
	for (size_t i = 0; i < bytes; i++) {
		data[i] = (uint8_t)(value >> (8 * i));
	}
}

#endif
