/* SPDX-License-Identifier: MIT */
/* shoal/packet.h - packets of the protocol as text, for tools and logs. Nothing is kept, nothing is
 * allocated; the bytes may be anything.
 *
 * Threads: any. */
#ifndef SHOAL_PACKET_H
#define SHOAL_PACKET_H

#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_print_form {
	SHOAL_PRINT_TEXT, /* a line for the header, and one for each message and error */
	SHOAL_PRINT_JSON  /* one object, without an end of line */
};

/* Takes the next piece of what is printed; not terminated by a zero, borrowed for the call. */
typedef void (*shoal_print_fn)(const char *text, size_t len, void *arg);

/* Prints the header and the messages of a packet, by the tables that the library decodes them with,
 * and what is wrong with it at which byte. What comes from the packet is printed without control
 * characters. 0: a whole packet; SHOAL_ERR_AUTH: it is sealed, its header is printed;
 * SHOAL_ERR_UNSUPPORTED: it is compressed, its header is printed; SHOAL_ERR_VERSION, _MALFORMED,
 * _CHECKSUM: as much as could be read is printed. */
SHOAL_API int shoal_packet_print(const uint8_t *data, size_t len, enum shoal_print_form form,
        shoal_print_fn write, void *arg);

#ifdef __cplusplus
}
#endif

#endif
