/* SPDX-License-Identifier: MIT */
/* Makes the corpus of codec_fuzz: a document of every codec, each message in each of them, a
 * compressed text, a packet, one in each codec, a configuration. Usage: codec_corpus FOLDER. Run it
 * again when one of the forms changes; what it writes is committed. */
#include <shoal/value.h>

#include "wire/coded.h"
#include "wire/packet.h"
#include "wire/structured.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX ((size_t)4096)

static const char document[] =
        "{\"null\":null,\"bools\":[true,false],\"ints\":[0,-1,127,128,-33,65536,"
        "-9223372036854775808,18446744073709551615],\"doubles\":[0.5,-0.0,1e300,5e-324],"
        "\"text\":\"\\u0064ata:;base64,\\n\\\"\\ud83d\\ude00\",\"bytes\":\"data:;base64,AAEC/w==\","
        "\"\":{},\"deep\":[[[[{\"a\":[]}]]]],\"01234567890123456789012345678901234567890\":1}";

static const struct shoal_codec_ops *
codec_at(size_t i)
{
	return i == 0 ? shoal_codec_binary() : i == 1 ? shoal_codec_msgpack() : shoal_codec_json();
}

static int
write_input(const char *folder, const char *name, unsigned number, const uint8_t *data, size_t len)
{
	char path[4096];
	FILE *file;
	bool whole;

	(void)snprintf(path, sizeof(path), "%s/%s-%02u", folder, name, number);
	file = fopen(path, "wbe");
	if (file == NULL) {
		return -1;
	}
	whole = fwrite(data, 1, len, file) == len;
	return fclose(file) == 0 && whole ? 0 : -1;
}

static int
write_values(const char *folder)
{
	uint8_t data[MESSAGE_MAX];
	struct shoal_value *value;
	int rc = shoal_value_decode(shoal_codec_json(), (const uint8_t *)document,
	        sizeof(document) - 1, NULL, NULL, &value);

	for (unsigned i = 0; i < 3 && rc == 0; i++) {
		struct shoal_writer writer = {data, 1, sizeof(data), false};
		struct shoal_encoder encoder;

		data[0] = (uint8_t)i;
		shoal_encoder_init(&encoder, codec_at(i), &writer);
		shoal_value_write(&encoder, value);
		rc = shoal_encoder_end(&encoder);
		rc = rc == 0 ? write_input(folder, "value", i, data, writer.len) : rc;
	}
	shoal_value_free(value);
	return rc;
}

/* A message with something in every field. */
static void
fill(const struct shoal_layout *layout, union shoal_wire_message *message)
{
	memset(message, 0, sizeof(*message));
	for (size_t i = 0; i < layout->fields; i++) {
		const struct shoal_field *field = &layout->field[i];
		uint8_t *at = (uint8_t *)message + field->offset;
		struct shoal_addr_list *addrs = (struct shoal_addr_list *)(void *)at;

		switch (field->type) {
		case SHOAL_FIELD_TEXT:
			*(struct shoal_span *)(void *)at =
			        (struct shoal_span){(const uint8_t *)"a \"name\"", 8};
			break;
		case SHOAL_FIELD_BYTES:
			*(struct shoal_span *)(void *)at =
			        (struct shoal_span){(const uint8_t *)document,
			                field->limit < 256 ? (size_t)field->limit : 256};
			break;
		case SHOAL_FIELD_IDS:
			((struct shoal_id_list *)(void *)at)->count = 2;
			break;
		case SHOAL_FIELD_ADDRS:
			addrs->count = 1;
			(void)shoal_addr_parse(&addrs->item[0], "[2001:db8::1]:7946");
			break;
		case SHOAL_FIELD_ADDR:
			(void)shoal_addr_parse((struct shoal_addr *)(void *)at, "10.0.0.1:7946");
			break;
		default:
			*at = field->limit == 0 && field->type == SHOAL_FIELD_U8 ? 0 : 1;
			break;
		}
	}
}

/* All messages of a compact packet in each codec. */
static int
write_coded(const char *folder, struct shoal_span messages)
{
	static uint8_t data[64 * MESSAGE_MAX];
	int rc = 0;

	for (unsigned i = 0; i < 3 && rc == 0; i++) {
		struct shoal_writer writer = {data, 1, sizeof(data), false};

		data[0] = (uint8_t)(8 + i);
		shoal_coded_append(&writer, i == 0 ? NULL : codec_at(i), messages);
		rc = writer.failed ? -1 : write_input(folder, "coded", i, data, writer.len);
	}
	return rc;
}

static int
write_config(const char *folder)
{
	static const char text[] = "\013name=web-1\nbind=0.0.0.0:7946,[::]:7946\nprofile=wan\n"
	                           "advertise=10.0.0.1\ntags=db,spare\nallow=10.0.0.0/8,fd00::/8\n"
	                           "codec=json\nprobe_interval_ms=500\nlog_level=debug\n"
	                           "label=prod\nrun=dispatch\ncoalesce_ms=100\nnonsense=1\n";

	return write_input(folder, "config", 0, (const uint8_t *)text, sizeof(text) - 1);
}

/* The body of each message in each codec, and all of them in a packet. */
static int
write_messages(const char *folder)
{
	static uint8_t packet[1 + 16 * MESSAGE_MAX];
	static uint8_t taken[16 * MESSAGE_MAX];
	struct shoal_writer all = {packet + 1, 0, sizeof(packet) - 1, false};
	struct shoal_writer usable = {taken, 0, sizeof(taken), false};
	unsigned number = 0;
	int rc = 0;

	shoal_packet_begin(&all, (struct shoal_span){(const uint8_t *)"label", 5});
	for (uint16_t kind = 1; kind < SHOAL_MESSAGE_KINDS && rc == 0; kind++) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		union shoal_wire_message message;

		if (layout == NULL) {
			continue;
		}
		fill(layout, &message);
		(void)shoal_message_append(&all, (enum shoal_message_kind)kind, &message);
		if (shoal_message_is_usable(kind, &message)) {
			(void)shoal_message_append(
			        &usable, (enum shoal_message_kind)kind, &message);
		}
		for (unsigned i = 0; i < 3 && rc == 0; i++) {
			uint8_t data[MESSAGE_MAX];
			struct shoal_writer writer = {data, 0, sizeof(data), false};
			struct shoal_reader reader, body;

			(void)shoal_structured_append(
			        &writer, codec_at(i), (enum shoal_message_kind)kind, &message);
			shoal_reader_init(&reader, data, writer.len);
			(void)shoal_message_next(&reader, &kind, &body);
			memmove(data + 2, body.at, body.left);
			data[0] = (uint8_t)(3 + i);
			data[1] = (uint8_t)kind;
			rc = write_input(folder, "message", number++, data, 2 + body.left);
		}
	}
	rc = rc == 0 ? write_coded(folder, (struct shoal_span){taken, usable.len}) : rc;
	shoal_packet_end(&all);
	packet[0] = 7;
	return rc == 0 ? write_input(folder, "packet", 0, packet, 1 + all.len) : rc;
}

static int
write_compressed(const char *folder)
{
	const struct shoal_compressor_ops *snappy = shoal_compressor_snappy();
	uint8_t data[MESSAGE_MAX] = {6, 64};
	size_t len = 0;

	if (snappy == NULL || snappy->compress((const uint8_t *)document, sizeof(document),
	                              data + 2, sizeof(data) - 2, &len) != 0) {
		return -1;
	}
	return write_input(folder, "compressed", 0, data, 2 + len);
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	return write_values(argv[1]) == 0 && write_messages(argv[1]) == 0 &&
	                       write_compressed(argv[1]) == 0 && write_config(argv[1]) == 0
	               ? 0
	               : 1;
}
