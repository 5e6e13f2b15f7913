/* SPDX-License-Identifier: MIT */
/* What an operator may tell a core while it runs: whom to forget, whom to admit, other numbers, and
 * where it is. */
#include "fuzz.h"

#include "script.h"

#include <string.h>

#define RANGES_MOST 4

/* Ranges of one address, or of some around it. */
static void
allow(struct fuzz *fuzz, const uint8_t *data, size_t len, struct shoal_input *input)
{
	struct shoal_cidr range[RANGES_MOST];
	size_t count = data[0] % (RANGES_MOST + 1);

	memset(range, 0, sizeof(range));
	count = count < (len - 1) / 2 ? count : (len - 1) / 2;
	for (size_t i = 0; i < count; i++) {
		struct shoal_addr addr = address(data[1 + 2 * i] % 16);

		memcpy(range[i].ip, addr.ip, sizeof(addr.ip));
		range[i].bits = (uint8_t)(120 + data[2 + 2 * i] % 9);
	}
	memcpy(fuzz->made, range, count * sizeof(range[0]));
	*input = (struct shoal_input){
	        .kind = SHOAL_INPUT_ALLOW, .data = fuzz->made, .len = count * sizeof(range[0])};
}

/* Intervals from a moment to a day, and fewer tombstones than there are. */
static void
tune(struct fuzz *fuzz, const uint8_t *data, struct shoal_input *input)
{
	struct shoal_profile *profile = &fuzz->profile;

	profile->probe_interval_ms = 100 + (uint32_t)data[0] * 100;
	profile->probe_timeout_ms = profile->probe_interval_ms / 3;
	profile->gossip_interval_ms = 20 + data[1];
	profile->sync_interval_ms = 1000 + ((uint32_t)data[2] << data[2] % 16);
	profile->digest_interval_ms = 1000 + ((uint32_t)data[3] << data[3] % 16);
	profile->heal_interval_ms = 1000 + ((uint32_t)data[4] << data[4] % 16);
	profile->tombstones_max = 1 + data[5] % 8;
	*input = (struct shoal_input){.kind = SHOAL_INPUT_TUNE,
	        .data = fuzz->made,
	        .len = shoal_core_tuning(profile, SHOAL_LOG_INFO, fuzz->made, sizeof(fuzz->made))};
}

/* Of the few that members have, or whatever the bytes are. */
static void
move(struct fuzz *fuzz, const uint8_t *data, size_t len, struct shoal_input *input)
{
	struct shoal_addr addr[SHOAL_ADDRS_MAX];
	size_t count = 1 + data[0] % SHOAL_ADDRS_MAX;

	*input =
	        (struct shoal_input){.kind = SHOAL_INPUT_ADDRESS, .data = data + 1, .len = len - 1};
	if ((data[0] & 0x80) != 0) {
		return;
	}
	memset(addr, 0, sizeof(addr));
	for (size_t i = 0; i < count; i++) {
		addr[i] = address(i + 1 < len ? data[1 + i] % 16 : 0);
	}
	memcpy(fuzz->made, addr, count * sizeof(addr[0]));
	input->data = fuzz->made;
	input->len = count * sizeof(addr[0]);
}

bool
fuzz_order(
        struct fuzz *fuzz, uint8_t arg, const uint8_t *data, size_t len, struct shoal_input *input)
{
	struct shoal_id id;

	if (len < 6) {
		return false;
	}
	switch (arg % 4) {
	case 0:
		pick_id(fuzz, data[0], &id);
		memcpy(fuzz->made, id.bytes, sizeof(id));
		*input = (struct shoal_input){
		        .kind = SHOAL_INPUT_FORGET, .data = fuzz->made, .len = sizeof(id)};
		break;
	case 1:
		allow(fuzz, data, len, input);
		break;
	case 2:
		tune(fuzz, data, input);
		break;
	default:
		move(fuzz, data, len, input);
		break;
	}
	return true;
}
