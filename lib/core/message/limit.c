/* SPDX-License-Identifier: MIT */
/* Who sends a broadcast may bound both: hops_max is the length of its longest way, so that 1 comes
 * from its origin alone, and ttl_ms its age. Both travel with it, since whoever holds it has to
 * know. A reliable one that goes no further is kept all the same, so that sums agree (repair.h) and
 * nobody tells it here again; but it is given to nobody. */
#include "core/message/limit.h"

#include "core/node.h"

int
shoal_limit_check(const struct shoal_core *core, const struct shoal_input *input)
{
	const unsigned both = SHOAL_RELIABLE | SHOAL_NO_FORWARD;

	if (input->type < SHOAL_TYPE_SERVICE || (input->flags & ~both) != 0 ||
	        (input->flags & both) == both || input->tag_len > SHOAL_TAG_MAX ||
	        input->size > SHOAL_HOPS_MAX || input->timeout_ns > SHOAL_MS(SHOAL_CAST_AGE_MAX)) {
		return SHOAL_ERR_INVALID;
	}
	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return SHOAL_ERR_STATE;
	}
	return input->len > shoal_cast_most(core) ? SHOAL_ERR_TOO_BIG : SHOAL_OK;
}

void
shoal_limit_set(struct shoal_cast *cast, const struct shoal_input *input)
{
	cast->hops_max = (uint8_t)input->size;
	cast->ttl_ms = (uint32_t)((input->timeout_ns + SHOAL_MS(1) - 1) / SHOAL_MS(1));
}

bool
shoal_limit_ends_at(unsigned hops, unsigned hops_max)
{
	return hops >= (hops_max != 0 ? hops_max : SHOAL_HOPS_MAX);
}

bool
shoal_limit_is_over(const struct shoal_core *core, const struct shoal_cast *cast)
{
	return cast->ttl_ms != 0 && core->now - cast->born >= SHOAL_MS(cast->ttl_ms);
}

uint64_t
shoal_limit_keep(const struct shoal_core *core, const struct shoal_cast *cast)
{
	uint64_t keep = shoal_ms(core->profile.cast_keep_ms), ttl = SHOAL_MS(cast->ttl_ms);

	return ttl != 0 && ttl < keep ? ttl : keep;
}

bool
shoal_limit_gives(const struct shoal_core *core, const struct shoal_cast *cast)
{
	return !shoal_limit_ends_at(cast->hops, cast->hops_max) && !shoal_limit_is_over(core, cast);
}

bool
shoal_limit_admits(struct shoal_core *core, const struct shoal_msg_cast *message)
{
	if (message->age_ms > core->profile.cast_keep_ms) {
		shoal_count(core, SHOAL_COUNTER_DROP_CAST_OLD);
		return false;
	}
	if (message->ttl_ms != 0 && message->age_ms >= message->ttl_ms) {
		shoal_count(core, SHOAL_COUNTER_DROP_CAST_EXPIRED);
		return false;
	}
	return true;
}
