/* SPDX-License-Identifier: MIT */
/* Network captures in the classic format of pcap: what UDP and TCP carry in them. */
#ifndef SHOAL_CLI_CAPTURE_H
#define SHOAL_CLI_CAPTURE_H

#include <shoal/types.h>

/* One datagram, or what one segment carries. Data is borrowed from the file. */
struct cli_capture_packet {
	uint64_t number; /* of the frame in the file, from 1 */
	uint64_t wall_ns;
	bool tcp;
	struct shoal_addr from, to;
	const uint8_t *data;
	size_t len;
	size_t missing; /* bytes behind it that were not captured */
};

struct cli_capture {
	const uint8_t *data;
	size_t len, at;
	bool swapped, nanoseconds, cut;
	uint32_t link;
	uint64_t frames;
	uint64_t fragments; /* of IP packets */
	uint64_t others;    /* frames that carry no UDP and no TCP, or nothing in it */
};

enum cli_capture_kind {
	CLI_CAPTURE_NONE,    /* not a capture */
	CLI_CAPTURE_OTHER,   /* the newer format, pcapng */
	CLI_CAPTURE_CLASSIC, /* this one */
	CLI_CAPTURE_LINK     /* this one, of a network that is not known here */
};

/* Looks at the beginning of a file, and makes the capture ready where it is one. */
enum cli_capture_kind cli_capture_open(
        struct cli_capture *capture, const uint8_t *data, size_t len);

/* The next packet. false: the end, or (capture->cut) a frame that is not whole. */
bool cli_capture_next(struct cli_capture *capture, struct cli_capture_packet *packet);

#endif
