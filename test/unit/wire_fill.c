/* SPDX-License-Identifier: MIT */
/* See wire_fill.h. Lengths follow docs/protocol.md, "Messages". */
#include "wire_fill.h"

#include <stdlib.h>

#include "unit.h"

#define TEXT_MOST SHOAL_META_MAX

static const char *
text_of(size_t len)
{
	static char text[TEXT_MOST + 1];

	assert_true(len < sizeof text);
	memset(text, 'n', sizeof text);
	return text;
}

static void
fill_address(struct shoal_addr *addr, enum fill_how how, uint64_t *seed)
{
	memset(addr, 0, sizeof *addr);
	if (how == FILL_LEAST) {
		return;
	}
	memset(addr->ip, 0xff, sizeof addr->ip);
	addr->port = 65535;
	if (how == FILL_DRAWN) {
		addr->port = (uint16_t)(1 + unit_random(seed) % 65535);
		if (unit_random(seed) % 2 == 0) {
			memset(addr->ip, 0, 10);
		}
	}
}

static void
fill_field(const struct shoal_field *field, uint8_t *at, enum fill_how how, uint64_t *seed)
{
	uint64_t most = how == FILL_LEAST ? 0 : field->limit;
	uint64_t drawn = how == FILL_DRAWN ? unit_random(seed) : most;

	if (how == FILL_DRAWN && most < UINT64_MAX) {
		most = drawn % (most + 1);
	}
	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG:
		*at = (uint8_t)most;
		break;
	case SHOAL_FIELD_U32:
		*(uint32_t *)at = how == FILL_LEAST  ? 0
		                  : how == FILL_MOST ? UINT32_MAX
		                                     : (uint32_t)drawn;
		break;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
		*(uint64_t *)at = how == FILL_LEAST ? 0 : how == FILL_MOST ? UINT64_MAX : drawn;
		break;
	case SHOAL_FIELD_VAR:
		*(uint64_t *)at =
		        most == UINT64_MAX && how == FILL_DRAWN ? drawn >> (drawn & 63) : most;
		break;
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		memset(at, how == FILL_LEAST ? 0 : 0xff, 16);
		if (how == FILL_DRAWN) {
			memcpy(at, &drawn, sizeof drawn);
		}
		break;
	case SHOAL_FIELD_ADDR:
		fill_address((struct shoal_addr *)at, how, seed);
		break;
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
	case SHOAL_FIELD_BYTES:
		most = most < TEXT_MOST ? most : TEXT_MOST;
		*(struct shoal_span *)at =
		        (struct shoal_span){(const uint8_t *)text_of((size_t)most), (size_t)most};
		break;
	case SHOAL_FIELD_IDS: {
		struct shoal_id_list *list = (struct shoal_id_list *)at;
		list->count = (size_t)most;
		memset(list->item, 0x5a, most * sizeof list->item[0]);
		break;
	}
	case SHOAL_FIELD_ADDRS: {
		struct shoal_addr_list *list = (struct shoal_addr_list *)at;
		list->count = (size_t)most;
		for (size_t i = 0; i < list->count; i++) {
			fill_address(&list->item[i], how, seed);
		}
		break;
	}
	case SHOAL_FIELD_TYPE_COUNT:
		fail();
	}
}

void
fill_message(const struct shoal_layout *layout, void *message, enum fill_how how, uint64_t *seed)
{
	memset(message, 0, layout->size);
	for (size_t i = 0; i < layout->fields; i++) {
		const struct shoal_field *field = &layout->field[i];
		fill_field(field, (uint8_t *)message + field->offset, how, seed);
	}
}

static size_t
var_width(uint64_t value)
{
	size_t width = 1;

	for (; value > 127; value /= 128) {
		width++;
	}
	return width;
}

static size_t
address_width(const struct shoal_addr *addr)
{
	static const struct shoal_addr none;

	if (shoal_addr_equal(addr, &none)) {
		return 1;
	}
	return shoal_addr_is_ipv4(addr) ? 1 + 4 + 2 : 1 + 16 + 2;
}

static bool
is_left_out(const struct shoal_layout *layout, size_t i, const void *message)
{
	for (; i < layout->fields; i++) {
		const uint8_t *at = (const uint8_t *)message + layout->field[i].offset;
		uint64_t value = 1;

		if (layout->field[i].type == SHOAL_FIELD_FLAG) {
			value = *at;
		} else if (layout->field[i].type == SHOAL_FIELD_LONG) {
			memcpy(&value, at, sizeof value);
		} else if (layout->field[i].type == SHOAL_FIELD_WORD) {
			value = ((const struct shoal_span *)(const void *)at)->len;
		}
		if (value != 0) {
			return false;
		}
	}
	return true;
}

size_t
fill_width(const struct shoal_layout *layout, size_t nth, const void *message)
{
	const struct shoal_field *field = &layout->field[nth];
	const void *at = (const uint8_t *)message + field->offset;
	size_t width = 1;

	switch (field->type) {
	case SHOAL_FIELD_U8:
		return 1;
	case SHOAL_FIELD_U32:
		return 4;
	case SHOAL_FIELD_FLAG:
		return is_left_out(layout, nth, message) ? 0 : 1;
	case SHOAL_FIELD_LONG:
		return is_left_out(layout, nth, message) ? 0 : 8;
	case SHOAL_FIELD_U64:
		return 8;
	case SHOAL_FIELD_VAR:
		return var_width(*(const uint64_t *)at);
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		return 16;
	case SHOAL_FIELD_ADDR:
		return address_width(at);
	case SHOAL_FIELD_WORD:
		if (is_left_out(layout, nth, message)) {
			return 0;
		} /* fall through */
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_BYTES:
		return var_width(((const struct shoal_span *)at)->len) +
		       ((const struct shoal_span *)at)->len;
	case SHOAL_FIELD_IDS:
		return 1 + 16 * ((const struct shoal_id_list *)at)->count;
	case SHOAL_FIELD_ADDRS: {
		const struct shoal_addr_list *list = at;
		for (size_t i = 0; i < list->count; i++) {
			width += address_width(&list->item[i]);
		}
		return width;
	}
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
	fail();
	return 0;
}

static bool
same_address(const struct shoal_addr *a, const struct shoal_addr *b)
{
	return memcmp(a->ip, b->ip, sizeof a->ip) == 0 && a->port == b->port;
}

bool
fill_same(const struct shoal_field *field, const void *a, const void *b)
{
	a = (const uint8_t *)a + field->offset;
	b = (const uint8_t *)b + field->offset;
	switch (field->type) {
	case SHOAL_FIELD_U8:
	case SHOAL_FIELD_FLAG:
		return memcmp(a, b, 1) == 0;
	case SHOAL_FIELD_U32:
		return memcmp(a, b, 4) == 0;
	case SHOAL_FIELD_U64:
	case SHOAL_FIELD_LONG:
	case SHOAL_FIELD_VAR:
		return memcmp(a, b, 8) == 0;
	case SHOAL_FIELD_ID:
	case SHOAL_FIELD_SALT:
		return memcmp(a, b, 16) == 0;
	case SHOAL_FIELD_ADDR:
		return same_address(a, b);
	case SHOAL_FIELD_TEXT:
	case SHOAL_FIELD_WORD:
	case SHOAL_FIELD_BYTES: {
		const struct shoal_span *x = a, *y = b;
		return x->len == y->len && (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
	}
	case SHOAL_FIELD_IDS: {
		const struct shoal_id_list *x = a, *y = b;
		return x->count == y->count &&
		       memcmp(x->item, y->item, x->count * sizeof x->item[0]) == 0;
	}
	case SHOAL_FIELD_ADDRS: {
		const struct shoal_addr_list *x = a, *y = b;
		for (size_t i = 0; i < x->count && x->count == y->count; i++) {
			if (!same_address(&x->item[i], &y->item[i])) {
				return false;
			}
		}
		return x->count == y->count;
	}
	case SHOAL_FIELD_TYPE_COUNT:
		break;
	}
	fail();
	return false;
}

uint16_t
fill_next_kind(uint16_t kind)
{
	while (++kind != 0) {
		if (shoal_message_layout(kind) != NULL) {
			return kind;
		}
	}
	return 0;
}

uint8_t *
fill_exact(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	if (len > 0) {
		memcpy(copy, data, len);
	}
	return copy;
}
