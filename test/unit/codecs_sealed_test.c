/* SPDX-License-Identifier: MIT */
/* Sealed packets with AES-GCM, byte by byte as another implementation of HKDF and AES-GCM made
 * them, and compressed ones with snappy. */
#include "unit.h"

#include <shoal/packet.h>

#include <stdlib.h>

#include "wire/message.h"
#include "wire/packet.h"
#include "wire/structured.h"

/* A ping as docs/protocol.md draws it, sealed by the instance a0 a1 .. af for 0x1122334455667788
 * under a key of the bytes 0, 1, 2 and so on; each is a packet later than the one before. */
static const struct {
	uint8_t key_len;
	enum shoal_packet_kind kind;
	uint64_t request;
	const char *label;
	uint64_t print;
	const char *hex;
} golden[] = {
        {32, SHOAL_PACKET_DATAGRAM, 0, "", UINT64_C(0x92c4191ad6497716),
                "c1010092a0a1a2a3a4a5a6a728a9aaabacadaeb011223344556677889001d6e4"
                "97ef5ba925eda3347de0ebab596196d41f598084b4d058302344f15f7eda4839"
                "297d1eed1a8ae37303fa3d44608a9cfc073db6f0baab13ae1e85145ba970a1b4"
                "5ef312"},
        {16, SHOAL_PACKET_ANSWER, UINT64_C(0x0102030405060708), "prod",
                UINT64_C(0x49d2db2437816838),
                "c1010470726f6449a0a1a2a3a4a5a6a728a9aaabacadaeb11122334455667788"
                "e1e9cec050694544fb698b9d8c77071648977d2d0bb7959d56754f2592b5c7a0"
                "1253412f4ce3a4a3ea2cce05c6bdb86d94f86af4f2cb7ecf834d4ad6dcf3df28"
                "6620f8445a377c"},
        {24, SHOAL_PACKET_DATAGRAM, 0, "prod", UINT64_C(0xa9914a2d5d34d56e),
                "c1010470726f64a9a0a1a2a3a4a5a6a728a9aaabacadaeb21122334455667788"
                "3514cfae4bea780d5b7b7df330f0747bab7eb71daa64dc923eb1bd3b8e686ef7"
                "f1c39820e196846723c780765c49d31d57cd76d586b712aefbdbfe9488de4451"
                "968fcbd12294a8"},
        {32, SHOAL_PACKET_ONE_WAY, 0, "prod", UINT64_C(0x92c4191ad6497716),
                "c1010470726f6492a0a1a2a3a4a5a6a728a9aaabacadaeb31122334455667788"
                "ab6e820dbb88834ef724815959e8dda4ccc762c172b9ad442bb2bd173a24b959"
                "55f2c4f3d2d14ac5d804568c2cdf69621a5b1a5e35f03f8203d9a8bc10119333"
                "1e4efe8ea84a3b"},
        {16, SHOAL_PACKET_REQUEST, 0, "", UINT64_C(0x49d2db2437816838),
                "c1010049a0a1a2a3a4a5a6a728a9aaabacadaeb41122334455667788d13683ba"
                "dba759b6b89471be0a7d9e58a5133de8ec16b8d4d476614fcfc03ecf4229dd89"
                "b2ace29d9551068cc966ef93231241f91ebd0bc1f798bff6ecedfea3df17882e"
                "50a62e"},
        {24, SHOAL_PACKET_WATCH, 0, "", UINT64_C(0xa9914a2d5d34d56e),
                "c10100a9a0a1a2a3a4a5a6a728a9aaabacadaeb5112233445566778816d263d8"
                "ab3a17e7e043be645453e0ae2c9e2e5cff7e6cf2bf220f6f6224d151f265e22e"
                "af12c3f3ae7c23140a61a893d0b6c5f1dde87269cad7dbc802ac2e3c432b294f"
                "b9b002"},
        {32, SHOAL_PACKET_ANSWER, 0, "", UINT64_C(0x92c4191ad6497716),
                "c1010092a0a1a2a3a4a5a6a728a9aaabacadaeb61122334455667788e9c3d388"
                "09f34b88d1929d1b27cb5c6552a2bfb27b29a77413b02d251e5d2ba59bee668e"
                "0257c36f8f59c935618cdedaec6daa2cde885e790a7df837092ddaccc2b60eb2"
                "99e761"},
};

/* Twenty of these pings, compressed with snappy by hand: the first one as it is, the others copied
 * from 55 bytes before, 64 bytes at a time. Clear, and as a request under the key of 32 bytes. */
static const char compressed_hex[] =
        "c10200cc08d80235000000000000000111111111111111111111111111111111"
        "aaaaaaaaaaaaaaaa2222222222222222222222222222222200ccccccccfe3700"
        "fe3700fe3700fe3700fe3700fe3700fe3700fe3700fe3700fe3700fe3700fe37"
        "00fe3700fe3700fe3700fe3700523700d2fac2ac";
static const char both_hex[] = "c1030092a0a1a2a3a4a5a6a728a9aaabacadaeb01122334455667788197f3e71"
                               "41eaafe36adc87e469abf4dcab2c35a2d5fd77aef968112a05c15b360ba9e86f"
                               "780d8e8b5c42cbf975f8c1a5115590374eb99f2a50d3fb5869b979134926c037"
                               "c69530e8dab632718634df68768513cfcaac35634449ce9884790011353e68a7"
                               "90989a398a56a23cde2fa75ada7bf4c74484b958bba7fcc6b3";

/* The ping as a map, sealed; each is the first packet of its instance. */
static const struct {
	uint8_t key_len;
	enum shoal_packet_kind kind;
	const char *label;
	const struct shoal_codec_ops *(*codec)(void);
	const char *hex;
} coded[] = {
        {32, SHOAL_PACKET_DATAGRAM, "prod", shoal_codec_msgpack,
                "c1050470726f640192a0a1a2a3a4a5a6a728a9aaabacadaeb011223344556677"
                "8890785347e48a2aa88785d6e17ce0ebab596196d41f598084b4d0e38b984a28"
                "94b804a5b1a1f5966592026bf755b96d0127dc5820e9d35899b9d00d7357f3de"
                "dd42e16b8e809afca8f769b092cb414589266d8abc3a15689323b0f5e50122"},
        {16, SHOAL_PACKET_REQUEST, "", shoal_codec_json,
                "c105000249a0a1a2a3a4a5a6a728a9aaabacadaeb011223344556677887d1d73"
                "f7b02f0dbb0ea9a44e8b5f3b04733c54b25205356dfbd751d329d6f1e032b27e"
                "4cb17f2c9373ecf787a250c6b257efe08dbae55d1dc48ceba4acb097d41d178a"
                "37ccdd20e13e0725be79f8d51235a4e6e0a099baf08108d73edb15fe09630ccf"
                "264755d779b03bcbe6803c8df0b56079b8b464ffb8675edc851d154ede859021"
                "63865c63ea2f6838ca168296bd2d7573b399353dda9965db2402bcf7a307d8e2"
                "6e07f10007"},
};

#define MOST 512

static size_t
bytes(const char *hex, uint8_t data[MOST])
{
	static const char digits[] = "0123456789abcdef";
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		data[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) * 16 +
		                    (strchr(digits, hex[2 * i + 1]) - digits));
	}
	return len;
}

static struct shoal_msg_ping
ping(void)
{
	struct shoal_msg_ping ping = {
	        .seq = 1, .salt = UINT64_C(0xaaaaaaaaaaaaaaaa), .mark = 0xcccccccc};

	memset(ping.id.bytes, 0x11, sizeof ping.id.bytes);
	memset(ping.target.bytes, 0x22, sizeof ping.target.bytes);
	return ping;
}

static struct shoal_keyring *
keyring(uint8_t first_salt, uint8_t key_len, uint64_t *print)
{
	struct shoal_keyring_config config = {.cipher = shoal_cipher_aes_gcm()};
	struct shoal_keyring *ring;
	uint8_t key[32];

	for (uint8_t i = 0; i < 32; i++) {
		key[i] = i;
		config.salt.bytes[i % 16] = (uint8_t)(first_salt + i % 16);
	}
	assert_int_equal(shoal_keyring_new(&ring, &config), SHOAL_OK);
	assert_int_equal(shoal_keyring_install(ring, key, key_len, print), SHOAL_OK);
	return ring;
}

static void
packets_are_sealed_as_the_document_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(golden); i++) {
		struct shoal_span label = {
		        (const uint8_t *)golden[i].label, strlen(golden[i].label)};
		struct shoal_msg_ping said = ping();
		uint8_t data[MOST], expected[MOST];
		struct shoal_writer writer;
		struct shoal_packet_frame frame = {golden[i].kind, golden[i].request};
		uint64_t print;
		struct shoal_keyring *ring = keyring(0xa0, golden[i].key_len, &print);

		assert_true(print == golden[i].print);
		for (size_t before = 0; before < i; before++) {
			(void)shoal_keyring_next(ring, golden[i].kind != SHOAL_PACKET_DATAGRAM);
		}
		shoal_writer_init(&writer, data, sizeof data);
		shoal_packet_begin_sealed(&writer, label);
		assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_PING, &said));
		assert_int_equal(
		        shoal_packet_seal(&writer, ring, &frame, UINT64_C(0x1122334455667788)),
		        SHOAL_OK);
		assert_int_equal(writer.len, bytes(golden[i].hex, expected));
		assert_memory_equal(data, expected, writer.len);
		shoal_keyring_free(ring);
	}
}

static void
packets_are_opened_as_the_document_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(golden); i++) {
		struct shoal_span label = {
		        (const uint8_t *)golden[i].label, strlen(golden[i].label)};
		struct shoal_keyring *ring = keyring(0x10, golden[i].key_len, NULL);
		struct shoal_packet_header header;
		struct shoal_packet_frame frame = {golden[i].kind, golden[i].request};
		struct shoal_reader reader, body;
		union shoal_wire_message message;
		uint8_t data[MOST];
		uint16_t kind;
		size_t len = bytes(golden[i].hex, data), clear_len;

		shoal_reader_init(&reader, data, len);
		assert_int_equal(shoal_packet_header(&reader, &header), SHOAL_OK);
		assert_true(header.addressee == UINT64_C(0x1122334455667788));
		assert_int_equal(
		        shoal_packet_unseal(data, len, &header, &frame, ring, true, &clear_len),
		        SHOAL_OK);
		assert_int_equal(shoal_packet_open(data + SHOAL_PACKET_SEAL, clear_len, label,
		                         &header, &reader),
		        SHOAL_OK);
		assert_int_equal(shoal_message_next(&reader, &kind, &body), 1);
		assert_int_equal(kind, SHOAL_MESSAGE_PING);
		assert_int_equal(shoal_message_decode(kind, body, &message), SHOAL_OK);
		assert_true(message.ping.seq == 1 && message.ping.mark == 0xcccccccc);
		assert_int_equal(shoal_message_next(&reader, &kind, &body), 0);
		shoal_keyring_free(ring);
	}
}

static void
expect_pings(const char *hex, enum shoal_packet_way way, bool sealed)
{
	struct shoal_key key = {.len = 32};
	struct shoal_packet_opener *opener;
	struct shoal_packet_opened opened;
	struct shoal_packet_header header;
	struct shoal_reader messages, body;
	union shoal_wire_message message;
	uint8_t data[MOST];
	size_t len = bytes(hex, data), pings = 0;
	uint16_t kind;

	for (uint8_t i = 0; i < 32; i++) {
		key.bytes[i] = i;
	}
	assert_int_equal(shoal_packet_opener_new(&opener, &key, 1, shoal_cipher_aes_gcm(),
	                         shoal_compressor_snappy(), NULL),
	        SHOAL_OK);
	assert_int_equal(shoal_packet_opener_open(opener, way, 0, data, len, &opened), SHOAL_OK);
	assert_true(opened.compressed && opened.sealed == sealed);
	assert_int_equal(shoal_packet_open(opened.data, opened.len, (struct shoal_span){NULL, 0},
	                         &header, &messages),
	        SHOAL_OK);
	while (shoal_message_next(&messages, &kind, &body) == 1) {
		assert_int_equal(kind, SHOAL_MESSAGE_PING);
		assert_int_equal(shoal_message_decode(kind, body, &message), SHOAL_OK);
		assert_int_equal(message.ping.seq, 1);
		pings++;
	}
	assert_int_equal(pings, 20);
	shoal_packet_opener_free(opener);
}

static void
packets_are_uncompressed_as_the_document_tells(void **state)
{
	(void)state;
	expect_pings(compressed_hex, SHOAL_WAY_DATAGRAM, false);
	expect_pings(both_hex, SHOAL_WAY_REQUEST, true);
}

static void
coded_packets_are_sealed_and_opened_as_the_documents_tell(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(coded); i++) {
		const struct shoal_codec_ops *codec = coded[i].codec();
		struct shoal_packet_frame frame = {coded[i].kind, 0};
		struct shoal_keyring *ring = keyring(0xa0, coded[i].key_len, NULL);
		struct shoal_key key = {.len = coded[i].key_len};
		struct shoal_packet_opener *opener;
		struct shoal_packet_opened opened;
		struct shoal_msg_ping said = ping();
		uint8_t data[MOST], expected[MOST];
		struct shoal_writer writer;
		size_t len = bytes(coded[i].hex, expected);

		shoal_writer_init(&writer, data, sizeof data);
		shoal_packet_begin_sealed(
		        &writer, (struct shoal_span){
		                         (const uint8_t *)coded[i].label, strlen(coded[i].label)});
		shoal_packet_set_codec(&writer, codec->id);
		assert_true(shoal_structured_append(&writer, codec, SHOAL_MESSAGE_PING, &said));
		assert_int_equal(
		        shoal_packet_seal(&writer, ring, &frame, UINT64_C(0x1122334455667788)),
		        SHOAL_OK);
		assert_int_equal(writer.len, len);
		assert_memory_equal(data, expected, len);
		shoal_keyring_free(ring);

		for (uint8_t n = 0; n < key.len; n++) {
			key.bytes[n] = n;
		}
		assert_int_equal(shoal_packet_opener_new(
		                         &opener, &key, 1, shoal_cipher_aes_gcm(), NULL, NULL),
		        SHOAL_OK);
		assert_int_equal(shoal_packet_opener_codec(opener, codec), SHOAL_OK);
		assert_int_equal(
		        shoal_packet_opener_open(opener, (enum shoal_packet_way)coded[i].kind, 0,
		                expected, len, &opened),
		        SHOAL_OK);
		assert_string_equal(opened.codec, codec->name);
		shoal_writer_init(&writer, data, sizeof data);
		assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_PING, &said));
		size_t head = SHOAL_PACKET_HEAD + strlen(coded[i].label);
		assert_int_equal(opened.len, head + writer.len + SHOAL_PACKET_CRC);
		assert_memory_equal(opened.data + head, data, writer.len);
		shoal_packet_opener_free(opener);
	}
}

static void
a_long_packet_is_compressed_with_snappy_and_a_bomb_is_refused(void **state)
{
	const struct shoal_compressor_ops *snappy = shoal_compressor_snappy();
	const size_t many = 5000;
	uint8_t *data = malloc(many), *out = malloc(many), *room = malloc(snappy->bound(many));
	struct shoal_writer writer;
	size_t len;

	(void)state;
	assert_true(data != NULL && out != NULL && room != NULL);
	shoal_writer_init(&writer, data, many);
	shoal_packet_begin(&writer, (struct shoal_span){data, 0});
	for (int i = 0; i < 80; i++) {
		struct shoal_msg_ping said = ping();
		assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_PING, &said));
	}
	size_t clear = writer.len;
	assert_true(shoal_packet_compress(&writer, snappy, room, snappy->bound(many)));
	shoal_packet_end(&writer);
	assert_true(writer.len < clear / 4);
	assert_int_equal(
	        shoal_packet_uncompress(data, writer.len, snappy, out, many, &len), SHOAL_OK);
	assert_int_equal(len, clear + SHOAL_PACKET_CRC);
	struct shoal_packet_opener *opener;
	struct shoal_packet_opened opened;
	assert_int_equal(shoal_packet_opener_new(&opener, NULL, 0, NULL, snappy, NULL), SHOAL_OK);
	assert_int_equal(
	        shoal_packet_opener_open(opener, SHOAL_WAY_ONE_WAY, 0, data, writer.len, &opened),
	        SHOAL_OK);
	assert_true(opened.compressed && opened.len == len);
	assert_memory_equal(opened.data, out, len);
	shoal_packet_opener_free(opener);
	for (size_t cap = 0; cap < len; cap += 7) {
		assert_int_equal(shoal_packet_uncompress(data, writer.len, snappy, out, cap, &len),
		        SHOAL_ERR_TOO_BIG);
	}
	free(data);
	free(out);
	free(room);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(packets_are_sealed_as_the_document_tells),
	        cmocka_unit_test(packets_are_opened_as_the_document_tells),
	        cmocka_unit_test(packets_are_uncompressed_as_the_document_tells),
	        cmocka_unit_test(coded_packets_are_sealed_and_opened_as_the_documents_tell),
	        cmocka_unit_test(a_long_packet_is_compressed_with_snappy_and_a_bomb_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
