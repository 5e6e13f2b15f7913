/* SPDX-License-Identifier: MIT */
/* A codec of the application's own: every value is a letter and, but for null, true and false,
 * eight bytes in network order: the number, the length or the count. Strings and bytes follow it.
 *
 * Order, depth, counts and UTF-8 are seen to by the library, which also bounds what a hostile
 * document can cost: a codec only knows single values. */
#include <shoal/shoal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put(struct shoal_writer *writer, char letter, uint64_t number)
{
	uint8_t bytes[9] = {(uint8_t)letter};

	for (int i = 0; i < 8; i++) {
		bytes[1 + i] = (uint8_t)(number >> (56 - 8 * i));
	}
	shoal_writer_put(writer, bytes, sizeof(bytes));
}

static void
put_data(struct shoal_writer *writer, char letter, const void *data, size_t len)
{
	put(writer, letter, len);
	shoal_writer_put(writer, data, len);
}

/* clang-format off */
static void write_null(struct shoal_writer *w) { shoal_writer_put(w, "n", 1); }
static void write_bool(struct shoal_writer *w, bool value) { shoal_writer_put(w, value ? "t" : "f", 1); }
static void write_int64(struct shoal_writer *w, int64_t value) { put(w, 'i', (uint64_t)value); }
static void write_uint64(struct shoal_writer *w, uint64_t value) { put(w, 'u', value); }
static void write_string(struct shoal_writer *w, const char *text, size_t len) { put_data(w, 's', text, len); }
static void write_bytes(struct shoal_writer *w, const uint8_t *data, size_t len) { put_data(w, 'b', data, len); }
static void write_array(struct shoal_writer *w, size_t count) { put(w, 'a', count); }
static void write_map(struct shoal_writer *w, size_t count) { put(w, 'm', count); }
static void write_key(struct shoal_writer *w, const char *text, size_t len) { put_data(w, 'k', text, len); }
/* clang-format on */

static void
write_double(struct shoal_writer *writer, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put(writer, 'd', bits);
}

/* What was cut off, or claims more than is there, is malformed; nothing is read beyond the end. */
static int
get(struct shoal_reader *reader, uint8_t *letter, uint64_t *number)
{
	const uint8_t *at = shoal_reader_take(reader, 1);

	*letter = at != NULL ? *at : '\0';
	*number = 0;
	if (strchr("iudsbamk", *letter) != NULL && at != NULL) {
		at = shoal_reader_take(reader, 8);
		for (int i = 0; at != NULL && i < 8; i++) {
			*number = *number << 8 | at[i];
		}
	}
	return at == NULL ? SHOAL_ERR_MALFORMED : 0;
}

static int
get_data(struct shoal_reader *reader, struct shoal_token *token, uint64_t len)
{
	if (len > reader->left) {
		return SHOAL_ERR_MALFORMED;
	}
	token->is.len = token->data_len = (size_t)len;
	token->data = shoal_reader_take(reader, (size_t)len);
	return 0;
}

static int
read_value(struct shoal_reader *reader, struct shoal_token *token)
{
	static const char letters[] = "ntfiudsbam";
	static const enum shoal_token_type types[] = {SHOAL_TOKEN_NULL, SHOAL_TOKEN_BOOL,
	        SHOAL_TOKEN_BOOL, SHOAL_TOKEN_INT64, SHOAL_TOKEN_UINT64, SHOAL_TOKEN_DOUBLE,
	        SHOAL_TOKEN_STRING, SHOAL_TOKEN_BYTES, SHOAL_TOKEN_ARRAY, SHOAL_TOKEN_MAP};
	uint64_t number;
	uint8_t letter;
	int rc = get(reader, &letter, &number);
	const char *at = strchr(letters, letter);

	if (rc != 0 || letter == '\0' || at == NULL) {
		return SHOAL_ERR_MALFORMED;
	}
	token->type = types[at - letters];
	if (letter == 's' || letter == 'b') {
		return get_data(reader, token, number);
	}
	if (letter == 'a' || letter == 'm') {
		token->is.count = (size_t)number;
		return number > reader->left ? SHOAL_ERR_MALFORMED : 0;
	}
	token->is.uint64 = number; /* the bits of an int64 and of a double too */
	if (token->type == SHOAL_TOKEN_BOOL) {
		token->is.boolean = letter == 't';
	}
	return 0;
}

static int
read_key(struct shoal_reader *reader, struct shoal_token *token)
{
	uint64_t len;
	uint8_t letter;
	int rc = get(reader, &letter, &len);

	return rc != 0 || letter != 'k' ? SHOAL_ERR_MALFORMED : get_data(reader, token, len);
}

static const struct shoal_codec_ops wide = {SHOAL_CODEC_ABI, SHOAL_CODEC_APPLICATION, 0, "wide",
        write_null, write_bool, write_int64, write_uint64, write_double, write_string, write_bytes,
        write_array, write_map, write_key, .read = read_value, .read_key = read_key};

int
main(void)
{
	static const char json[] = "{\"role\":\"web\",\"ports\":[80,-1,0.5,true,null]}";
	struct shoal_value *value = NULL, *back = NULL;
	uint8_t *data = NULL;
	size_t len = 0;

	int rc = shoal_value_decode(
	        shoal_codec_json(), (const uint8_t *)json, sizeof(json) - 1, NULL, NULL, &value);
	rc = rc != 0 ? rc : shoal_value_encode(&wide, value, 4096, NULL, &data, &len);
	rc = rc != 0 ? rc : shoal_value_decode(&wide, data, len, NULL, NULL, &back);
	if (rc == 0) {
		printf("%zu bytes, %s\n", len,
		        shoal_value_equal(value, back) ? "the same again" : "another value");
	}
	for (size_t cut = 0; rc == 0 && cut < len; cut++) {
		struct shoal_value *none = NULL;
		rc = shoal_value_decode(&wide, data, cut, NULL, NULL, &none) < 0 ? 0 : 1;
		shoal_value_free(none);
	}
	printf("cut off: %s\n", rc == 0 ? "refused" : "not refused");
	shoal_value_free(value);
	shoal_value_free(back);
	free(data);
	return rc == 0 ? 0 : 1;
}
