/* SPDX-License-Identifier: MIT */
/* User messages that core_fuzz makes up, of members that mean something to the core. */
#ifndef SHOAL_TEST_FUZZ_TALK_H
#define SHOAL_TEST_FUZZ_TALK_H

#include "fuzz.h"
#include "script.h"

#include "wire/message.h"

#define TYPE 200

/* Messages of a member for this instance, its receipt for some, or that it asks for a link, into
 * fuzz->body. Returns how long it is. */
static inline size_t
talk(struct fuzz *fuzz, const uint8_t *data, size_t len)
{
	static const enum shoal_message_kind kinds[] = {SHOAL_MESSAGE_USER, SHOAL_MESSAGE_BATCH,
	        SHOAL_MESSAGE_RECEIPT, SHOAL_MESSAGE_CAST, SHOAL_MESSAGE_OFFER, SHOAL_MESSAGE_FETCH,
	        SHOAL_MESSAGE_CALL};
	struct shoal_msg_batch batch = {.instance = short_salt(&fuzz->salt)};
	struct shoal_msg_receipt receipt;
	struct shoal_msg_user user;
	struct shoal_msg_cast cast;
	struct shoal_msg_offer offer;
	struct shoal_msg_fetch fetch;
	struct shoal_msg_call call;
	struct shoal_writer writer;
	struct shoal_salt salt;

	shoal_writer_init(&writer, fuzz->body, sizeof(fuzz->body));
	if (len < 5) {
		return 0;
	}
	pick_id(fuzz, data[1], &batch.id);
	pick_salt(fuzz, data[1], data[2] & 1, &salt);
	batch.salt = short_salt(&salt);
	batch.first = script_number(data + 3, 2);
	batch.entries = (struct shoal_span){data + 5, len - 5};
	user = (struct shoal_msg_user){.id = batch.id,
	        .salt = batch.salt,
	        .instance = batch.instance,
	        .number = batch.first,
	        .entries = batch.entries};
	receipt = (struct shoal_msg_receipt){.id = batch.id,
	        .salt = batch.salt,
	        .instance = batch.instance,
	        .next = batch.first,
	        .code = data[2] >> 1};
	cast = (struct shoal_msg_cast){.id = batch.id,
	        .salt = batch.salt,
	        .number = batch.first,
	        .hops = data[2],
	        .flags = data[2] >> 1 & 3,
	        .type = TYPE,
	        .body = batch.entries};
	offer = (struct shoal_msg_offer){
	        .id = batch.id, .salt = batch.salt, .sum = data[2] >> 1, .keys = batch.entries};
	fetch = (struct shoal_msg_fetch){.id = batch.id,
	        .salt = batch.salt,
	        .others = data[2] >> 1 & 1,
	        .age_ms = batch.first,
	        .keys = batch.entries};
	call = (struct shoal_msg_call){.id = batch.id, .salt = batch.salt};
	pick_id(fuzz, data[3], &call.target);
	pick_salt(fuzz, data[3], data[2] >> 1 & 1, &salt);
	call.instance = short_salt(&salt);
	const void *message[] = {&user, &batch, &receipt, &cast, &offer, &fetch, &call};
	(void)shoal_message_append(&writer, kinds[data[0] % 7], message[data[0] % 7]);
	return writer.len;
}

/* The application sends a message, or tells its room. false: nothing. */
static inline bool
said(struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len, struct shoal_input *input)
{
	if (len < 2) {
		return false;
	}
	if ((arg & 2) != 0) {
		*input = (struct shoal_input){
		        .kind = SHOAL_INPUT_ROOM, .size = (size_t)script_number(data, 2)};
		return true;
	}
	bool all = (arg & 4) != 0;
	*input = (struct shoal_input){.kind = all ? SHOAL_INPUT_BROADCAST : SHOAL_INPUT_SEND,
	        .type = (uint16_t)(SHOAL_TYPE_SERVICE + data[0]),
	        .flags = arg & SHOAL_RELIABLE,
	        .exchange = ++fuzz->sent,
	        .data = data + 2,
	        .len = len - 2};
	if (all) {
		input->tag = data;
		input->tag_len = data[1] & 1;
	} else {
		pick_id(fuzz, (uint8_t)(1 + data[1] % 7), &input->id);
	}
	return true;
}

/* A message that came, each byte of which is looked at, or the end of one that was sent. */
static inline void
hear(struct fuzz *fuzz, const struct shoal_event *event)
{
	if (event->kind == SHOAL_EVENT_SENT &&
	        (event->exchange == 0 || event->exchange > fuzz->sent)) {
		fuzz_fail("commands", "the end of a message that was not sent");
	}
	for (size_t i = 0; i < event->len; i++) {
		fuzz->heard += event->data[i];
	}
}

#endif
