/* SPDX-License-Identifier: MIT */
/* A packet as text: its header, then message by message until something is wrong, then what that
 * is. Where a field is wrong it is named: the table is decoded once more, cut behind each field in
 * turn. One message at a time in a buffer on the stack. */
#include <string.h>

#include "base/hash.h"
#include "wire/binary.h"
#include "wire/coded.h"
#include "wire/packet.h"
#include "wire/print.h"

#define ERRORS_MAX  2  /* a message and the checksum */
#define UNKNOWN_MAX 64 /* bytes of an unknown message that are shown */

struct error {
	int code;
	size_t at;
	const char *what, *field; /* field: NULL, or behind a point */
};

struct printer {
	const uint8_t *data;
	bool json;
	shoal_print_fn write;
	void *arg;
	struct shoal_text text;
	struct error error[ERRORS_MAX];
	size_t errors, messages;
	char buffer[SHOAL_MESSAGE_TEXT];
};

static void
begin(struct printer *printer)
{
	shoal_text_init(&printer->text, printer->buffer, sizeof printer->buffer);
}

static void
end(struct printer *printer)
{
	printer->write(printer->text.data, printer->text.len, printer->arg);
}

static int
add_error(struct printer *printer, int code, const uint8_t *at, const char *what, const char *field)
{
	if (printer->errors < ERRORS_MAX) {
		printer->error[printer->errors++] =
		        (struct error){code, (size_t)(at - printer->data), what, field};
	}
	return code;
}

static void
print_flags(struct shoal_text *text, bool json, uint8_t flags)
{
	static const char *const names[] = {"sealed", "compressed", "coded"};
	bool some = false;

	shoal_text_str(text, json ? "[" : "");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if ((flags >> i & 1) != 0) {
			shoal_text_str(text, some ? "," : "");
			shoal_text_str(text, json ? "\"" : "");
			shoal_text_str(text, names[i]);
			shoal_text_str(text, json ? "\"" : "");
			some = true;
		}
	}
	shoal_text_str(text, json ? "]" : some ? "" : "none");
}

static void
print_sealed_header(struct shoal_text *text, bool json, const struct shoal_packet_header *header)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {{"sender_salt", header->by.salt}, {"counter", header->by.counter},
	        {"addressee_salt", header->addressee}};

	shoal_text_str(text, json ? ",\"key_id\":" : " key_id=");
	shoal_text_u64(text, header->by.key_id);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		shoal_text_str(text, json ? ",\"" : " ");
		shoal_text_str(text, rows[i].name);
		shoal_text_str(text, json ? "\":\"0x" : "=0x");
		shoal_text_hex(text, rows[i].value, 16);
		shoal_text_str(text, json ? "\"" : "");
	}
}

static void
print_codec(struct shoal_text *text, bool json, uint8_t codec)
{
	shoal_text_str(text, json ? ",\"codec\":\"" : " codec=");
	shoal_coded_name(text, codec);
	shoal_text_str(text, json ? "\"" : "");
}

/* checksum: NULL: there is none. */
static void
print_header(struct printer *printer, const struct shoal_packet_header *header, size_t len,
        const char *checksum)
{
	struct shoal_text *text = &printer->text;
	bool json = printer->json;

	begin(printer);
	shoal_text_str(text, json ? "{\"version\":" : "packet version=");
	shoal_text_u64(text, header->version);
	shoal_text_str(text, json ? ",\"flags\":" : " flags=");
	print_flags(text, json, header->flags);
	shoal_text_str(text, json ? ",\"label\":" : " label=");
	shoal_print_text(text, header->label);
	if (header->codec != 0) {
		print_codec(text, json, header->codec);
	}
	shoal_text_str(text, json ? ",\"bytes\":" : " bytes=");
	shoal_text_u64(text, len);
	if ((header->flags & SHOAL_PACKET_SEALED) != 0) {
		print_sealed_header(text, json, header);
	}
	shoal_text_str(text, json ? ",\"checksum\":" : checksum != NULL ? " checksum=" : "");
	if (json && checksum == NULL) {
		shoal_text_str(text, "null");
	} else if (checksum != NULL) {
		shoal_text_str(text, json ? "\"" : "");
		shoal_text_str(text, checksum);
		shoal_text_str(text, json ? "\"" : "");
	}
	shoal_text_str(text, json ? ",\"messages\":[" : "\n");
	end(printer);
}

static void
begin_message(struct printer *printer)
{
	begin(printer);
	shoal_text_str(&printer->text, !printer->json ? "  " : printer->messages > 0 ? "," : "");
	printer->messages++;
}

static void
end_message(struct printer *printer)
{
	shoal_text_str(&printer->text, printer->json ? "" : "\n");
	end(printer);
}

static void
print_unknown(struct printer *printer, uint16_t kind, struct shoal_reader body)
{
	struct shoal_text *text = &printer->text;
	size_t shown = body.left < UNKNOWN_MAX ? body.left : UNKNOWN_MAX;

	begin_message(printer);
	shoal_text_str(text, printer->json ? "{\"kind\":" : "kind ");
	shoal_text_u64(text, kind);
	shoal_text_str(
	        text, printer->json ? ",\"message\":null,\"bytes\":" : ", not known, bytes=");
	shoal_text_u64(text, body.left);
	shoal_text_str(text, printer->json ? ",\"body\":\"0x" : " body=0x");
	shoal_print_hex(text, (struct shoal_span){body.at, shown});
	shoal_text_str(text, shown < body.left ? "..." : "");
	shoal_text_str(text, printer->json ? "\"}" : "");
	end_message(printer);
}

/* The first field of a body that cannot be decoded, NULL: all can. *at: where it stands. */
static const char *
wrong_field(const struct shoal_layout *layout, struct shoal_reader body, const uint8_t **at)
{
	struct shoal_layout cut = *layout;
	union shoal_wire_message message;

	*at = body.at;
	for (cut.fields = 1; cut.fields <= layout->fields; cut.fields++) {
		struct shoal_reader reader = body;

		shoal_binary_decode(&cut, &reader, &message);
		if (reader.failed) {
			return layout->field[cut.fields - 1].name;
		}
		*at = reader.at;
	}
	return NULL;
}

static int
print_message(struct printer *printer, uint16_t kind, struct shoal_reader body)
{
	const struct shoal_layout *layout = shoal_message_layout(kind);
	union shoal_wire_message message;
	const uint8_t *at;
	const char *field;
	int rc;

	if (layout == NULL) {
		print_unknown(printer, kind, body);
		return SHOAL_OK;
	}
	field = wrong_field(layout, body, &at);
	if (field != NULL) {
		return add_error(printer, SHOAL_ERR_MALFORMED, at, layout->name, field);
	}
	rc = shoal_message_decode(kind, body, &message);
	if (rc != SHOAL_OK) {
		(void)add_error(printer, rc, body.at, "values that no member sends", NULL);
	}
	begin_message(printer);
	shoal_message_print(&printer->text, printer->json ? SHOAL_PRINT_JSON : SHOAL_PRINT_TEXT,
	        kind, &message);
	end_message(printer);
	return rc;
}

static void
print_messages(struct printer *printer, struct shoal_reader *messages)
{
	int rc = SHOAL_OK;

	while (rc == SHOAL_OK && messages->left > 0) {
		const uint8_t *start = messages->at;
		struct shoal_reader body;
		uint16_t kind;

		if (shoal_message_next(messages, &kind, &body) != 1) {
			rc = add_error(printer, SHOAL_ERR_MALFORMED, start,
			        "the kind or the length of a message", NULL);
		} else {
			rc = print_message(printer, kind, body);
		}
	}
}

static void
print_error(struct printer *printer, const struct error *error, bool first)
{
	struct shoal_text *text = &printer->text;

	begin(printer);
	if (printer->json) {
		shoal_text_str(text, first ? "{\"code\":\"" : ",{\"code\":\"");
		shoal_text_str(text, shoal_error_name(error->code));
		shoal_text_str(text, "\",\"at\":");
		shoal_text_u64(text, error->at);
		shoal_text_str(text, ",\"what\":\"");
	} else {
		shoal_text_str(text, "  ");
		shoal_text_str(text, shoal_error_name(error->code));
		shoal_text_str(text, " at byte ");
		shoal_text_u64(text, error->at);
		shoal_text_str(text, ": ");
	}
	shoal_text_str(text, error->what);
	shoal_text_str(text, error->field != NULL ? "." : "");
	shoal_text_str(text, error->field != NULL ? error->field : "");
	shoal_text_str(text, printer->json ? "\"}" : "\n");
	end(printer);
}

static int
finish(struct printer *printer)
{
	if (printer->json) {
		printer->write("],\"errors\":[", 12, printer->arg);
	}
	for (size_t i = 0; i < printer->errors; i++) {
		print_error(printer, &printer->error[i], i == 0);
	}
	if (printer->json) {
		printer->write("]}", 2, printer->arg);
	}
	return printer->errors > 0 ? printer->error[0].code : SHOAL_OK;
}

/* A header that was not read to its end: what can be said of it. */
static void
add_header_error(struct printer *printer, int code, const struct shoal_reader *reader,
        const struct shoal_packet_header *header, size_t len)
{
	if (code == SHOAL_ERR_VERSION) {
		const char *name = shoal_packet_neighbour(printer->data, len);
		(void)add_error(printer, code,
		        printer->data + (header->version == SHOAL_PACKET_VERSION),
		        name != NULL ? name : "not a packet of this version", NULL);
	} else if (header->label.len > SHOAL_LABEL_MAX) {
		(void)add_error(printer, code, printer->data + 2, "the length of the label", NULL);
	} else if (reader->failed) {
		(void)add_error(printer, code, reader->at, "the header is cut", NULL);
	} else {
		(void)add_error(printer, code, reader->at - 1, "the codec", NULL);
	}
}

/* What is behind the header of a clear packet. */
static void
print_clear(struct printer *printer, const struct shoal_packet_header *header, size_t len,
        struct shoal_reader *reader)
{
	struct shoal_reader messages;
	const uint8_t *checksum;

	if (reader->left < SHOAL_PACKET_CRC) {
		print_header(printer, header, len, NULL);
		(void)add_error(printer, SHOAL_ERR_MALFORMED, reader->at, "no checksum", NULL);
		return;
	}
	messages = shoal_reader_sub(reader, reader->left - SHOAL_PACKET_CRC);
	checksum = reader->at;
	if (shoal_reader_u32(reader) ==
	        shoal_hash_crc32c(0, printer->data, len - SHOAL_PACKET_CRC)) {
		print_header(printer, header, len, "ok");
	} else {
		print_header(printer, header, len, "wrong");
		(void)add_error(printer, SHOAL_ERR_CHECKSUM, checksum, "the checksum", NULL);
	}
	if ((header->flags & SHOAL_PACKET_COMPRESSED) != 0) {
		(void)add_error(
		        printer, SHOAL_ERR_UNSUPPORTED, messages.at, "compressed messages", NULL);
		return;
	}
	if ((header->flags & SHOAL_PACKET_CODED) != 0) {
		(void)add_error(printer, SHOAL_ERR_CODEC, messages.at,
		        "messages in another codec than the compact one", NULL);
		return;
	}
	print_messages(printer, &messages);
}

int
shoal_packet_print(const uint8_t *data, size_t len, enum shoal_print_form form,
        shoal_print_fn write, void *arg)
{
	struct printer printer = {.json = form == SHOAL_PRINT_JSON, .write = write, .arg = arg};
	struct shoal_packet_header header;
	struct shoal_reader reader;
	int rc;

	shoal_reader_init(&reader, data, len);
	printer.data = reader.at;
	rc = shoal_packet_header(&reader, &header);
	if (rc != SHOAL_OK) {
		struct shoal_packet_header shown = header;

		shown.label.len = header.label.data != NULL ? header.label.len : 0;
		print_header(&printer, &shown, len, NULL);
		add_header_error(&printer, rc, &reader, &header, len);
	} else if ((header.flags & SHOAL_PACKET_SEALED) != 0) {
		print_header(&printer, &header, len, NULL);
		(void)add_error(&printer, SHOAL_ERR_AUTH, reader.at,
		        "sealed: without the key no more can be read", NULL);
	} else {
		print_clear(&printer, &header, len, &reader);
	}
	return finish(&printer);
}
