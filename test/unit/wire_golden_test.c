/* SPDX-License-Identifier: MIT */
/* One packet of each kind, byte for byte as docs/protocol.md tells, made by hand and not by the
 * code. Releases of wire version 1 understand each other: these bytes stay, and kinds and fields
 * that are added get bytes of their own, see "Compatibility" there. */
#include "unit.h"

#include <shoal/error.h>

#include "base/addr.h"
#include "wire/packet.h"
#include "wire_fill.h"

#define ID(byte)                                                                                   \
	{                                                                                          \
		{                                                                                  \
			byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte, byte,    \
			        byte, byte, byte, byte                                             \
		}                                                                                  \
	}
#define SEQ         UINT64_C(0x8000000000000001)
#define SALT        UINT64_C(0xaaaaaaaaaaaaaaaa)
#define OTHER       UINT64_C(0xbbbbbbbbbbbbbbbb)
#define INCARNATION (UINT64_C(1700000000) << 32 | 7)
#define ROOT        UINT64_C(0xcccccccccccccccc)
#define MARK        0xcccccccc

static const struct shoal_msg_sender sender = {.id = ID(0x11), .salt = SALT};
static const struct shoal_msg_ping ping = {
        .seq = SEQ, .id = ID(0x11), .salt = SALT, .target = ID(0x22), .mark = MARK};
static const struct shoal_msg_ack ack = {.seq = SEQ, .id = ID(0x11), .salt = SALT, .mark = MARK};
static const struct shoal_msg_nack nack = {.seq = SEQ, .id = ID(0x11), .reason = SHOAL_NACK_SILENT};
static const struct shoal_msg_relay relay = {
        .seq = SEQ, .id = ID(0x11), .salt = SALT, .target = ID(0x22), .budget_ms = 500};
static const struct shoal_msg_state said = {.id = ID(0x11),
        .salt = SALT,
        .incarnation = INCARNATION,
        .state = SHOAL_STATE_DEAD,
        .age_ms = 1500,
        .accusers = {1, {ID(0x22)}},
        .refused_ms = 320};
static const struct shoal_msg_state walled = {.id = ID(0x11),
        .salt = SALT,
        .incarnation = INCARNATION,
        .state = SHOAL_STATE_ALIVE,
        .marks = SHOAL_MARK_INBOUND};
static const struct shoal_msg_join join = {
        .id = ID(0x11), .salt = SALT, .epoch_s = 1700000000, .protocol_max = 1, .app_version = 300};
static const struct shoal_msg_sync sync_request = {
        .id = ID(0x11), .salt = SALT, .walk = UINT64_C(0xdddddddddddddddd), .root = ROOT};
static const struct shoal_msg_answer answer = {.id = ID(0x11),
        .salt = SALT,
        .code = 15,
        .reason = {(const uint8_t *)"clock: \xe2\x82\xac", 10},
        .root = ROOT};
static const struct shoal_msg_gone gone = {
        .seq = SEQ, .id = ID(0x11), .salt = SALT, .incarnation = INCARNATION, .target = ID(0x22)};
static const struct shoal_msg_conflict conflict = {.seq = SEQ,
        .id = ID(0x11),
        .salt = SALT,
        .target = ID(0x22),
        .stop = UINT64_C(0xbbbbbbbbbbbbbbbb),
        .started_ms = UINT64_C(1700000000123),
        .other = UINT64_C(0xcccccccccccccccc),
        .addr = {.ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = 7946}};
static const struct shoal_msg_conflict conflict_at_url = {.id = ID(0x11),
        .salt = SALT,
        .target = ID(0x22),
        .stop = UINT64_C(0xbbbbbbbbbbbbbbbb),
        .other = UINT64_C(0xcccccccccccccccc),
        .addr = {.ip = {0x01, 0xc5, 0x11, 0xee, 0x67, 0x8a, 0x3a, 0x02, 0xda, 0xa0, 0x6e, 0xa1,
                         0xee, 0x21, 0xdd, 0x2d},
                .port = 443},
        .url = {(const uint8_t *)"https://n.example/g", 19}};
static uint8_t sums[256]; /* 0 to 255 */
static const struct shoal_msg_tree tree = {.bits = 12, .prefix = 0xa2b, .sums = {sums, 256}};
static const struct shoal_msg_nodes nodes = {.bits = 6, .prefix = 0x2a, .sums = {sums + 1, 8}};
static const struct shoal_msg_partial partial = {
        .id = ID(0x11), .salt = SALT, .target = ID(0x22), .since_ms = 1500, .reports = 3};
static const struct shoal_msg_want want = {.sums = {sums + 1, 4}};
static const struct shoal_msg_watch watch = {
        .id = ID(0x11), .salt = SALT, .target = ID(0x22), .instance = OTHER};
static const struct shoal_msg_watch answering = {
        .id = ID(0x11), .salt = SALT, .target = ID(0x22), .instance = OTHER, .asked = 1};
static const struct shoal_msg_call call = {
        .id = ID(0x11), .salt = SALT, .target = ID(0x22), .instance = OTHER};
static const struct shoal_msg_check check = {
        .seq = SEQ, .id = ID(0x11), .salt = SALT, .target = ID(0x22), .instance = OTHER};
static const struct shoal_msg_refused refused = {.seq = SEQ,
        .id = ID(0x11),
        .salt = SALT,
        .target = ID(0x22),
        .instance = OTHER,
        .refused_ms = 320};
static const struct shoal_msg_pad pad = {.zero = 0};
static const struct shoal_msg_meta meta = {.id = ID(0x11),
        .version = UINT64_C(1700000000123) << 16 | 7,
        .hash = UINT64_C(0x81e2cd68351120e9),
        .len = 14,
        .body = {(const uint8_t *)"\1\2db\4role\6\3web", 14}};
static const struct shoal_msg_meta announced = {.id = ID(0x11),
        .version = UINT64_C(1700000000123) << 16 | 7,
        .hash = UINT64_C(0x81e2cd68351120e9),
        .len = 60000};
static const struct shoal_msg_pull pull = {.id = ID(0x11),
        .salt = SALT,
        .target = ID(0x22),
        .version = UINT64_C(1700000000123) << 16 | 7};
/* "hello" of type 128 and an empty one of type 200. */
static const uint8_t entries[] = {0x80, 1, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b, 0, 7, 5, 'h', 'e',
        'l', 'l', 'o', 0xc8, 1, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b, 0, 7, 0};
static const struct shoal_msg_user user = {.id = ID(0x11),
        .salt = SALT,
        .instance = OTHER,
        .number = 300,
        .entries = {entries, sizeof entries}};
static const struct shoal_msg_batch batch = {.id = ID(0x11),
        .salt = SALT,
        .instance = OTHER,
        .seq = UINT64_C(0x8070605040302010),
        .first = 300,
        .entries = {entries, sizeof entries}};
static const struct shoal_msg_receipt receipt = {.id = ID(0x11),
        .salt = SALT,
        .instance = OTHER,
        .seq = UINT64_C(0x8070605040302010),
        .next = 300,
        .code = 4};
static const struct shoal_msg_cast cast = {.id = ID(0x11),
        .salt = SALT,
        .number = 300,
        .age_ms = 129,
        .stamp = UINT64_C(1700000000123) << 16 | 7,
        .hops = 2,
        .flags = 1,
        .type = 200,
        .tag = {(const uint8_t *)"red", 3},
        .body = {(const uint8_t *)"hello", 5}};
static const struct shoal_msg_cast cast_within = {.id = ID(0x11),
        .salt = SALT,
        .number = 300,
        .age_ms = 129,
        .stamp = UINT64_C(1700000000123) << 16 | 7,
        .hops = 2,
        .type = 200,
        .body = {(const uint8_t *)"hello", 5},
        .hops_max = 3,
        .ttl_ms = 2000};
/* A reliable one and another one. */
static const uint8_t keys[] = {0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
        0x11, 0x11, 0x11, 0x11, 0x11, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xac, 2, 1,
        0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x22,
        0x22, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb, 1, 0};
static const struct shoal_msg_offer offer = {
        .id = ID(0x11), .salt = SALT, .sum = OTHER, .keys = {keys, sizeof keys}};
static const struct shoal_msg_fetch fetch = {
        .id = ID(0x11), .salt = SALT, .others = 1, .age_ms = 300000, .keys = {keys, sizeof keys}};

static struct shoal_msg_member
member(void)
{
	struct shoal_msg_member m = {.id = ID(0x11),
	        .incarnation = INCARNATION,
	        .state = SHOAL_STATE_SUSPECT,
	        .age_ms = 1500,
	        .accusers = {2, {ID(0x22), ID(0x33)}},
	        .name = {(const uint8_t *)"web-1", 5},
	        .addrs = {.count = 2},
	        .protocol_max = 3,
	        .app_version = 300};

	memset(m.salt.bytes, 0xaa, 8);
	memset(m.salt.bytes + 8, 0xbb, 8);
	assert_int_equal(shoal_addr_parse(&m.addrs.item[0], "10.0.0.1:7946"), 0);
	assert_int_equal(shoal_addr_parse(&m.addrs.item[1], "[2001:db8::1]:7946"), 0);
	return m;
}

/* It has moved: what may be left out at the end is written in front of what may not. */
static const struct shoal_msg_member moved = {.id = ID(0x11),
        .salt = {{0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb,
                0xbb, 0xbb, 0xbb}},
        .incarnation = INCARNATION,
        .state = SHOAL_STATE_ALIVE,
        .name = {(const uint8_t *)"web-1", 5},
        .addrs = {.count = 1, .item = {{.ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = 7946}}},
        .moved = INCARNATION - 1};

/* It is at a URL, which the address is made from. */
static const struct shoal_msg_member at_url = {.id = ID(0x11),
        .salt = {{0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xbb, 0xbb, 0xbb, 0xbb, 0xbb,
                0xbb, 0xbb, 0xbb}},
        .incarnation = INCARNATION,
        .state = SHOAL_STATE_ALIVE,
        .name = {(const uint8_t *)"web-1", 5},
        .addrs = {.count = 1,
                .item = {{.ip = {0x01, 0xc5, 0x11, 0xee, 0x67, 0x8a, 0x3a, 0x02, 0xda, 0xa0, 0x6e,
                                  0xa1, 0xee, 0x21, 0xdd, 0x2d},
                        .port = 443}}},
        .url = {(const uint8_t *)"https://n.example/g", 19}};

static const uint8_t key_bytes[16] = {0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x33,
        0x33, 0x33, 0x33, 0x33, 0x33, 0x33};
static const uint8_t held_bytes[20] = {
        1, 2, 3, 4, 5, 6, 7, 8, 16, 1, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 32, 0};
static const struct shoal_msg_keys order = {.id = ID(0x11),
        .salt = SALT,
        .action = SHOAL_KEY_INSTALL,
        .print = UINT64_C(0x0102030405060708),
        .key = {key_bytes, sizeof key_bytes}};
static const struct shoal_msg_keyring keyring = {
        .id = ID(0x11), .salt = SALT, .code = 4, .keys = {held_bytes, sizeof held_bytes}};

static const struct {
	enum shoal_message_kind kind;
	const void *message; /* NULL: member() */
	const char *hex;
} golden[] = {
        {SHOAL_MESSAGE_SENDER, &sender,
                "c10000011811111111111111111111111111111111aaaaaaaaaaaaaaaaa8f88d"
                "44"},
        {SHOAL_MESSAGE_PING, &ping,
                "c100000235800000000000000111111111111111111111111111111111aaaaaa"
                "aaaaaaaaaa2222222222222222222222222222222200ccccccccdfefb20f"},
        {SHOAL_MESSAGE_ACK, &ack,
                "c100000324800000000000000111111111111111111111111111111111aaaaaa"
                "aaaaaaaaaacccccccc078ed0ea"},
        {SHOAL_MESSAGE_NACK, &nack,
                "c1000004198000000000000001111111111111111111111111111111110119ff"
                "28bf"},
        {SHOAL_MESSAGE_RELAY, &relay,
                "c100000532800000000000000111111111111111111111111111111111aaaaaa"
                "aaaaaaaaaa22222222222222222222222222222222f403e488cd5a"},
        {SHOAL_MESSAGE_MEMBER, NULL,
                "c10000067211111111111111111111111111111111aaaaaaaaaaaaaaaabbbbbb"
                "bbbbbbbbbb6553f1000000000702dc0b02222222222222222222222222222222"
                "2233333333333333333333333333333333057765622d3102040a0000011f0a06"
                "20010db80000000000000000000000011f0a0003ac0200dbeb94d7"},
        {SHOAL_MESSAGE_MEMBER, &moved,
                "c10000064611111111111111111111111111111111aaaaaaaaaaaaaaaabbbbbb"
                "bbbbbbbbbb6553f10000000007010000057765622d3101040a0000011f0a0000"
                "0000006553f10000000006f19ef950"},
        {SHOAL_MESSAGE_MEMBER, &at_url,
                "c10000066611111111111111111111111111111111aaaaaaaaaaaaaaaabbbb"
                "bbbbbbbbbbbb6553f10000000007010000057765622d31010601c511ee678a"
                "3a02daa06ea1ee21dd2d01bb00000000000000000000000000136874747073"
                "3a2f2f6e2e6578616d706c652f67841810b7"},
        {SHOAL_MESSAGE_STATE, &said,
                "c10000073611111111111111111111111111111111aaaaaaaaaaaaaaaa6553f1"
                "000000000703dc0b0122222222222222222222222222222222c00207a7f336"},
        {SHOAL_MESSAGE_STATE, &walled,
                "c10000072511111111111111111111111111111111aaaaaaaaaaaaaaaa6553f1"
                "00000000070100000001ae3fff06"},
        {SHOAL_MESSAGE_JOIN, &join,
                "c10000082211111111111111111111111111111111aaaaaaaaaaaaaaaa80e2cf"
                "aa06000100ac02ba5cd44d"},
        {SHOAL_MESSAGE_SYNC, &sync_request,
                "c10000092811111111111111111111111111111111aaaaaaaaaaaaaaaadddddd"
                "ddddddddddccccccccccccccccbc5daedb"},
        {SHOAL_MESSAGE_ANSWER, &answer,
                "c100000a2c11111111111111111111111111111111aaaaaaaaaaaaaaaa0f0a63"
                "6c6f636b3a20e282acccccccccccccccccd18d661d"},
        {SHOAL_MESSAGE_GONE, &gone,
                "c100000b38800000000000000111111111111111111111111111111111aaaaaa"
                "aaaaaaaaaa6553f1000000000722222222222222222222222222222222bd0436"
                "f3"},
        {SHOAL_MESSAGE_CONFLICT, &conflict,
                "c100000c4f800000000000000111111111111111111111111111111111aaaaaa"
                "aaaaaaaaaa22222222222222222222222222222222bbbbbbbbbbbbbbbb000001"
                "8bcfe5687bcccccccccccccccc040a0000011f0a378b1b45"},
        {SHOAL_MESSAGE_CONFLICT, &conflict_at_url,
                "c100000c6f000000000000000011111111111111111111111111111111aaaaaa"
                "aaaaaaaaaa22222222222222222222222222222222bbbbbbbbbbbbbbbb000000"
                "0000000000cccccccccccccccc0601c511ee678a3a02daa06ea1ee21dd2d01bb"
                "1368747470733a2f2f6e2e6578616d706c652f67897641a4"},
        {SHOAL_MESSAGE_TREE, &tree,
                "c100000d85020cab148002000102030405060708090a0b0c0d0e0f1011121314"
                "15161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334"
                "35363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f5051525354"
                "55565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f7071727374"
                "75767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f9091929394"
                "95969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4"
                "b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4"
                "d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4"
                "f5f6f7f8f9fafbfcfdfeffbec628b3"},
        {SHOAL_MESSAGE_NODES, &nodes, "c100000e0b062a080102030405060708616bbbc3"},
        {SHOAL_MESSAGE_WANT, &want, "c100000f0700000401020304b3a081b3"},
        {SHOAL_MESSAGE_WATCH, &watch,
                "c10000103011111111111111111111111111111111aaaaaaaaaaaaaaaa222222"
                "22222222222222222222222222bbbbbbbbbbbbbbbb888b9879"},
        {SHOAL_MESSAGE_WATCH, &answering,
                "c10000103111111111111111111111111111111111aaaaaaaaaaaaaaaa222222"
                "22222222222222222222222222bbbbbbbbbbbbbbbb0148482242"},
        {SHOAL_MESSAGE_CHECK, &check,
                "c100001138800000000000000111111111111111111111111111111111aaaaaa"
                "aaaaaaaaaa22222222222222222222222222222222bbbbbbbbbbbbbbbba7b07c"
                "64"},
        {SHOAL_MESSAGE_REFUSED, &refused,
                "c10000123a800000000000000111111111111111111111111111111111aaaaaa"
                "aaaaaaaaaa22222222222222222222222222222222bbbbbbbbbbbbbbbbc00210"
                "0cb4ea"},
        {SHOAL_MESSAGE_PARTIAL, &partial,
                "c10000132b11111111111111111111111111111111aaaaaaaaaaaaaaaa222222"
                "22222222222222222222222222dc0b03addd8dfb"},
        {SHOAL_MESSAGE_PAD, &pad, "c1000014010057c8ba49"},
        {SHOAL_MESSAGE_META, &meta,
                "c10000153011111111111111111111111111111111018bcfe5687b000781e2cd"
                "68351120e90e0e0102646204726f6c650603776562a5ebcfb1"},
        {SHOAL_MESSAGE_META, &announced,
                "c10000152411111111111111111111111111111111018bcfe5687b000781e2cd"
                "68351120e9e0d4030038cdf529"},
        {SHOAL_MESSAGE_PULL, &pull,
                "c10000163011111111111111111111111111111111aaaaaaaaaaaaaaaa222222"
                "22222222222222222222222222018bcfe5687b0007cc3d71c4"},
        {SHOAL_MESSAGE_USER, &user,
                "c10000183e11111111111111111111111111111111aaaaaaaaaaaaaaaabbbbbb"
                "bbbbbbbbbbac021b8001018bcfe5687b00070568656c6c6fc801018bcfe5687b"
                "0007003414d886"},
        {SHOAL_MESSAGE_BATCH, &batch,
                "c10000194611111111111111111111111111111111aaaaaaaaaaaaaaaabbbbbb"
                "bbbbbbbbbb8070605040302010ac021b8001018bcfe5687b00070568656c6c6f"
                "c801018bcfe5687b0007008ae9ea62"},
        {SHOAL_MESSAGE_RECEIPT, &receipt,
                "c100001a2b11111111111111111111111111111111aaaaaaaaaaaaaaaabbbbbb"
                "bbbbbbbbbb8070605040302010ac0204d289a4c4"},
        {SHOAL_MESSAGE_CAST, &cast,
                "c100001b3211111111111111111111111111111111aaaaaaaaaaaaaaaaac0281"
                "01018bcfe5687b00070201c801037265640568656c6c6fc7b08680"},
        {SHOAL_MESSAGE_CAST, &cast_within,
                "c100001b3811111111111111111111111111111111aaaaaaaaaaaaaaaaac0281"
                "01018bcfe5687b00070200c801000568656c6c6f0300000000000007d00abc0e"
                "d7"},
        {SHOAL_MESSAGE_OFFER, &offer,
                "c100001c5611111111111111111111111111111111aaaaaaaaaaaaaaaabbbbbb"
                "bbbbbbbbbb3511111111111111111111111111111111aaaaaaaaaaaaaaaaac02"
                "0122222222222222222222222222222222bbbbbbbbbbbbbbbb0100b3bd8c98"},
        {SHOAL_MESSAGE_FETCH, &fetch,
                "c100001d5211111111111111111111111111111111aaaaaaaaaaaaaaaa01e0a7"
                "123511111111111111111111111111111111aaaaaaaaaaaaaaaaac0201222222"
                "22222222222222222222222222bbbbbbbbbbbbbbbb0100a74fe558"},
        {SHOAL_MESSAGE_KEYS, &order,
                "c10000203211111111111111111111111111111111aaaaaaaaaaaaaaaa010102"
                "030405060708103333333333333333333333333333333334acf1ac"},
        {SHOAL_MESSAGE_KEYRING, &keyring,
                "c10000212e11111111111111111111111111111111aaaaaaaaaaaaaaaa041401"
                "02030405060708100111121314151617182000725ef56f"},
        {SHOAL_MESSAGE_CALL, &call,
                "c10000223011111111111111111111111111111111aaaaaaaaaaaaaaaa222222"
                "22222222222222222222222222bbbbbbbbbbbbbbbb3bd02d58"},
};

/* A ping with an origin and a member statement, in a cluster with a label. */
static const char two[] = "c1000470726f64023b8000000000000001111111111111111111111111111111"
                          "11aaaaaaaaaaaaaaaa22222222222222222222222222222222040a0000091f0a"
                          "cccccccc067211111111111111111111111111111111aaaaaaaaaaaaaaaabbbb"
                          "bbbbbbbbbbbb6553f1000000000702dc0b022222222222222222222222222222"
                          "222233333333333333333333333333333333057765622d3102040a0000011f0a"
                          "0620010db80000000000000000000000011f0a0003ac02005075ec14";

static void
print_hex(const uint8_t *data, size_t len, char *hex)
{
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = "0123456789abcdef"[data[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[data[i] & 15];
	}
	hex[2 * len] = '\0';
}

static size_t
parse_hex(const char *hex, uint8_t *data)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		data[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) * 16 +
		                    (strchr(digits, hex[2 * i + 1]) - digits));
	}
	return len;
}

static void
a_packet_of_each_kind_is_written_as_the_document_tells(void **state)
{
	struct shoal_msg_member full = member();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(golden); i++) {
		const void *message = golden[i].message != NULL ? golden[i].message : &full;
		struct shoal_writer writer;
		uint8_t data[512];
		char hex[1025];

		shoal_writer_init(&writer, data, sizeof data);
		shoal_packet_begin(&writer, (struct shoal_span){NULL, 0});
		assert_true(shoal_message_append(&writer, golden[i].kind, message));
		shoal_packet_end(&writer);
		print_hex(data, writer.len, hex);
		assert_string_equal(hex, golden[i].hex);
	}
}

static void
a_packet_of_each_kind_is_read_as_the_document_tells(void **state)
{
	struct shoal_msg_member full = member();
	uint64_t seen = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(golden); i++) {
		const void *message = golden[i].message != NULL ? golden[i].message : &full;
		struct shoal_packet_header header;
		struct shoal_reader messages, body;
		union shoal_wire_message read;
		uint8_t data[512];
		uint16_t kind;
		size_t len = parse_hex(golden[i].hex, data);

		assert_int_equal(shoal_packet_open(data, len, (struct shoal_span){NULL, 0}, &header,
		                         &messages),
		        SHOAL_OK);
		assert_int_equal(shoal_message_next(&messages, &kind, &body), 1);
		assert_int_equal(kind, golden[i].kind);
		assert_int_equal(shoal_message_decode(kind, body, &read), SHOAL_OK);
		const struct shoal_layout *layout = shoal_message_layout(kind);
		for (size_t f = 0; f < layout->fields; f++) {
			assert_true(fill_same(&layout->field[f], message, &read));
		}
		assert_int_equal(shoal_message_next(&messages, &kind, &body), 0);
		seen |= UINT64_C(1) << golden[i].kind;
	}
	/* A kind that is added needs its bytes here. */
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		assert_true((seen >> kind & 1) != 0);
	}
}

static void
a_packet_with_a_label_and_two_messages_is_written_as_the_document_tells(void **state)
{
	struct shoal_msg_member full = member();
	struct shoal_msg_ping through = ping;
	struct shoal_writer writer;
	uint8_t data[512];
	char hex[1025];

	(void)state;
	assert_int_equal(shoal_addr_parse(&through.origin, "10.0.0.9:7946"), 0);
	shoal_writer_init(&writer, data, sizeof data);
	shoal_packet_begin(&writer, (struct shoal_span){(const uint8_t *)"prod", 4});
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_PING, &through));
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, &full));
	shoal_packet_end(&writer);
	print_hex(data, writer.len, hex);
	assert_string_equal(hex, two);
}

/* A kind that is not known here, and a PING with three bytes of fields behind the last one. */
static void
what_a_newer_release_adds_is_skipped_and_what_an_older_one_left_out_is_zero(void **state)
{
	struct shoal_reader messages, body;
	union shoal_wire_message read;
	struct shoal_msg_ping full = ping;
	struct shoal_writer writer;
	uint8_t data[512];
	uint16_t kind;

	(void)state;
	full.origin_salt = OTHER;
	shoal_writer_init(&writer, data, sizeof data);
	shoal_writer_bytes(&writer, "\x3f\4\xde\xad\xbe\xef", 6); /* kind 63 */
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_PING, &full));
	shoal_writer_bytes(&writer, "xyz", 3); /* the PING's length takes them in */
	data[7] = (uint8_t)(data[7] + 3);
	shoal_reader_init(&messages, data, writer.len);
	assert_int_equal(shoal_message_next(&messages, &kind, &body), 1);
	assert_int_equal(kind, 63);
	assert_int_equal(shoal_message_decode(kind, body, &read), SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(shoal_message_next(&messages, &kind, &body), 1);
	assert_int_equal(shoal_message_decode(kind, body, &read), SHOAL_OK);
	assert_true(read.ping.seq == SEQ && read.ping.origin_salt == OTHER);
	assert_int_equal(shoal_message_next(&messages, &kind, &body), 0);
	/* Each ends behind a field, as one that an older release wrote. */
	for (size_t cut = 0; cut < 8 + 4 + 1 + 16 + 8; cut++) {
		bool between = cut == 8 || cut == 12 || cut == 13;
		shoal_writer_init(&writer, data, sizeof data);
		assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_PING, &full));
		shoal_reader_init(&body, data + 2, writer.len - 2 - cut);
		int rc = shoal_message_decode(SHOAL_MESSAGE_PING, body, &read);
		if (cut == 0) {
			assert_int_equal(rc, SHOAL_OK);
		} else if (between) {
			assert_int_equal(rc, SHOAL_OK);
			assert_true(read.ping.origin_salt == 0);
			assert_int_equal(read.ping.mark, cut >= 12 ? 0 : MARK);
		} else if (cut < 13) {
			assert_int_equal(rc, SHOAL_ERR_MALFORMED);
		}
	}
}

static void
another_version_and_a_flag_that_is_not_known_are_refused(void **state)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;

	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		const uint8_t data[] = {(uint8_t)first, 0, 0, 0, 0, 0, 0};
		shoal_reader_init(&reader, data, sizeof data);
		assert_int_equal(shoal_packet_header(&reader, &header),
		        first == 0xc1 ? SHOAL_OK : SHOAL_ERR_VERSION);
	}
	for (unsigned flag = 8; flag < 256; flag *= 2) {
		const uint8_t data[] = {0xc1, (uint8_t)flag, 0, 0, 0, 0, 0};
		shoal_reader_init(&reader, data, sizeof data);
		assert_int_equal(shoal_packet_header(&reader, &header), SHOAL_ERR_VERSION);
	}
	for (uint8_t codec = 0; codec < 3; codec++) {
		const uint8_t data[] = {0xc1, 4, 0, codec, 0, 0, 0};
		shoal_reader_init(&reader, data, sizeof data);
		assert_int_equal(shoal_packet_header(&reader, &header),
		        codec == 0 ? SHOAL_ERR_MALFORMED : SHOAL_OK);
		assert_int_equal(header.codec, codec);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof sums; i++) {
		sums[i] = (uint8_t)i;
	}
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_packet_of_each_kind_is_written_as_the_document_tells),
	        cmocka_unit_test(a_packet_of_each_kind_is_read_as_the_document_tells),
	        cmocka_unit_test(
	                a_packet_with_a_label_and_two_messages_is_written_as_the_document_tells),
	        cmocka_unit_test(
	                what_a_newer_release_adds_is_skipped_and_what_an_older_one_left_out_is_zero),
	        cmocka_unit_test(another_version_and_a_flag_that_is_not_known_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
