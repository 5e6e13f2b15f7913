/* SPDX-License-Identifier: MIT */
/* What codecs, compression and encryption cost and gain: messages in each codec, whole tables of
 * members through snappy, and AES-GCM beside the bare calls of mbedTLS in the same run. */
#include <shoal/codec.h>
#include <shoal/value.h>

#include "base/rng.h"
#include "bench.h"
#include "wire/binary.h"
#include "wire/packet.h"
#include "wire/structured.h"

#ifdef SHOAL_HAVE_MBEDTLS
#include <mbedtls/gcm.h>
#endif

#define MEMBER_ROOM ((size_t)1024)
#define BATCH       64 /* turns between two looks at the clock */
#define SCRATCH     (SHOAL_META_MAX + 512)

static void
give_up(const char *why)
{
	fprintf(stderr, "codec_bench: %s\n", why);
	exit(1);
}

static void *
need(size_t len)
{
	void *ptr = calloc(len, 1);

	if (ptr == NULL) {
		give_up("no memory");
	}
	return ptr;
}

static void
draw(struct shoal_rng *rng, uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		data[i] = (uint8_t)shoal_rng_u32(rng);
	}
}

/* As a member is in a real table: ids, salts and times are its own, the rest much like others'. */
static void
make_member(struct shoal_rng *rng, uint32_t i, struct shoal_msg_member *member, char name[32])
{
	memset(member, 0, sizeof *member);
	snprintf(name, 32, "node-%05u.example", i % 100000);
	draw(rng, member->id.bytes, sizeof member->id.bytes);
	draw(rng, member->salt.bytes, sizeof member->salt.bytes);
	member->incarnation = (UINT64_C(1800000000) + shoal_rng_below(rng, 1000000)) << 32;
	member->state = SHOAL_STATE_ALIVE;
	member->age_ms = shoal_rng_below(rng, 30000);
	member->name = (struct shoal_span){(const uint8_t *)name, strlen(name)};
	member->addrs.count = 1;
	member->addrs.item[0].ip[10] = member->addrs.item[0].ip[11] = 0xff;
	member->addrs.item[0].ip[12] = 10;
	member->addrs.item[0].ip[14] = (uint8_t)(i >> 8);
	member->addrs.item[0].ip[15] = (uint8_t)i;
	member->addrs.item[0].port = 7946;
}

/* The messages of a whole table. */
static size_t
make_table(uint32_t n, const struct shoal_codec_ops *codec, uint8_t *data, size_t room)
{
	struct shoal_writer writer = {data, 0, room, false};
	struct shoal_rng rng;

	shoal_rng_init(&rng, 1, 0);
	for (uint32_t i = 0; i < n; i++) {
		struct shoal_msg_member member;
		char name[32];
		bool fits;

		make_member(&rng, i, &member, name);
		fits = codec == NULL ? shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, &member)
		                     : shoal_structured_append(
		                               &writer, codec, SHOAL_MESSAGE_MEMBER, &member);
		if (!fits) {
			give_up("a table does not fit");
		}
	}
	return writer.len;
}

/* A figure that is being taken: as long as the clock says, in processor time, so that other work on
 * the machine does not count. */
struct taking {
	uint64_t begin, cpu;
};

static struct taking
take(void)
{
	return (struct taking){bench_now_ns(), bench_cpu_ns()};
}

static double
per_turn(struct taking taking, uint64_t turns)
{
	return (double)(bench_cpu_ns() - taking.cpu) / (double)turns;
}

static void
bench_snappy(const struct bench *bench, uint32_t n)
{
	const struct shoal_compressor_ops *snappy = shoal_compressor_snappy();
	size_t room = n * MEMBER_ROOM, packed_len = 0, back_len = 0;
	uint8_t *table, *packed, *back;
	char what[80];

	if (snappy == NULL) {
		return;
	}
	table = need(room);
	size_t len = make_table(n, NULL, table, room);
	packed = need(snappy->bound(len));
	back = need(len);
	uint64_t turns = 0;
	struct taking taking = take();
	for (; bench_running(bench, taking.begin); turns++) {
		if (snappy->compress(table, len, packed, snappy->bound(len), &packed_len) != 0) {
			give_up("a table cannot be compressed");
		}
	}
	snprintf(what, sizeof what, "a table of %u members", n);
	bench_figure(bench, what, (double)len, "bytes");
	bench_ratio(bench, "of that after snappy", (double)packed_len, (double)len);
	bench_figure(bench, "compressing it", (double)len / per_turn(taking, turns) * 1e3, "MB/s");
	for (turns = 0, taking = take(); bench_running(bench, taking.begin); turns++) {
		if (snappy->uncompress(packed, packed_len, back, len, &back_len) != 0) {
			give_up("a table cannot be uncompressed");
		}
	}
	bench_figure(
	        bench, "uncompressing it", (double)len / per_turn(taking, turns) * 1e3, "MB/s");
	if (back_len != len || memcmp(table, back, len) != 0) {
		give_up("a table came back as another one");
	}
	free(table);
	free(packed);
	free(back);
}

/* Reads the messages of a table; their number. */
static uint64_t
read_table(const struct shoal_codec_ops *codec, const uint8_t *data, size_t len)
{
	struct shoal_reader packet, body;
	uint64_t count = 0;
	uint16_t kind;

	shoal_reader_init(&packet, data, len);
	while (shoal_message_next(&packet, &kind, &body) == 1) {
		uint8_t scratch[SCRATCH];
		union shoal_wire_message message;
		int rc = codec == NULL ? shoal_message_decode(kind, body, &message)
		                       : shoal_structured_decode(codec, kind, body, scratch,
		                                 sizeof scratch, &message);

		if (rc != 0) {
			give_up("a message of a table is malformed");
		}
		count++;
	}
	return count;
}

static void
bench_codec(const struct bench *bench, const struct shoal_codec_ops *codec, const char *name)
{
	enum {
		MEMBERS = 100
	};
	uint8_t *table = need(MEMBERS * MEMBER_ROOM);
	struct taking taking = take();
	uint64_t turns = 0;
	size_t len = 0;
	char what[80];

	for (; bench_running(bench, taking.begin); turns += MEMBERS) {
		len = make_table(MEMBERS, codec, table, MEMBERS * MEMBER_ROOM);
	}
	double write_ns = per_turn(taking, turns);
	for (turns = 0, taking = take(); bench_running(bench, taking.begin);) {
		turns += read_table(codec, table, len);
	}
	snprintf(what, sizeof what, "a member message, %s", name);
	bench_figure(bench, what, (double)len / MEMBERS, "bytes");
	bench_figure(bench, "making and writing it", write_ns, "ns");
	bench_figure(bench, "reading it", per_turn(taking, turns), "ns");
	free(table);
}

#ifdef SHOAL_HAVE_MBEDTLS
struct sealing {
	const struct shoal_cipher_ops *cipher;
	void *context;
	mbedtls_gcm_context bare;
	uint8_t nonce[12], ad[16], data[2048], sealed[2048];
	size_t len;
};

/* A nonce of its own for each text. */
static void
next_nonce(struct sealing *s)
{
	uint64_t counter;

	memcpy(&counter, s->nonce, sizeof counter);
	counter++;
	memcpy(s->nonce, &counter, sizeof counter);
}

static bool
seal_ours(struct sealing *s)
{
	next_nonce(s);
	return s->cipher->seal(s->context, s->nonce, s->ad, sizeof s->ad, s->data, s->len) == 0;
}

static bool
seal_bare(struct sealing *s)
{
	next_nonce(s);
	return mbedtls_gcm_crypt_and_tag(&s->bare, MBEDTLS_GCM_ENCRYPT, s->len, s->nonce,
	               sizeof s->nonce, s->ad, sizeof s->ad, s->data, s->data, 16,
	               s->data + s->len) == 0;
}

/* Opening in place needs the sealed text anew: both copy it. */
static bool
open_ours(struct sealing *s)
{
	memcpy(s->data, s->sealed, s->len + 16);
	return s->cipher->open(s->context, s->nonce, s->ad, sizeof s->ad, s->data, s->len + 16) ==
	       0;
}

static bool
open_bare(struct sealing *s)
{
	memcpy(s->data, s->sealed, s->len + 16);
	return mbedtls_gcm_auth_decrypt(&s->bare, s->len, s->nonce, sizeof s->nonce, s->ad,
	               sizeof s->ad, s->data + s->len, 16, s->data, s->data) == 0;
}

/* Ours and the bare call take turns, so that both meet the same machine. */
static void
bench_pair(const struct bench *bench, struct sealing *s, const char *what,
        bool (*ours)(struct sealing *), bool (*bare)(struct sealing *))
{
	uint64_t turns = 0, spent[2] = {0, 0}, begin = bench_now_ns();
	char text[80];

	while (bench_running(bench, begin)) {
		for (int which = 0; which < 2; which++) {
			uint64_t start = bench_cpu_ns();

			for (int i = 0; i < BATCH; i++) {
				if (!(which == 0 ? ours : bare)(s)) {
					give_up("the cipher fails");
				}
			}
			spent[which] += bench_cpu_ns() - start;
		}
		turns += BATCH;
	}
	snprintf(text, sizeof text, "%s %zu bytes with AES-256-GCM", what, s->len);
	bench_figure(bench, text, (double)spent[0] / (double)turns, "ns");
	bench_ratio(bench, "of the bare call's time", (double)spent[0], (double)spent[1]);
}

static void
bench_cipher(const struct bench *bench, size_t len)
{
	struct sealing s = {.cipher = shoal_cipher_aes_gcm(), .len = len};
	uint8_t key[32] = {1};

	mbedtls_gcm_init(&s.bare);
	if (mbedtls_gcm_setkey(&s.bare, MBEDTLS_CIPHER_ID_AES, key, 256) != 0 ||
	        s.cipher->init(&s.context, key, sizeof key, NULL) != 0) {
		give_up("no memory");
	}
	bench_pair(bench, &s, "sealing", seal_ours, seal_bare);
	if (!seal_ours(&s)) {
		give_up("the cipher fails");
	}
	memcpy(s.sealed, s.data, sizeof s.sealed);
	bench_pair(bench, &s, "opening", open_ours, open_bare);
	s.cipher->free(s.context);
	mbedtls_gcm_free(&s.bare);
}

static void
bench_new_key(const struct bench *bench)
{
	const struct shoal_cipher_ops *cipher = shoal_cipher_aes_gcm();
	uint8_t key[32] = {1};
	struct taking taking = take();
	uint64_t turns = 0;

	for (; bench_running(bench, taking.begin); turns++) {
		void *context;

		key[1]++;
		if (cipher->init(&context, key, sizeof key, NULL) != 0) {
			give_up("no memory");
		}
		cipher->free(context);
	}
	bench_figure(bench, "a context for a key of AES-256-GCM", per_turn(taking, turns), "ns");
}
#endif

int
main(int argc, char **argv)
{
	struct bench bench;

	bench_start(&bench, "codec", argc, argv);
	bench_codec(&bench, NULL, "compact form");
	bench_codec(&bench, shoal_codec_binary(), "map in binary");
	bench_codec(&bench, shoal_codec_msgpack(), "map in msgpack");
	bench_codec(&bench, shoal_codec_json(), "map in json");
	bench_snappy(&bench, 1000);
	bench_snappy(&bench, 10000);
#ifdef SHOAL_HAVE_MBEDTLS
	bench_cipher(&bench, 100);
	bench_cipher(&bench, 1400);
	bench_new_key(&bench);
#endif
	return 0;
}
