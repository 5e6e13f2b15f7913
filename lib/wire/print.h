/* SPDX-License-Identifier: MIT */
/* Messages as text, from their tables. */
#ifndef SHOAL_WIRE_PRINT_H
#define SHOAL_WIRE_PRINT_H

#include <shoal/packet.h>

#include "base/text.h"
#include "wire/message.h"

#define SHOAL_MESSAGE_TEXT 2048 /* holds any message in either form */

/* "ping seq=0x0000000000000001 id=... origin=none", or in JSON
 * {"kind":2,"message":"ping","fields":{"seq":"0x0000000000000001",...,"origin":null}}. The kind has
 * a table. */
void shoal_message_print(struct shoal_text *text, enum shoal_print_form form, uint16_t kind,
        const union shoal_wire_message *message);

/* A text of a stranger in quotes: as it is where it is a name, else its bytes in hexadecimal digits
 * behind 0x. */
void shoal_print_text(struct shoal_text *text, struct shoal_span span);

/* Bytes in hexadecimal digits. */
void shoal_print_hex(struct shoal_text *text, struct shoal_span span);

#endif
