/* SPDX-License-Identifier: MIT */
/* Members tell each other to install, use or remove a key, and which keys they hold. Who holds a
 * key of the cluster may, as it may say anything else: an order counts when it was sealed, and
 * comes from a member.
 *
 * Keys are in no record: an order is written straight into the packet that is sealed over it, and a
 * key that comes is taken out of the packet where that is opened, before the host can record it. In
 * a replay no key comes, and nothing is changed; what is answered then is of another length, and
 * counts for nothing. */
#include "core/admission/keys.h"

#include <string.h>

#include "base/hash.h"
#include "base/wipe.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "wire/packet.h"

void
shoal_keys_done(struct shoal_core *core)
{
	shoal_wipe(&core->keys.key, sizeof core->keys.key);
	shoal_wipe(&core->keys.came, sizeof core->keys.came);
}

int
shoal_core_key_order(struct shoal_core *core, enum shoal_key_action action,
        const struct shoal_key *key, uint64_t print)
{
	struct shoal_keys *keys = &core->keys;

	if (!shoal_seal_seals(core)) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	if (action == SHOAL_KEY_INSTALL &&
	        (key == NULL || (key->len != 16 && key->len != 24 && key->len != 32))) {
		return SHOAL_ERR_INVALID;
	}
	shoal_wipe(&keys->key, sizeof keys->key);
	keys->action = action;
	keys->print = print;
	if (action == SHOAL_KEY_INSTALL) {
		keys->key = *key;
	}
	return SHOAL_OK;
}

int
shoal_keys_begin(struct shoal_core *core, struct shoal_span id)
{
	struct shoal_id wanted;

	if (!core->seal.asks) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	if (id.len != sizeof wanted) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(&wanted, id.data, sizeof wanted);
	uint32_t slot = shoal_members_find(core, &wanted);
	const struct shoal_record *record = shoal_members_at(core, slot);
	if (record == NULL || slot == SHOAL_SELF || !shoal_members_counts(record)) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (shoal_members_inbound(record)) {
		return SHOAL_ERR_UNREACHABLE;
	}
	return shoal_exchange_keys(core, slot) ? SHOAL_OK : SHOAL_ERR_LIMIT;
}

void
shoal_keys_write(struct shoal_core *core, struct shoal_writer *writer)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	const struct shoal_keys *keys = &core->keys;
	struct shoal_msg_keys message = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .action = (uint8_t)keys->action,
	        .print = keys->print,
	        .key = {keys->key.bytes, keys->key.len}};

	if (!shoal_coding_append(core, writer, SHOAL_MESSAGE_KEYS, &message)) {
		writer->failed = true;
	}
}

bool
shoal_keys_take(struct shoal_core *core, uint8_t *data, size_t len)
{
	struct shoal_packet_header header;
	struct shoal_reader reader, body;
	union shoal_wire_message message;
	uint16_t kind;
	bool took = false;

	shoal_wipe(&core->keys.came, sizeof core->keys.came);
	shoal_reader_init(&reader, data, len);
	if (shoal_packet_header(&reader, &header) != SHOAL_OK || reader.left < SHOAL_PACKET_CRC) {
		return false;
	}
	struct shoal_reader messages = shoal_reader_sub(&reader, reader.left - SHOAL_PACKET_CRC);
	while (shoal_message_next(&messages, &kind, &body) > 0) {
		if (kind != SHOAL_MESSAGE_KEYS ||
		        shoal_message_decode(kind, body, &message) != SHOAL_OK) {
			continue;
		}
		const struct shoal_span *key = &message.keys.key;
		if (!took && key->len > 0) {
			core->keys.came.len = (uint8_t)key->len;
			memcpy(core->keys.came.bytes, key->data, key->len);
		}
		shoal_wipe(data + (key->data - data), key->len);
		took = true;
	}
	if (took) {
		struct shoal_writer writer;
		shoal_writer_init(&writer, data + len - SHOAL_PACKET_CRC, SHOAL_PACKET_CRC);
		shoal_writer_u32(&writer, shoal_hash_crc32c(0, data, len - SHOAL_PACKET_CRC));
	}
	return took;
}

static int
carry_out(struct shoal_core *core, const struct shoal_msg_keys *keys)
{
	int rc = SHOAL_OK;

	switch ((enum shoal_key_action)keys->action) {
	case SHOAL_KEY_LIST:
		break;
	case SHOAL_KEY_INSTALL:
		rc = shoal_core_key_install(core, &core->keys.came, NULL);
		break;
	case SHOAL_KEY_USE:
		rc = shoal_core_key_use(core, keys->print);
		break;
	case SHOAL_KEY_REMOVE:
		rc = shoal_core_key_remove(core, keys->print);
		break;
	}
	shoal_wipe(&core->keys.came, sizeof core->keys.came);
	return rc;
}

static void
answer(struct shoal_core *core, uint32_t from, const struct shoal_input *input, int code)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint8_t held[SHOAL_KEYS_MAX * SHOAL_HELD_KEY];
	struct shoal_key_info info;
	struct shoal_writer writer;

	shoal_writer_init(&writer, held, sizeof held);
	for (size_t i = 0; shoal_core_key(core, i, &info); i++) {
		shoal_writer_u64(&writer, info.print);
		shoal_writer_u8(&writer, info.len);
		shoal_writer_u8(&writer, info.in_use);
	}
	struct shoal_msg_keyring message = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .code = (uint64_t)-code,
	        .keys = {held, writer.len}};
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_REPLY, &input->from, from, 0);
	if (pending != NULL) {
		pending->exchange = input->exchange;
		shoal_send_primary(pending, SHOAL_MESSAGE_KEYRING, &message);
	}
}

static void
note(struct shoal_core *core, const struct shoal_msg_keys *keys, uint32_t from, int code)
{
	static const char *const words[] = {"list", "install", "use", "remove"};
	struct shoal_log_line line;

	if (keys->action == SHOAL_KEY_LIST ||
	        !shoal_log_begin(core, &line, SHOAL_LOG_INFO, "keys")) {
		return;
	}
	shoal_text_str(&line.text, words[keys->action]);
	shoal_text_str(&line.text, " a key, says ");
	shoal_text_str(&line.text, shoal_members_name(shoal_members_at(core, from)));
	shoal_text_str(&line.text, code == SHOAL_OK ? ": done" : ": ");
	shoal_text_str(&line.text, code == SHOAL_OK              ? ""
	                           : code == SHOAL_ERR_NOT_FOUND ? "the key is not held here"
	                                                         : shoal_strerror(code));
}

void
shoal_keys_serve(struct shoal_core *core, const struct shoal_msg_keys *keys, uint32_t from,
        const struct shoal_input *input)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	/* In clear it is a stranger's, whoever it names. */
	if (!core->seal.sealed || input->kind != SHOAL_INPUT_REQUEST) {
		shoal_count(core, core->seal.sealed ? SHOAL_COUNTER_DROP_MALFORMED
		                                    : SHOAL_COUNTER_DROP_CLEAR);
		return;
	}
	if (from == SHOAL_NONE) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		shoal_exchange_reply(core, input->exchange, &input->from, SHOAL_ERR_NOT_FOUND,
		        shoal_exchange_text("not a member here: join first"));
		return;
	}
	int code = carry_out(core, keys);
	note(core, keys, from, code);
	answer(core, from, input, code);
	shoal_event_keys(core, SHOAL_SELF, &self->info->id, code);
}

void
shoal_keys_on_keyring(struct shoal_core *core, const struct shoal_exchange *exchange,
        bool *answered, const struct shoal_msg_keyring *keyring)
{
	struct shoal_keys *keys = &core->keys;
	struct shoal_reader reader;

	if (exchange == NULL || exchange->purpose != SHOAL_EXCHANGE_KEYS || *answered ||
	        memcmp(&exchange->asked, &keyring->id, sizeof exchange->asked) != 0) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	*answered = true;
	shoal_reader_init(&reader, keyring->keys.data, keyring->keys.len);
	keys->said_count = 0;
	while (reader.left >= SHOAL_HELD_KEY) {
		struct shoal_key_info *info = &keys->said[keys->said_count++];
		info->print = shoal_reader_u64(&reader);
		info->len = shoal_reader_u8(&reader);
		info->in_use = shoal_reader_u8(&reader) != 0;
	}
	shoal_event_keys(core, shoal_members_find(core, &exchange->asked), &exchange->asked,
	        -(int)keyring->code);
}

void
shoal_keys_failed(struct shoal_core *core, const struct shoal_exchange *exchange, int code)
{
	core->keys.said_count = 0;
	shoal_event_keys(core, shoal_members_find(core, &exchange->asked), &exchange->asked, code);
}

bool
shoal_core_key_said(const struct shoal_core *core, size_t i, struct shoal_key_info *info)
{
	if (i >= core->keys.said_count) {
		return false;
	}
	*info = core->keys.said[i];
	return true;
}
