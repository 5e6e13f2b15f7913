/* SPDX-License-Identifier: MIT */
/* A full statement that is kept as it came, to be taken up again. */
#ifndef SHOAL_CORE_KEPT_H
#define SHOAL_CORE_KEPT_H

#include "wire/message.h"

/* The longest of one that takes part. */
#define SHOAL_KEPT_MAX 768

struct shoal_kept {
	size_t len; /* 0: none */
	uint8_t bytes[SHOAL_KEPT_MAX];
};

/* false: it is too long, and what was kept stays. */
bool shoal_kept_set(struct shoal_kept *kept, const struct shoal_msg_member *member);
/* What message points to lives in kept. false: there is none. */
bool shoal_kept_get(const struct shoal_kept *kept, union shoal_wire_message *message);

#endif
