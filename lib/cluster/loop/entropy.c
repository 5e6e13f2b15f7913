/* SPDX-License-Identifier: MIT */
/* Random bytes of the kernel, for what must be secret and never repeat: the salt that names this
 * run of a member and the seed of its random choices. A core has no source of its own, so that it
 * can be replayed; its host brings both. getrandom blocks until the kernel's pool was filled once
 * after boot, and never after that. */
#include "cluster/loop/entropy.h"

#include <errno.h>
#include <sys/random.h>

int
shoal_entropy_fill(void *data, size_t len)
{
	unsigned char *at = data;

	while (len > 0) {
		ssize_t got = getrandom(at, len, 0);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			return SHOAL_ERR_SYSTEM;
		}
		at += got;
		len -= (size_t)got;
	}
	return 0;
}
