/* SPDX-License-Identifier: MIT */
/* The classic format of pcap (draft-ietf-opsawg-pcap): a header of 24 bytes, then frames behind 16
 * bytes each, in the byte order of the machine that wrote them. Of a frame only what lies on the
 * way to a payload is looked at, through slices that know their length; the file may be hostile. */
#include "capture.h"

#include <string.h>

#define FILE_HEADER  24
#define FRAME_HEADER 16

/* https://www.tcpdump.org/linktypes.html */
enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_LINUX = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_LINUX2 = 276
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_VLANS = 0x88a8,
	IP_HOP_BY_HOP = 0,
	IP_TCP = 6,
	IP_UDP = 17,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_OPTIONS = 60
};

/* What is left of a frame. */
struct slice {
	const uint8_t *data;
	size_t len;
	size_t missing; /* bytes that the network carried behind it */
};

static uint32_t
big_endian(const uint8_t *at, size_t bytes)
{
	uint32_t value = 0;

	for (size_t i = 0; i < bytes; i++) {
		value = value << 8 | at[i];
	}
	return value;
}

static uint32_t
number_at(const struct cli_capture *capture, size_t at)
{
	const uint8_t *data = capture->data + at;
	uint32_t value = big_endian(data, 4);

	return capture->swapped ? __builtin_bswap32(value) : value;
}

/* Goes past bytes; false: they are not there. */
static bool
skip(struct slice *slice, size_t bytes)
{
	if (slice->len < bytes) {
		return false;
	}
	slice->data += bytes;
	slice->len -= bytes;
	return true;
}

/* Ends the slice after so many bytes, as a header says; what is padding behind them goes. */
static void
limit(struct slice *slice, size_t bytes)
{
	size_t there = slice->len + slice->missing;

	if (bytes <= slice->len) {
		slice->len = bytes;
		slice->missing = 0;
	} else {
		slice->missing = bytes < there ? bytes - slice->len : slice->missing;
	}
}

static bool
is_known(uint32_t link)
{
	static const uint32_t known[] = {LINK_NULL, LINK_ETHERNET, LINK_RAW_BSD, LINK_RAW_OPENBSD,
	        LINK_RAW, LINK_LOOP, LINK_LINUX, LINK_IPV4, LINK_IPV6, LINK_LINUX2};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i] == link) {
			return true;
		}
	}
	return false;
}

enum cli_capture_kind
cli_capture_open(struct cli_capture *capture, const uint8_t *data, size_t len)
{
	uint32_t magic = len >= 4 ? big_endian(data, 4) : 0;

	memset(capture, 0, sizeof(*capture));
	if (magic == 0x0a0d0d0a) {
		return CLI_CAPTURE_OTHER;
	}
	capture->swapped = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1;
	capture->nanoseconds = magic == 0xa1b23c4d || magic == 0x4d3cb2a1;
	if (len < FILE_HEADER ||
	        !(magic == 0xa1b2c3d4 || capture->swapped || capture->nanoseconds)) {
		return CLI_CAPTURE_NONE;
	}
	capture->data = data;
	capture->len = len;
	capture->at = FILE_HEADER;
	/* The upper bits tell of checksums of frames. */
	capture->link = number_at(capture, 20) & 0xffff;
	return is_known(capture->link) ? CLI_CAPTURE_CLASSIC : CLI_CAPTURE_LINK;
}

/* Goes past the header of the link. Returns the type of what is in it as in Ethernet, 0: not known.
 */
static uint32_t
skip_link(uint32_t link, struct slice *frame)
{
	size_t header = 0, type_at = 0;
	uint32_t type = 0;

	switch (link) {
	case LINK_ETHERNET:
		header = 14;
		type_at = 12;
		break;
	case LINK_LINUX:
		header = 16;
		type_at = 14;
		break;
	case LINK_LINUX2:
		header = 20;
		break;
	case LINK_NULL:
	case LINK_LOOP:
		header = 4;
		break;
	default:
		break;
	}
	if (header > 4 && frame->len >= header) {
		type = big_endian(frame->data + type_at, 2);
	}
	if (!skip(frame, header)) {
		return 0;
	}
	while ((type == ETHERTYPE_VLAN || type == ETHERTYPE_VLANS) && frame->len >= 4) {
		type = big_endian(frame->data + 2, 2);
		(void)skip(frame, 4);
	}
	if (header <= 4 && frame->len > 0) {
		type = frame->data[0] >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
	}
	return type;
}

/* The protocol inside, -1: nothing that can be read, -2: a part of a packet only. */
static int
skip_ipv4(struct slice *frame, struct cli_capture_packet *packet)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t header, total;
	const uint8_t *ip = frame->data;

	if (frame->len < 20 || ip[0] >> 4 != 4) {
		return -1;
	}
	header = (size_t)(ip[0] & 15) * 4;
	total = big_endian(ip + 2, 2);
	/* 0: a large one that the sending machine's card cuts into packets. */
	if (total != 0) {
		limit(frame, total);
	}
	if (header < 20 || !skip(frame, header)) {
		return -1;
	}
	memcpy(packet->from.ip, mapped, sizeof(mapped));
	memcpy(packet->from.ip + 12, ip + 12, 4);
	memcpy(packet->to.ip, mapped, sizeof(mapped));
	memcpy(packet->to.ip + 12, ip + 16, 4);
	return (big_endian(ip + 6, 2) & 0x3fff) != 0 ? -2 : ip[9];
}

static int
skip_ipv6(struct slice *frame, struct cli_capture_packet *packet)
{
	const uint8_t *ip = frame->data;
	size_t payload;
	int next;

	if (frame->len < 40 || ip[0] >> 4 != 6) {
		return -1;
	}
	memcpy(packet->from.ip, ip + 8, 16);
	memcpy(packet->to.ip, ip + 24, 16);
	payload = big_endian(ip + 4, 2);
	next = ip[6];
	(void)skip(frame, 40);
	if (payload != 0) {
		limit(frame, payload);
	}
	while (next == IP_HOP_BY_HOP || next == IP_ROUTING || next == IP_OPTIONS ||
	        next == IP_FRAGMENT) {
		const uint8_t *extra = frame->data;

		if (frame->len < 8 ||
		        !skip(frame, next == IP_FRAGMENT ? 8 : 8 * ((size_t)extra[1] + 1))) {
			return -1;
		}
		if (next == IP_FRAGMENT && (big_endian(extra + 2, 2) & 0xfff9) != 0) {
			return -2;
		}
		next = extra[0];
	}
	return next;
}

/* Goes past the header of UDP or TCP. */
static bool
skip_transport(struct slice *frame, int protocol, struct cli_capture_packet *packet)
{
	const uint8_t *header = frame->data;
	size_t len = 8;

	packet->tcp = protocol == IP_TCP;
	if (protocol != IP_TCP && protocol != IP_UDP) {
		return false;
	}
	if (frame->len < (packet->tcp ? 20 : 8)) {
		return false;
	}
	packet->from.port = (uint16_t)big_endian(header, 2);
	packet->to.port = (uint16_t)big_endian(header + 2, 2);
	if (packet->tcp) {
		len = (size_t)(header[12] >> 4) * 4;
	} else if (big_endian(header + 4, 2) >= 8) {
		limit(frame, big_endian(header + 4, 2));
	}
	return len >= 8 && skip(frame, len);
}

/* false: nothing to show. */
static bool
read_frame(struct cli_capture *capture, struct slice frame, struct cli_capture_packet *packet)
{
	uint32_t type = skip_link(capture->link, &frame);
	int protocol = -1;

	if (type == ETHERTYPE_IPV4) {
		protocol = skip_ipv4(&frame, packet);
	} else if (type == ETHERTYPE_IPV6) {
		protocol = skip_ipv6(&frame, packet);
	}
	if (protocol == -2) {
		capture->fragments++;
		return false;
	}
	if (!skip_transport(&frame, protocol, packet) || frame.len == 0) {
		capture->others++;
		return false;
	}
	packet->data = frame.data;
	packet->len = frame.len;
	packet->missing = frame.missing;
	return true;
}

bool
cli_capture_next(struct cli_capture *capture, struct cli_capture_packet *packet)
{
	while (capture->at < capture->len) {
		size_t at = capture->at, left = capture->len - at;
		uint32_t captured, carried;
		struct slice frame;

		if (left < FRAME_HEADER || number_at(capture, at + 8) > left - FRAME_HEADER) {
			capture->cut = true;
			return false;
		}
		captured = number_at(capture, at + 8);
		carried = number_at(capture, at + 12);
		memset(packet, 0, sizeof(*packet));
		packet->number = ++capture->frames;
		packet->wall_ns =
		        number_at(capture, at) * UINT64_C(1000000000) +
		        (uint64_t)number_at(capture, at + 4) * (capture->nanoseconds ? 1 : 1000);
		frame = (struct slice){capture->data + at + FRAME_HEADER, captured,
		        carried > captured ? carried - captured : 0};
		capture->at = at + FRAME_HEADER + captured;
		if (read_frame(capture, frame, packet)) {
			return true;
		}
	}
	return false;
}
