/* SPDX-License-Identifier: MIT */
/* libFuzzer's target for what reads bytes of strangers without a core: documents of every codec,
 * bodies of messages in them, compressed texts, packets that are printed, packets in every codec
 * that are clear and sealed, and configurations. The first byte says which.
 *
 * Beyond that nothing crashes: what was taken comes back through the codec as the same, the limit
 * of an uncompressed text holds, and decoding takes no more memory than is promised. */
#include <shoal/packet.h>
#include <shoal/value.h>

#include "coded.h"
#include "wire/structured.h"

#include <stdlib.h>
#include <string.h>

#define PACKET_MAX (1 << 18)
#define SCRATCH    (SHOAL_META_MAX + 512)
/* shoal/value.h: for a byte of the document, and in all. */
#define MEMORY_FACTOR 24
#define MEMORY_FIXED  512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool fact)
{
	if (!fact) {
		abort();
	}
}

static const struct shoal_codec_ops *
codec_of(uint8_t number)
{
	return number % 3 == 0   ? shoal_codec_binary()
	       : number % 3 == 1 ? shoal_codec_msgpack()
	                         : shoal_codec_json();
}

/* Counts what is held, with the size of each block in front of it. */
struct counting {
	size_t held, most;
};

static void *
count_malloc(size_t size, void *arg)
{
	struct counting *counting = arg;
	size_t *block = malloc(sizeof(max_align_t) + size);

	expect(block != NULL);
	*block = size;
	counting->held += size;
	counting->most = counting->held > counting->most ? counting->held : counting->most;
	return (uint8_t *)block + sizeof(max_align_t);
}

static void
count_free(void *ptr, void *arg)
{
	struct counting *counting = arg;
	size_t *block = (size_t *)(void *)((uint8_t *)ptr - sizeof(max_align_t));

	counting->held -= *block;
	free(block);
}

/* Both blocks are held for a moment, as with an allocator that has to move. */
static void *
count_realloc(void *ptr, size_t size, void *arg)
{
	size_t was = *(size_t *)(void *)((uint8_t *)ptr - sizeof(max_align_t));
	void *moved = count_malloc(size, arg);

	memcpy(moved, ptr, was < size ? was : size);
	count_free(ptr, arg);
	return moved;
}

static void
fuzz_value(const struct shoal_codec_ops *codec, const uint8_t *data, size_t size)
{
	struct counting counting = {0, 0};
	struct shoal_allocator mem = {count_malloc, count_realloc, count_free, &counting};
	struct shoal_value *value, *back;
	uint8_t *again;
	size_t len;
	int rc = shoal_value_decode(codec, data, size, NULL, &mem, &value);

	expect((rc == 0) == (value != NULL));
	expect(counting.most <= MEMORY_FACTOR * size + MEMORY_FIXED);
	if (rc == 0) {
		expect(shoal_value_encode(codec, value, SIZE_MAX, NULL, &again, &len) == 0);
		expect(shoal_value_decode(codec, again, len, NULL, NULL, &back) == 0);
		expect(shoal_value_equal(value, back));
		shoal_value_free(back);
		free(again);
	}
	shoal_value_free(value);
	expect(counting.held == 0);
}

static void
fuzz_message(const struct shoal_codec_ops *codec, uint16_t kind, const uint8_t *data, size_t size)
{
	static uint8_t first[PACKET_MAX], second[PACKET_MAX];
	uint8_t scratch[2][SCRATCH];
	union shoal_wire_message message, back;
	struct shoal_writer writer = {first, 0, sizeof(first), false};
	struct shoal_reader packet, body;
	uint16_t same;
	size_t len;

	shoal_reader_init(&body, data, size);
	if (shoal_structured_decode(codec, kind, body, scratch[0], sizeof scratch[0], &message) !=
	        0) {
		return;
	}
	expect(shoal_structured_append(&writer, codec, (enum shoal_message_kind)kind, &message));
	len = writer.len;
	shoal_reader_init(&packet, first, len);
	expect(shoal_message_next(&packet, &same, &body) == 1 && same == kind);
	expect(shoal_structured_decode(codec, kind, body, scratch[1], sizeof scratch[1], &back) ==
	        0);
	writer = (struct shoal_writer){second, 0, sizeof(second), false};
	expect(shoal_structured_append(&writer, codec, (enum shoal_message_kind)kind, &back));
	expect(writer.len == len && memcmp(first, second, len) == 0);
}

static void
fuzz_compressed(size_t limit, const uint8_t *data, size_t size)
{
	const struct shoal_compressor_ops *snappy = shoal_compressor_snappy();
	uint8_t *out = malloc(limit + 1);
	size_t len = 0;

	expect(out != NULL);
	if (snappy != NULL && snappy->uncompress(data, size, out, limit, &len) == 0) {
		expect(len <= limit);
	}
	free(out);
}

static void
take(const char *text, size_t len, void *arg)
{
	for (size_t i = 0; i < len; i++) {
		expect((uint8_t)text[i] >= 0x20 || text[i] == '\n');
	}
	*(size_t *)arg += len;
}

static void
fuzz_print(const uint8_t *data, size_t size)
{
	size_t printed = 0;

	(void)shoal_packet_print(data, size, SHOAL_PRINT_TEXT, take, &printed);
	(void)shoal_packet_print(data, size, SHOAL_PRINT_JSON, take, &printed);
	expect(printed > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	switch (data[0] % 16) {
	case 0:
	case 1:
	case 2:
		fuzz_value(codec_of(data[0] % 16), data + 1, size - 1);
		break;
	case 3:
	case 4:
	case 5:
		fuzz_message(codec_of((uint8_t)(data[0] % 16 - 3)), data[1], data + 2, size - 2);
		break;
	case 6:
		fuzz_compressed((size_t)data[1] * 16, data + 2, size - 2);
		break;
	case 8:
	case 9:
	case 10:
		fuzz_coded(codec_of((uint8_t)(data[0] % 16 - 8)), data + 1, size - 1);
		break;
	case 11:
		fuzz_config(data + 1, size - 1);
		break;
	default:
		fuzz_print(data + 1, size - 1);
		break;
	}
	return 0;
}
