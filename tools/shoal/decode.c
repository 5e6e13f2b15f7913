/* SPDX-License-Identifier: MIT */
/* `shoal decode`: packets as text, from a file with one packet, from lines of hexadecimal digits,
 * or from a network capture. The library prints the packets; here they are found. */
#include "capture.h"
#include "file.h"
#include "options.h"
#include "reveal.h"
#include "text.h"

#include <errno.h>
#include <shoal/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Streams: docs/protocol.md. */
#define GREETING     "SHOAL\0\0\0"
#define GREETING_LEN 8
#define FRAME_HEADER 13

struct decoding {
	bool json;
	struct cli_reveal *reveal;
	uint64_t packets, opened, sealed, compressed, coded, wrong, parts;
};

static void
write_out(const char *text, size_t len, void *arg)
{
	(void)arg;
	fwrite(text, 1, len, stdout);
}

/* Says what a packet was that is printed as what was in it. */
static void
print_opened(const struct decoding *decoding, const struct shoal_packet_opened *opened, size_t len)
{
	const char *codec = opened->codec != NULL ? opened->codec : "";
	char what[64] = "";

	snprintf(what, sizeof(what), "%s%s%s%s%s", opened->sealed ? "sealed" : "",
	        opened->sealed && opened->compressed ? "," : "",
	        opened->compressed ? "compressed" : "",
	        codec[0] != '\0' && (opened->sealed || opened->compressed) ? "," : "", codec);
	printf(decoding->json ? "\"opened\":{\"was\":\"%s\",\"bytes\":%zu}," : "(%s, bytes=%zu) ",
	        what, len);
}

/* Prints one packet of `len` bytes behind what begin_ functions wrote. */
static void
print_packet(struct decoding *decoding, const struct shoal_packet_opened *opened,
        const uint8_t *data, size_t len)
{
	int rc;

	if (opened->data != data) {
		print_opened(decoding, opened, len);
		decoding->opened++;
	}
	if (decoding->json) {
		fputs("\"packet\":", stdout);
	}
	rc = shoal_packet_print(opened->data, opened->len,
	        decoding->json ? SHOAL_PRINT_JSON : SHOAL_PRINT_TEXT, write_out, NULL);
	if (decoding->json) {
		puts("}");
	}
	decoding->packets++;
	decoding->sealed += rc == SHOAL_ERR_AUTH;
	decoding->compressed += rc == SHOAL_ERR_UNSUPPORTED;
	decoding->coded += rc == SHOAL_ERR_CODEC;
	decoding->wrong += rc != 0 && rc != SHOAL_ERR_AUTH && rc != SHOAL_ERR_UNSUPPORTED &&
	                   rc != SHOAL_ERR_CODEC;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads the digits of a line into data. *column: where it went wrong, from 1; 0: nowhere. */
static size_t
read_hex(const char *line, size_t len, uint8_t *data, size_t *column)
{
	size_t n = 0, i = 0;

	*column = 0;
	while (i < len) {
		if (line[i] == ' ' || line[i] == '\t' || line[i] == '\r') {
			i++;
		} else if (line[i] == '0' && i + 1 < len && (line[i + 1] | 0x20) == 'x') {
			i += 2;
		} else if (hex_digit(line[i]) < 0 || i + 1 == len || hex_digit(line[i + 1]) < 0) {
			*column = hex_digit(line[i]) < 0 ? i + 1 : i + 2;
			return n;
		} else {
			data[n++] = (uint8_t)(hex_digit(line[i]) << 4 | hex_digit(line[i + 1]));
			i += 2;
		}
	}
	return n;
}

static void
decode_line(struct decoding *decoding, uint64_t number, const char *line, size_t len)
{
	uint8_t *data = cli_alloc(len / 2 + 1, 1);
	struct shoal_packet_opened opened;
	size_t column, n = read_hex(line, len, data, &column);

	if (n > 0 || column > 0) {
		printf(decoding->json ? "{\"line\":%llu," : "line %llu: ",
		        (unsigned long long)number);
		if (column == 0) {
			cli_reveal_any(decoding->reveal, data, n, &opened);
			print_packet(decoding, &opened, data, n);
		} else {
			decoding->packets++;
			decoding->wrong++;
			printf(decoding->json ? "\"packet\":null,\"column\":%zu}\n"
			                      : "no hexadecimal digit in column %zu\n",
			        column);
		}
	}
	free(data);
}

static void
decode_hex(struct decoding *decoding, const char *text, size_t len)
{
	for (uint64_t number = 1; len > 0; number++) {
		const char *end = memchr(text, '\n', len);
		size_t line = end != NULL ? (size_t)(end - text) : len;

		decode_line(decoding, number, text, line);
		line += end != NULL;
		text += line;
		len -= line;
	}
}

/* Where a packet of a capture was: number, time, protocol, from and to. */
static void
begin_packet(const struct decoding *decoding, const struct cli_capture_packet *packet)
{
	char from[SHOAL_ADDR_TEXT], to[SHOAL_ADDR_TEXT], when[CLI_TIME_TEXT];

	printf(decoding->json
	                ? "{\"frame\":%llu,\"time\":\"%s\",\"protocol\":\"%s\",\"from\":\"%s\","
	                  "\"to\":\"%s\","
	                : "frame %llu %s %s %s > %s: ",
	        (unsigned long long)packet->number, cli_text_time(packet->wall_ns, when),
	        packet->tcp ? "tcp" : "udp", shoal_addr_print(&packet->from, from, sizeof(from)),
	        shoal_addr_print(&packet->to, to, sizeof(to)));
	if (packet->missing > 0) {
		printf(decoding->json ? "\"missing\":%zu," : "(%zu bytes were not captured) ",
		        packet->missing);
	}
}

static uint64_t
number_at(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++) {
		value = value << 8 | at[i];
	}
	return value;
}

/* A frame of a stream that a segment holds no whole of. */
static void
tell_part(struct decoding *decoding, const struct cli_capture_packet *packet, size_t len)
{
	begin_packet(decoding, packet);
	printf(decoding->json ? "\"part\":%zu,\"packet\":null}\n"
	                      : "%zu bytes of a stream that are no whole packet\n",
	        len);
	decoding->parts++;
}

/* What a segment holds of a stream: perhaps the greeting, then frames. Segments are not put
 * together, so only frames that begin and end in this one can be shown. */
static void
decode_segment(struct decoding *decoding, const struct cli_capture_packet *packet)
{
	static const char *const kinds[] = {NULL, "request", "reply", "one-way", "watch"};
	struct shoal_packet_opened opened;
	const uint8_t *at = packet->data;
	size_t left = packet->len;

	if (left >= GREETING_LEN && memcmp(at, GREETING, GREETING_LEN) == 0) {
		at += GREETING_LEN;
		left -= GREETING_LEN;
	}
	while (left > 0) {
		uint64_t len = left >= FRAME_HEADER ? number_at(at, 4) : 0;
		uint8_t kind = left >= FRAME_HEADER ? at[4] : 0;
		uint64_t exchange = left >= FRAME_HEADER ? number_at(at + 5, 8) : 0;

		if (kind == 0 || kind > 4 || len > left - FRAME_HEADER) {
			tell_part(decoding, packet, left);
			return;
		}
		begin_packet(decoding, packet);
		printf(decoding->json ? "\"stream\":\"%s\",\"exchange\":\"%llu\","
		                      : "%s, exchange %llu: ",
		        kinds[kind], (unsigned long long)exchange);
		cli_reveal_frame(decoding->reveal, packet, kind, exchange, at + FRAME_HEADER,
		        (size_t)len, &opened);
		print_packet(decoding, &opened, at + FRAME_HEADER, (size_t)len);
		at += FRAME_HEADER + len;
		left -= FRAME_HEADER + (size_t)len;
	}
}

static void
decode_capture(struct decoding *decoding, struct cli_capture *capture)
{
	struct shoal_packet_opened opened;
	struct cli_capture_packet packet;

	while (cli_capture_next(capture, &packet)) {
		if (packet.tcp) {
			decode_segment(decoding, &packet);
		} else {
			begin_packet(decoding, &packet);
			cli_reveal_datagram(decoding->reveal, packet.data, packet.len, &opened);
			print_packet(decoding, &opened, packet.data, packet.len);
		}
	}
}

static void
print_summary(const struct decoding *decoding, const struct cli_capture *capture)
{
	const struct {
		const char *name, *text;
		uint64_t n;
	} rows[] = {
	        {"packets", "packets", decoding->packets},
	        {"opened", "opened", decoding->opened},
	        {"sealed", "sealed", decoding->sealed},
	        {"compressed", "compressed", decoding->compressed},
	        {"coded", "in an unknown codec", decoding->coded},
	        {"wrong", "unreadable", decoding->wrong},
	        {"parts", "parts of streams", decoding->parts},
	        {"fragments", "fragments", capture->fragments},
	        {"others", "other frames", capture->others},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned long long n = rows[i].n;

		if (decoding->json) {
			printf("%s\"%s\":%llu", i == 0 ? "{" : ",", rows[i].name, n);
		} else if (i == 0 || n > 0) {
			printf("%s%s: %llu", i == 0 ? "" : ", ", rows[i].text, n);
		}
	}
	puts(decoding->json ? "}" : "");
}

static int
decode_file(struct decoding *decoding, const char *path, const uint8_t *data, size_t len, bool hex)
{
	struct cli_capture capture;
	struct shoal_packet_opened opened;
	enum cli_capture_kind kind = cli_capture_open(&capture, data, len);

	if (hex) {
		decode_hex(decoding, (const char *)data, len);
	} else if (kind == CLI_CAPTURE_OTHER) {
		return cli_error("%s is a pcapng file; make a pcap file of it: "
		                 "tcpdump -r FILE -w OTHER",
		        path);
	} else if (kind == CLI_CAPTURE_LINK) {
		return cli_error("%s was captured on a link of type %lu, which is not known here",
		        path, (unsigned long)capture.link);
	} else if (kind == CLI_CAPTURE_CLASSIC) {
		decode_capture(decoding, &capture);
	} else {
		fputs(decoding->json ? "{" : "", stdout);
		cli_reveal_any(decoding->reveal, data, len, &opened);
		print_packet(decoding, &opened, data, len);
	}
	print_summary(decoding, &capture);
	if (cli_flush() != CLI_DONE) {
		return CLI_FAILED;
	}
	if (capture.cut) {
		return cli_error(
		        "%s: not a whole capture: its frame at byte %zu is cut", path, capture.at);
	}
	return decoding->wrong == 0 ? CLI_DONE
	                            : cli_error("%s: %llu of %llu packets cannot be read", path,
	                                      (unsigned long long)decoding->wrong,
	                                      (unsigned long long)decoding->packets);
}

static int
run(struct cli_options *options)
{
	struct decoding decoding = {.json = false};
	const char *path = options->operands[0];
	enum cli_form form;
	uint8_t *data;
	size_t len;
	int end = cli_option_form(options, &form);

	if (end < 0 && form == CLI_CSV) {
		end = cli_usage(options->command, "no format 'csv' here: say text or json");
	}
	if (end >= 0) {
		return end;
	}
	decoding.json = form == CLI_JSON;
	end = cli_reveal_new(&decoding.reveal, cli_option(options, "key"));
	if (end != CLI_DONE) {
		return end;
	}
	if (cli_file_read(path, &data, &len) < 0) {
		end = cli_error("cannot read %s: %s", path, strerror(errno));
	} else {
		end = decode_file(&decoding, path, data, len, cli_option_flag(options, "hex"));
	}
	free(data);
	cli_reveal_free(decoding.reveal);
	return end;
}

static const struct cli_option decode_options[] = {
        {"hex", NULL,
                "FILE is text: a packet a line in hexadecimal digits; spaces and 0x are skipped.",
                CLI_FLAG, false},
        {"key", "FILE", "Opens sealed packets with the keys in FILE, as agent --keyring.",
                CLI_VALUE, false},
        {"format", "FORMAT", "text or json, one object a line. Default: text.", CLI_VALUE, false},
        CLI_HELP_ROW,
        CLI_END_ROW,
};

const struct cli_command cli_decode_command = {
        .name = "decode",
        .operands = "FILE",
        .summary = "Show packets of a file or a network capture as text",
        .about =
                "Shows the header and the messages of packets, and of one that a member would "
                "refuse, what is wrong at which byte. FILE ('-': standard input) is a network "
                "capture in the format of pcap, or with --hex text, or else one packet. Of a capture "
                "all UDP datagrams are taken for packets, and what TCP segments carry for frames "
                "of streams; segments are not put together, nor are fragments. Compressed packets are "
                "opened, and those in msgpack and json, and with --key sealed ones; the answer to a request only where that stands "
                "before it. Exit status 1: a "
                "packet cannot be read.",
        .options = decode_options,
        .operands_min = 1,
        .operands_max = 1,
        .run = run,
};
