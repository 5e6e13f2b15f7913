/* SPDX-License-Identifier: MIT */
/* SHA-256 against the examples of FIPS 180-2 (appendix B) and, for every length about the block
 * borders, against one digest over digests that another implementation computed. */
#include "unit.h"

#include "base/hash.h"

static void
hex(const uint8_t digest[32], char text[65])
{
	size_t i;

	for (i = 0; i < 64; i++) {
		text[i] = "0123456789abcdef"[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
	}
	text[64] = 0;
}

static void
digest_of(const void *data, size_t len, uint8_t digest[32])
{
	struct shoal_sha256 sha;

	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, data, len);
	shoal_sha256_final(&sha, digest);
}

static void
the_published_examples_come_out(void **state)
{
	static const struct {
		const char *text, *digest;
	} examples[] = {
	        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
	         "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	uint8_t digest[32];
	char text[65];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(examples); i++) {
		digest_of(examples[i].text, strlen(examples[i].text), digest);
		hex(digest, text);
		assert_string_equal(text, examples[i].digest);
	}
}

static void
a_million_bytes_in_odd_pieces_come_out(void **state)
{
	static const uint8_t letters[997] = {0};
	uint8_t a[997], digest[32];
	struct shoal_sha256 sha;
	size_t left = 1000000, piece = 1;
	char text[65];

	(void)state;
	memset(a, 'a', sizeof(a));
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, letters, 0);
	while (left > 0) {
		if (piece > left) {
			piece = left;
		}
		shoal_sha256_update(&sha, a, piece);
		left -= piece;
		piece = piece * 7 % sizeof(a) + 1;
	}
	shoal_sha256_final(&sha, digest);
	hex(digest, text);
	assert_string_equal(
	        text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void
every_length_about_the_block_borders_comes_out(void **state)
{
	struct shoal_sha256 all;
	uint8_t digest[32];
	char text[65];
	size_t n;

	(void)state;
	shoal_sha256_init(&all);
	for (n = 0; n < 200; n++) {
		uint8_t data[200];
		size_t i;

		for (i = 0; i < n; i++) {
			data[i] = (uint8_t)(i * 7 + n);
		}
		digest_of(data, n, digest);
		shoal_sha256_update(&all, digest, sizeof(digest));
	}
	shoal_sha256_final(&all, digest);
	hex(digest, text);
	assert_string_equal(
	        text, "8c7c9ff69da76fc28823a1cb97268672663e628e1ea955868b16db46bab0545d");
}

static void
where_the_input_is_split_does_not_matter(void **state)
{
	uint8_t data[150], whole[32], parts[32];
	size_t i, split;

	(void)state;
	for (i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)(i * 31);
	}
	digest_of(data, sizeof(data), whole);
	for (split = 0; split <= sizeof(data); split++) {
		struct shoal_sha256 sha;

		shoal_sha256_init(&sha);
		shoal_sha256_update(&sha, data, split);
		shoal_sha256_update(&sha, data + split, sizeof(data) - split);
		shoal_sha256_final(&sha, parts);
		assert_memory_equal(parts, whole, 32);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_published_examples_come_out),
	        cmocka_unit_test(a_million_bytes_in_odd_pieces_come_out),
	        cmocka_unit_test(every_length_about_the_block_borders_comes_out),
	        cmocka_unit_test(where_the_input_is_split_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
