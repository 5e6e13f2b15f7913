/* SPDX-License-Identifier: MIT */
/* The tables made from message.h, the framing of messages inside a packet, and the checks that need
 * more than one field's limit. */
#include "wire/message.h"

#include <string.h>

#include "base/addr.h"
#include "base/url.h"
#include "wire/binary.h"
#include "wire/cast_key.h"
#include "wire/entry.h"

#define SHOAL_X(type, name, limit)                                                                 \
	{#name, SHOAL_FIELD_##type, (uint16_t)offsetof(SHOAL_STRUCT, name), limit},

#define SHOAL_STRUCT struct shoal_msg_sender
static const struct shoal_field fields_SENDER[] = {SHOAL_SENDER_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_ping
static const struct shoal_field fields_PING[] = {SHOAL_PING_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_ack
static const struct shoal_field fields_ACK[] = {SHOAL_ACK_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_nack
static const struct shoal_field fields_NACK[] = {SHOAL_NACK_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_relay
static const struct shoal_field fields_RELAY[] = {SHOAL_RELAY_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_member
static const struct shoal_field fields_MEMBER[] = {SHOAL_MEMBER_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_state
static const struct shoal_field fields_STATE[] = {SHOAL_STATE_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_join
static const struct shoal_field fields_JOIN[] = {SHOAL_JOIN_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_sync
static const struct shoal_field fields_SYNC[] = {SHOAL_SYNC_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_answer
static const struct shoal_field fields_ANSWER[] = {SHOAL_ANSWER_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_gone
static const struct shoal_field fields_GONE[] = {SHOAL_GONE_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_conflict
static const struct shoal_field fields_CONFLICT[] = {SHOAL_CONFLICT_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_tree
static const struct shoal_field fields_TREE[] = {SHOAL_TREE_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_nodes
static const struct shoal_field fields_NODES[] = {SHOAL_NODES_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_want
static const struct shoal_field fields_WANT[] = {SHOAL_WANT_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_watch
static const struct shoal_field fields_WATCH[] = {SHOAL_WATCH_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_check
static const struct shoal_field fields_CHECK[] = {SHOAL_CHECK_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_refused
static const struct shoal_field fields_REFUSED[] = {SHOAL_REFUSED_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_partial
static const struct shoal_field fields_PARTIAL[] = {SHOAL_PARTIAL_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_pad
static const struct shoal_field fields_PAD[] = {SHOAL_PAD_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_meta
static const struct shoal_field fields_META[] = {SHOAL_META_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_pull
static const struct shoal_field fields_PULL[] = {SHOAL_PULL_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_user
static const struct shoal_field fields_USER[] = {SHOAL_USER_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_batch
static const struct shoal_field fields_BATCH[] = {SHOAL_BATCH_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_receipt
static const struct shoal_field fields_RECEIPT[] = {SHOAL_RECEIPT_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_cast
static const struct shoal_field fields_CAST[] = {SHOAL_CAST_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_offer
static const struct shoal_field fields_OFFER[] = {SHOAL_OFFER_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_fetch
static const struct shoal_field fields_FETCH[] = {SHOAL_FETCH_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_keys
static const struct shoal_field fields_KEYS[] = {SHOAL_KEYS_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_keyring
static const struct shoal_field fields_KEYRING[] = {SHOAL_KEYRING_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#define SHOAL_STRUCT struct shoal_msg_call
static const struct shoal_field fields_CALL[] = {SHOAL_CALL_FIELDS(SHOAL_X)};
#undef SHOAL_STRUCT
#undef SHOAL_X

static const struct shoal_layout layouts[SHOAL_MESSAGE_KINDS] = {
#define SHOAL_M(KIND, struct_name, number)                                                         \
	[number] = {#struct_name, fields_##KIND,                                                   \
	        (uint16_t)(sizeof fields_##KIND / sizeof fields_##KIND[0]),                        \
	        (uint16_t)sizeof(struct shoal_msg_##struct_name), number},
        SHOAL_MESSAGES(SHOAL_M)
#undef SHOAL_M
};

const struct shoal_layout *
shoal_message_layout(uint16_t kind)
{
	return kind < SHOAL_MESSAGE_KINDS && layouts[kind].name != NULL ? &layouts[kind] : NULL;
}

int
shoal_message_next(struct shoal_reader *packet, uint16_t *kind, struct shoal_reader *body)
{
	if (packet->left == 0) {
		return 0;
	}
	*kind = (uint16_t)shoal_reader_var(packet, UINT16_MAX);
	uint64_t len = shoal_reader_var(packet, SIZE_MAX);
	*body = shoal_reader_sub(packet, (size_t)len);
	return packet->failed ? SHOAL_ERR_MALFORMED : 1;
}

static bool
is_statement_state(uint8_t state)
{
	return state >= SHOAL_STATE_ALIVE && state <= SHOAL_STATE_LEFT;
}

static bool
is_reachable(const struct shoal_addr *addr)
{
	return addr->port != 0 && !shoal_addr_is_wildcard(addr);
}

static bool
are_reachable(const struct shoal_addr_list *addrs)
{
	for (size_t i = 0; i < addrs->count; i++) {
		if (!is_reachable(&addrs->item[i])) {
			return false;
		}
	}
	return addrs->count > 0;
}

bool
shoal_message_is_url_of(const struct shoal_addr_list *addrs, struct shoal_span span)
{
	const struct shoal_addr *web = NULL;
	struct shoal_url url;
	struct shoal_addr own;

	for (size_t i = 0; i < addrs->count; i++) {
		if (shoal_addr_is_web(&addrs->item[i])) {
			if (web != NULL) {
				return false;
			}
			web = &addrs->item[i];
		}
	}
	if (web == NULL || span.len == 0) {
		return web == NULL && span.len == 0;
	}
	return shoal_url_parse(&url, (const char *)span.data, span.len, NULL) == SHOAL_OK &&
	       strlen(url.text) == span.len && memcmp(url.text, span.data, span.len) == 0 &&
	       shoal_addr_from_url(&own, url.text) == SHOAL_OK && shoal_addr_equal(&own, web);
}

/* The digest knows ranges of whole steps of six bits. */
static bool
is_range(uint8_t bits, uint64_t prefix)
{
	return bits % 6 == 0 && prefix >> bits == 0;
}

static bool
is_member(const struct shoal_msg_member *member)
{
	return !shoal_id_is_zero(&member->id) && is_statement_state(member->state) &&
	       member->name.len > 0 && are_reachable(&member->addrs) &&
	       shoal_message_is_url_of(&member->addrs, member->url) &&
	       member->protocol_min <= member->protocol_max;
}

/* None, or one that can be reached. */
static bool
is_place(const struct shoal_addr *addr, struct shoal_span url)
{
	struct shoal_addr_list one = {1, {*addr}};

	return shoal_addr_is_zero(addr) ? url.len == 0
	                                : is_reachable(addr) && shoal_message_is_url_of(&one, url);
}

static bool
is_cast(const struct shoal_msg_cast *cast)
{
	return cast->number != 0 && !shoal_id_is_zero(&cast->id) &&
	       cast->ttl_ms <= SHOAL_CAST_AGE_MAX;
}

bool
shoal_message_is_usable(uint16_t kind, const union shoal_wire_message *m)
{
	switch (kind) {
	case SHOAL_MESSAGE_MEMBER:
		return is_member(&m->member);
	case SHOAL_MESSAGE_STATE:
		return !shoal_id_is_zero(&m->state.id) && is_statement_state(m->state.state);
	case SHOAL_MESSAGE_JOIN:
		return !shoal_id_is_zero(&m->join.id) &&
		       m->join.protocol_min <= m->join.protocol_max;
	case SHOAL_MESSAGE_PING:
		return m->ping.seq != 0 && !shoal_id_is_zero(&m->ping.id) &&
		       !shoal_id_is_zero(&m->ping.target) &&
		       (shoal_addr_is_zero(&m->ping.origin) || is_reachable(&m->ping.origin));
	case SHOAL_MESSAGE_RELAY:
		return m->relay.seq != 0 && !shoal_id_is_zero(&m->relay.id) &&
		       !shoal_id_is_zero(&m->relay.target);
	case SHOAL_MESSAGE_SENDER:
	case SHOAL_MESSAGE_KEYS: /* as SENDER, it begins with the id */
	case SHOAL_MESSAGE_KEYRING:
	case SHOAL_MESSAGE_WATCH:
	case SHOAL_MESSAGE_CALL:
		return !shoal_id_is_zero(&m->sender.id);
	case SHOAL_MESSAGE_GONE:
		return !shoal_id_is_zero(&m->gone.id) && !shoal_id_is_zero(&m->gone.target);
	case SHOAL_MESSAGE_CONFLICT:
		return !shoal_id_is_zero(&m->conflict.id) &&
		       is_place(&m->conflict.addr, m->conflict.url);
	case SHOAL_MESSAGE_PARTIAL:
		return !shoal_id_is_zero(&m->partial.id) && !shoal_id_is_zero(&m->partial.target);
	case SHOAL_MESSAGE_TREE:
		return is_range(m->tree.bits, m->tree.prefix) && m->tree.sums.len == 64 * 4;
	case SHOAL_MESSAGE_NODES:
		return is_range(m->nodes.bits, m->nodes.prefix) && m->nodes.sums.len % 4 == 0;
	case SHOAL_MESSAGE_WANT:
		return is_range(m->want.bits, m->want.prefix) && m->want.sums.len % 4 == 0;
	case SHOAL_MESSAGE_CHECK:
		return m->check.seq != 0 && !shoal_id_is_zero(&m->check.id) &&
		       !shoal_id_is_zero(&m->check.target);
	case SHOAL_MESSAGE_REFUSED:
		return m->refused.seq != 0 && !shoal_id_is_zero(&m->refused.id);
	case SHOAL_MESSAGE_META:
		return !shoal_id_is_zero(&m->meta.id) && m->meta.version != 0 &&
		       (m->meta.body.len == 0 || m->meta.body.len == m->meta.len);
	case SHOAL_MESSAGE_PULL:
		return !shoal_id_is_zero(&m->pull.id) && !shoal_id_is_zero(&m->pull.target) &&
		       m->pull.version != 0;
	case SHOAL_MESSAGE_USER:
		return m->user.number != 0 && !shoal_id_is_zero(&m->user.id) &&
		       shoal_entry_count(m->user.entries) > 0;
	case SHOAL_MESSAGE_BATCH: {
		size_t count = shoal_entry_count(m->batch.entries);
		return m->batch.first != 0 && !shoal_id_is_zero(&m->batch.id) && count > 0 &&
		       m->batch.first <= UINT64_MAX - count;
	}
	case SHOAL_MESSAGE_RECEIPT:
		return !shoal_id_is_zero(&m->receipt.id);
	case SHOAL_MESSAGE_CAST:
		return is_cast(&m->cast);
	case SHOAL_MESSAGE_OFFER:
		return !shoal_id_is_zero(&m->offer.id) && shoal_cast_key_are_valid(m->offer.keys);
	case SHOAL_MESSAGE_FETCH:
		return !shoal_id_is_zero(&m->fetch.id) && shoal_cast_key_are_valid(m->fetch.keys);
	default:
		return true;
	}
}

int
shoal_message_decode(uint16_t kind, struct shoal_reader body, union shoal_wire_message *message)
{
	const struct shoal_layout *layout = shoal_message_layout(kind);

	if (layout == NULL) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	shoal_binary_decode(layout, &body, message);
	return body.failed || !shoal_message_is_usable(kind, message) ? SHOAL_ERR_MALFORMED
	                                                              : SHOAL_OK;
}

/* Most bodies are below 128 bytes, so one byte is kept for the length; a longer body moves up by
 * what is missing. */
size_t
shoal_message_begin(struct shoal_writer *writer, uint16_t kind)
{
	shoal_writer_var(writer, kind);
	shoal_writer_u8(writer, 0);
	return writer->len;
}

bool
shoal_message_end(struct shoal_writer *writer, size_t start, size_t body)
{
	size_t len = writer->len - body;
	size_t more = shoal_writer_var_len(len) - 1;

	if (writer->failed || shoal_writer_left(writer) < more) {
		shoal_writer_rewind(writer, start);
		return false;
	}
	if (more > 0) {
		memmove(writer->data + body + more, writer->data + body, len);
	}
	shoal_writer_rewind(writer, body - 1);
	shoal_writer_var(writer, len);
	writer->len += len;
	return true;
}

bool
shoal_message_append(struct shoal_writer *writer, enum shoal_message_kind kind, const void *message)
{
	size_t start = writer->len, body;

	if (writer->failed) {
		return false;
	}
	body = shoal_message_begin(writer, (uint16_t)kind);
	shoal_binary_encode(&layouts[kind], message, writer);
	return shoal_message_end(writer, start, body);
}

const struct shoal_id *
shoal_message_from(uint16_t kind, const union shoal_wire_message *m)
{
	switch (kind) {
	case SHOAL_MESSAGE_SENDER:
		return &m->sender.id;
	case SHOAL_MESSAGE_PING:
		return &m->ping.id;
	case SHOAL_MESSAGE_ACK:
		return &m->ack.id;
	case SHOAL_MESSAGE_NACK:
		return &m->nack.id;
	case SHOAL_MESSAGE_RELAY:
		return &m->relay.id;
	case SHOAL_MESSAGE_JOIN:
		return &m->join.id;
	case SHOAL_MESSAGE_SYNC:
		return &m->sync.id;
	case SHOAL_MESSAGE_ANSWER:
		return &m->answer.id;
	case SHOAL_MESSAGE_CONFLICT:
		return &m->conflict.id;
	case SHOAL_MESSAGE_GONE:
		return &m->gone.id;
	case SHOAL_MESSAGE_PARTIAL:
		return &m->partial.id;
	case SHOAL_MESSAGE_WATCH:
		return &m->watch.id;
	case SHOAL_MESSAGE_CHECK:
		return &m->check.id;
	case SHOAL_MESSAGE_REFUSED:
		return &m->refused.id;
	case SHOAL_MESSAGE_PULL:
		return &m->pull.id;
	case SHOAL_MESSAGE_USER:
		return &m->user.id;
	case SHOAL_MESSAGE_BATCH:
		return &m->batch.id;
	case SHOAL_MESSAGE_RECEIPT:
		return &m->receipt.id;
	case SHOAL_MESSAGE_OFFER:
		return &m->offer.id;
	case SHOAL_MESSAGE_FETCH:
		return &m->fetch.id;
	case SHOAL_MESSAGE_KEYS:
		return &m->keys.id;
	case SHOAL_MESSAGE_KEYRING:
		return &m->keyring.id;
	case SHOAL_MESSAGE_CALL:
		return &m->call.id;
	default:
		return NULL;
	}
}

uint64_t
shoal_message_salt(uint16_t kind, const union shoal_wire_message *m)
{
	switch (kind) {
	case SHOAL_MESSAGE_SENDER:
		return m->sender.salt;
	case SHOAL_MESSAGE_PING:
		return m->ping.salt;
	case SHOAL_MESSAGE_ACK:
		return m->ack.salt;
	case SHOAL_MESSAGE_RELAY:
		return m->relay.salt;
	case SHOAL_MESSAGE_JOIN:
		return m->join.salt;
	case SHOAL_MESSAGE_SYNC:
		return m->sync.salt;
	case SHOAL_MESSAGE_ANSWER:
		return m->answer.salt;
	case SHOAL_MESSAGE_CONFLICT:
		return m->conflict.salt;
	case SHOAL_MESSAGE_GONE:
		return m->gone.salt;
	case SHOAL_MESSAGE_PARTIAL:
		return m->partial.salt;
	case SHOAL_MESSAGE_WATCH:
		return m->watch.salt;
	case SHOAL_MESSAGE_CHECK:
		return m->check.salt;
	case SHOAL_MESSAGE_REFUSED:
		return m->refused.salt;
	case SHOAL_MESSAGE_PULL:
		return m->pull.salt;
	case SHOAL_MESSAGE_USER:
		return m->user.salt;
	case SHOAL_MESSAGE_BATCH:
		return m->batch.salt;
	case SHOAL_MESSAGE_RECEIPT:
		return m->receipt.salt;
	case SHOAL_MESSAGE_OFFER:
		return m->offer.salt;
	case SHOAL_MESSAGE_FETCH:
		return m->fetch.salt;
	case SHOAL_MESSAGE_KEYS:
		return m->keys.salt;
	case SHOAL_MESSAGE_KEYRING:
		return m->keyring.salt;
	case SHOAL_MESSAGE_CALL:
		return m->call.salt;
	default:
		return 0;
	}
}

void
shoal_message_pad(struct shoal_writer *writer)
{
	size_t room = shoal_writer_left(writer);

	if (room < 2) {
		return;
	}
	size_t len = room - 2;
	if (len > 127) {
		len -= shoal_writer_var_len(len) - 1;
	}
	shoal_writer_var(writer, SHOAL_MESSAGE_PAD);
	shoal_writer_var(writer, len);
	uint8_t *zeros = len > 0 ? shoal_writer_room(writer, len) : NULL;
	if (zeros != NULL) {
		memset(zeros, 0, len);
	}
}
