/* SPDX-License-Identifier: MIT */
/* Orders about keys, from member to member. */
#ifndef SHOAL_CORE_KEYS_H
#define SHOAL_CORE_KEYS_H

#include <shoal/core.h>

#include "base/writer.h"
#include "wire/field.h"

struct shoal_core;
struct shoal_exchange;
struct shoal_msg_keys;
struct shoal_msg_keyring;

struct shoal_keys {
	enum shoal_key_action action; /* what this member tells others */
	uint64_t print;
	struct shoal_key key;  /* INSTALL: this one */
	struct shoal_key came; /* of the request at hand, out of sight of records */
	struct shoal_key_info said[SHOAL_KEYS_MAX]; /* the latest answer */
	size_t said_count;
};

void shoal_keys_done(struct shoal_core *core);

/* SHOAL_INPUT_KEYS. */
int shoal_keys_begin(struct shoal_core *core, struct shoal_span id);

/* The order as a message, in a packet that will be sealed. */
void shoal_keys_write(struct shoal_core *core, struct shoal_writer *writer);

/* Takes a key out of a packet that was opened: what is left of it holds zeros there.
 * false: there was none. */
bool shoal_keys_take(struct shoal_core *core, uint8_t *data, size_t len);

/* An order of the member in `from`; counts where it came sealed. */
void shoal_keys_serve(struct shoal_core *core, const struct shoal_msg_keys *keys, uint32_t from,
        const struct shoal_input *input);

/* What came as the answer to an exchange (NULL: to none), which may have been answered before; and
 * that an order of this member has failed. */
void shoal_keys_on_keyring(struct shoal_core *core, const struct shoal_exchange *exchange,
        bool *answered, const struct shoal_msg_keyring *keyring);
void shoal_keys_failed(struct shoal_core *core, const struct shoal_exchange *exchange, int code);

#endif
