/* SPDX-License-Identifier: MIT */
/* What core_fuzz lets others tell: statements about few members, and how packets begin. */
#include "fuzz.h"

#include "script.h"
#include "wire/message.h"

bool
fuzz_append_statement(const struct fuzz *fuzz, struct shoal_writer *writer, const uint8_t *data)
{
	struct shoal_msg_member full = {.name = {(const uint8_t *)"fuzz", 4}};
	struct shoal_msg_state state;

	pick_id(fuzz, data[0], &full.id);
	pick_salt(fuzz, data[0], data[1] >> 3 & 3, &full.salt);
	full.incarnation = pick_incarnation(fuzz, data[0], data[2]);
	full.state = data[1] % SHOAL_STATES;
	full.age_ms = script_number(data + 3, 2) << (data[3] % 16);
	full.accusers.count = data[5] % (SHOAL_ACCUSERS_MAX + 1);
	for (size_t i = 0; i < full.accusers.count; i++) {
		pick_id(fuzz, (uint8_t)(data[5] + i), &full.accusers.item[i]);
	}
	full.addrs.count = 1 + (data[5] >> 7);
	full.addrs.item[0] = address(data[5] >> 3 & 7);
	full.addrs.item[1] = address(8);
	/* It never moved, or did under this incarnation, the next one, or one that nobody has. */
	full.moved = data[1] >> 6 == 0   ? 0
	             : data[1] >> 6 == 3 ? UINT64_MAX
	                                 : full.incarnation + (data[1] >> 6) - 1;
	if (data[1] >> 5 & 1) {
		memset(&state, 0, sizeof(state));
		state.id = full.id;
		state.salt = short_salt(&full.salt);
		state.incarnation = full.incarnation;
		state.state = full.state;
		state.age_ms = full.age_ms;
		state.accusers = full.accusers;
		return shoal_message_append(writer, SHOAL_MESSAGE_STATE, &state);
	}
	return shoal_message_append(writer, SHOAL_MESSAGE_MEMBER, &full);
}

void
fuzz_append_opening(const struct fuzz *fuzz, struct shoal_writer *writer, enum shoal_input_kind way,
        uint8_t arg)
{
	uint8_t who = arg & 0x1f;
	union shoal_wire_message message;
	struct shoal_salt salt;

	memset(&message, 0, sizeof(message));
	pick_salt(fuzz, who, 0, &salt);
	if (way == SHOAL_INPUT_REQUEST && (arg & 0x20) != 0) {
		pick_id(fuzz, who, &message.join.id);
		message.join.salt = short_salt(&salt);
		message.join.codec = fuzz->codec != NULL ? fuzz->codec->id : 0;
		message.join.epoch_s = ((fuzz->wall + fuzz->now) / SHOAL_SEC(1)) & UINT32_MAX;
		(void)shoal_message_append(writer, SHOAL_MESSAGE_JOIN, &message.join);
	} else if (way == SHOAL_INPUT_REQUEST) {
		pick_id(fuzz, who, &message.sync.id);
		message.sync.salt = short_salt(&salt);
		(void)shoal_message_append(writer, SHOAL_MESSAGE_SYNC, &message.sync);
	} else if (way == SHOAL_INPUT_RESULT) {
		pick_id(fuzz, who, &message.answer.id);
		message.answer.salt = short_salt(&salt);
		(void)shoal_message_append(writer, SHOAL_MESSAGE_ANSWER, &message.answer);
	} else {
		pick_id(fuzz, who, &message.sender.id);
		message.sender.salt = short_salt(&salt);
		(void)shoal_message_append(writer, SHOAL_MESSAGE_SENDER, &message.sender);
	}
}
