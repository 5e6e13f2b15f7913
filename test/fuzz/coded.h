/* SPDX-License-Identifier: MIT */
/* More of codec_fuzz: whole packets in a codec, and configurations. */
#ifndef SHOAL_TEST_FUZZ_CODED_H
#define SHOAL_TEST_FUZZ_CODED_H

#include <shoal/codec.h>

/* The messages of a packet in the codec, clear and sealed, and with a head that is data's own. What
 * opens is a packet that every decoder takes, the same whichever way, and comes back through the
 * codec as it is. */
void fuzz_coded(const struct shoal_codec_ops *codec, const uint8_t *data, size_t size);

/* Lines of FIELD=VALUE; none of them may do harm, and what is refused changes nothing. */
void fuzz_config(const uint8_t *data, size_t size);

#endif
