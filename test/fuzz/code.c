/* SPDX-License-Identifier: MIT */
/* Codecs for core_fuzz: what a script says gets past them, and so does what is no message in them.
 */
#include "fuzz.h"

#include "wire/coded.h"
#include "wire/message.h"
#include "wire/packet.h"

#include <stdlib.h>

const struct shoal_codec_ops *
fuzz_codec(unsigned number)
{
	return number % 3 == 1   ? shoal_codec_msgpack()
	       : number % 3 == 2 ? shoal_codec_json()
	                         : NULL;
}

void
fuzz_encode(struct fuzz *fuzz, struct shoal_input *input)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;
	struct shoal_writer writer;

	shoal_reader_init(&reader, input->data, input->len);
	if (input->len > PACKET_MAX || shoal_packet_header(&reader, &header) != 0 ||
	        header.flags != 0 || reader.left < SHOAL_PACKET_CRC) {
		return;
	}
	struct shoal_span messages = {reader.at, reader.left - SHOAL_PACKET_CRC};
	shoal_writer_init(&writer, fuzz->coded, sizeof(fuzz->coded));
	shoal_packet_begin(&writer, header.label);
	shoal_packet_set_codec(&writer, fuzz->codec->id);
	size_t head = writer.len;
	shoal_coded_append(&writer, fuzz->codec, messages);
	if (writer.failed) {
		shoal_writer_rewind(&writer, head);
		shoal_writer_bytes(&writer, messages.data, messages.len);
	}
	shoal_packet_end(&writer);
	input->data = writer.data;
	input->len = writer.len;
}

uint8_t *
fuzz_decode(const struct fuzz *fuzz, const uint8_t *data, size_t *len)
{
	size_t cap = shoal_packet_expands(*len), made = 0;
	struct shoal_packet_header header;
	struct shoal_reader messages;

	if (shoal_packet_read(data, *len, &header, &messages) != 0) {
		fuzz_fail("packets", "the core cannot read what it sent");
	}
	if (header.codec == 0) {
		if (fuzz->codec != NULL && !shoal_coded_is_common(messages)) {
			fuzz_fail("packets", "what only its cluster reads is not in its codec");
		}
		return NULL;
	}
	uint8_t *out = malloc(cap), *scratch = malloc(*len);
	if (out == NULL || scratch == NULL) {
		fuzz_fail("fuzz", "no memory");
	}
	if (fuzz->codec == NULL ||
	        shoal_coded_open(data, *len, fuzz->codec, scratch, out, cap, &made) != 0) {
		fuzz_fail("packets", "the core cannot decode what it sent");
	}
	free(scratch);
	*len = made;
	return out;
}
