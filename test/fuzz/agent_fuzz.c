/* SPDX-License-Identifier: MIT */
/* libFuzzer's target for what an agent reads beside packets: requests at its control socket and at
 * its address for reading, its JSON file, and the bytes of TCP streams before they are packets. The
 * first byte says which, the second into which pieces the bytes fall; the rest are they, so that
 * inputs can be written by hand.
 *
 * Beyond that nothing crashes: what is refused is refused with words, every answer is HTTP, and
 * into which pieces a stream fell changes nothing of what is delivered. */
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void
fuzz_expect(bool fact)
{
	if (!fact) {
		abort();
	}
}

/* Bytes that came back. */
static size_t
drain(int fd, char *head, size_t head_len, size_t came)
{
	char bytes[65536];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		for (size_t i = 0; i < (size_t)n && came + i < head_len; i++) {
			head[came + i] = bytes[i];
		}
		came += (size_t)n;
	}
	return came;
}

size_t
fuzz_talk(int fd, const uint8_t *data, size_t size, uint8_t cut, void (*turn)(void), char *head,
        size_t head_len)
{
	size_t piece = cut == UINT8_MAX ? size : (size_t)cut + 1, came = 0, tries = 0;

	while (size > 0) {
		ssize_t n =
		        send(fd, data, piece < size ? piece : size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno != EAGAIN || ++tries == 64)) {
			break; /* closed, or not read any more */
		}
		data += n < 0 ? 0 : n;
		size -= n < 0 ? 0 : (size_t)n;
		turn();
		came = drain(fd, head, head_len, came);
	}
	turn();
	return drain(fd, head, head_len, came);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	switch (data[0] % 8) {
	case 0:
	case 1:
		fuzz_control(data[0] % 8 == 1, data[1], data + 2, size - 2);
		break;
	case 2:
	case 3:
		fuzz_stream(data[0] % 8 == 2, data[1], data + 2, size - 2);
		break;
	default:
		fuzz_config_file(data + 2, size - 2);
		break;
	}
	return 0;
}
