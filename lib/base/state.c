/* SPDX-License-Identifier: MIT */
/* Names of the states that an observer can hold of a member. */
#include <shoal/types.h>

const char *
shoal_state_name(enum shoal_state state)
{
	switch (state) {
	case SHOAL_STATE_UNKNOWN:
		return "unknown";
	case SHOAL_STATE_ALIVE:
		return "alive";
	case SHOAL_STATE_SUSPECT:
		return "suspect";
	case SHOAL_STATE_DEAD:
		return "dead";
	case SHOAL_STATE_LEAVING:
		return "leaving";
	case SHOAL_STATE_LEFT:
		return "left";
	}
	return "invalid";
}
