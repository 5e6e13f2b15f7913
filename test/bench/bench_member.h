/* SPDX-License-Identifier: MIT */
/* Members for benchmarks of the core, by number. */
#ifndef SHOAL_BENCH_MEMBER_H
#define SHOAL_BENCH_MEMBER_H

#include <stdio.h>
#include <string.h>

#include "wire/message.h"

/* An alive one; what it says its name is lies in `name`. */
static inline void
bench_member(uint32_t i, uint64_t incarnation, struct shoal_msg_member *member, char name[16])
{
	memset(member, 0, sizeof *member);
	snprintf(name, 16, "member-%05u", i % 100000);
	memcpy(member->id.bytes, &i, sizeof i);
	member->id.bytes[15] = 1;
	memcpy(member->salt.bytes, &i, sizeof i);
	member->salt.bytes[15] = 1;
	member->incarnation = incarnation;
	member->state = SHOAL_STATE_ALIVE;
	member->name = (struct shoal_span){(const uint8_t *)name, strlen(name)};
	member->addrs.count = 1;
	member->addrs.item[0].ip[10] = member->addrs.item[0].ip[11] = 0xff;
	member->addrs.item[0].ip[12] = 10;
	member->addrs.item[0].ip[13] = (uint8_t)(i >> 16);
	member->addrs.item[0].ip[14] = (uint8_t)(i >> 8);
	member->addrs.item[0].ip[15] = (uint8_t)i;
	member->addrs.item[0].port = 7946;
}

#endif
