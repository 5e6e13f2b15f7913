/* SPDX-License-Identifier: MIT */
/* The compact binary codec: the fields of a message one after the other in the order of its table,
 * no names, no tags. */
#ifndef SHOAL_WIRE_BINARY_H
#define SHOAL_WIRE_BINARY_H

#include "base/reader.h"
#include "base/writer.h"
#include "wire/field.h"

/* Failure shows in writer->failed. */
void shoal_binary_encode(
        const struct shoal_layout *layout, const void *message, struct shoal_writer *writer);

/* Fills in the whole struct. Failure shows in reader->failed. */
void shoal_binary_decode(
        const struct shoal_layout *layout, struct shoal_reader *reader, void *message);

#endif
