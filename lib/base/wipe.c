/* SPDX-License-Identifier: MIT */
/* The call goes through a volatile pointer: the compiler cannot know that it is memset, and must
 * make it. */
#include "base/wipe.h"

#include <string.h>

static void *(*const volatile set)(void *, int, size_t) = memset;

void
shoal_wipe(void *data, size_t len)
{
	if (len > 0) {
		set(data, 0, len);
	}
}
