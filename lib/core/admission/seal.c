/* SPDX-License-Identifier: MIT */
/* The way out: what is written becomes a packet that is compressed, sealed or has a checksum. And
 * what both ways share; the way in is open.c. */
#include "core/admission/seal.h"

#include <string.h>

#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "wire/packet.h"

#define TOLD_MAX      64
#define TOLD_EACH     SHOAL_SEC(60)
#define SAID          " (said once a minute)"
#define ANSWER_EACH   SHOAL_MS(50)
#define ROOM_KEPT     65536
#define SEAL_OVERHEAD (SHOAL_PACKET_SEAL + SHOAL_SEALED_TAG - SHOAL_PACKET_CRC)

/* An address of which a record was written. */
struct shoal_complaint {
	uint8_t ip[16];
	uint64_t until; /* nothing more is said of it */
};

static int
make_ring(struct shoal_core *core, const struct shoal_core_config *config, const char **why)
{
	struct shoal_keyring_config ring = {
	        .cipher = config->cipher, .allocator = &core->mem, .salt = config->salt};
	struct shoal_rng rng;

	/* Not the core's own numbers: a replay without keys must draw the same. */
	shoal_rng_init(&rng, config->seed, 2);
	ring.hash[0] = shoal_rng_u64(&rng);
	ring.hash[1] = shoal_rng_u64(&rng);
	int rc = shoal_keyring_new(&core->seal.ring, &ring);
	*why = rc == SHOAL_ERR_INVALID ? "cipher: must take nonces of 12 bytes and add 16" : *why;
	for (size_t i = 0; i < config->key_count && rc == SHOAL_OK; i++) {
		const struct shoal_key *key = &config->key[i];
		rc = shoal_keyring_install(core->seal.ring, key->bytes, key->len, NULL);
		*why = rc == SHOAL_ERR_INVALID ? "key: must be of 16, 24 or 32 bytes"
		       : rc == SHOAL_ERR_STATE ? "key: two keys have the same id: make a new one"
		                               : *why;
		rc = rc == SHOAL_ERR_STATE ? SHOAL_ERR_INVALID : rc;
	}
	return rc;
}

int
shoal_seal_init(struct shoal_core *core, const struct shoal_core_config *config, const char **why)
{
	struct shoal_seal *seal = &core->seal;

	seal->compressor = config->compressor;
	seal->compress_min = config->compress_min;
	seal->keyed = config->cipher != NULL || config->sealed_sizes || config->accept_clear > 0;
	shoal_seal_accept(core, config->accept_clear);
	if (config->cipher == NULL && config->key_count > 0) {
		*why = "cipher: none, and there are keys";
		return SHOAL_ERR_INVALID;
	}
	if (config->cipher == NULL) {
		return SHOAL_OK;
	}
	if (config->key_count == 0 || config->key_count > SHOAL_KEYS_MAX || config->key == NULL) {
		*why = "key: must be 1 to 8 keys where there is a cipher";
		return SHOAL_ERR_INVALID;
	}
	if (config->accept_clear > 2) {
		*why = "accept_clear: must be 0 to 2";
		return SHOAL_ERR_INVALID;
	}
	int rc = make_ring(core, config, why);
	shoal_seal_accept(core, config->accept_clear);
	return rc;
}

/* A replay has no ring, and leaves room for what would be sealed. */
void
shoal_seal_accept(struct shoal_core *core, uint32_t accept_clear)
{
	struct shoal_seal *seal = &core->seal;

	seal->accept_clear = accept_clear;
	seal->asks = seal->keyed && accept_clear < 2;
	seal->missing = seal->asks && seal->ring == NULL ? SEAL_OVERHEAD : 0;
}

void
shoal_seal_done(struct shoal_core *core)
{
	struct shoal_seal *seal = &core->seal;

	shoal_keys_done(core);
	shoal_keyring_free(seal->ring);
	shoal_alloc_free(&core->mem, seal->in.data);
	shoal_alloc_free(&core->mem, seal->plain.data);
	shoal_alloc_free(&core->mem, seal->less.data);
	shoal_alloc_free(&core->mem, seal->told);
}

size_t
shoal_seal_memory(const struct shoal_core *core)
{
	const struct shoal_seal *seal = &core->seal;

	return (seal->ring != NULL ? shoal_keyring_memory(seal->ring) : 0) + seal->in.cap +
	       seal->plain.cap + seal->less.cap +
	       (seal->told != NULL ? TOLD_MAX * sizeof *seal->told : 0);
}

bool
shoal_seal_seals(const struct shoal_core *core)
{
	return core->seal.ring != NULL && core->seal.accept_clear < 2;
}

bool
shoal_seal_has_room(struct shoal_core *core, struct shoal_room *room, size_t need)
{
	size_t cap = room->cap == 0 ? 2048 : room->cap;

	while (cap < need) {
		cap *= 2;
	}
	if (cap > room->cap) {
		uint8_t *data = shoal_alloc_resize(&core->mem, room->data, cap, 1);
		if (data == NULL) {
			return false;
		}
		room->data = data;
		room->cap = cap;
	}
	return true;
}

void
shoal_seal_trim(struct shoal_core *core, struct shoal_room *room)
{
	if (room->cap > ROOM_KEPT) {
		shoal_alloc_free(&core->mem, room->data);
		*room = (struct shoal_room){NULL, 0};
	}
}

static struct shoal_packet_frame
goes_as(const struct shoal_pending *pending)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};

	switch (pending->kind) {
	case SHOAL_SEND_REQUEST:
		frame.kind = SHOAL_PACKET_REQUEST;
		break;
	case SHOAL_SEND_WATCH:
		frame.kind = SHOAL_PACKET_WATCH;
		break;
	case SHOAL_SEND_REPLY:
		frame.kind = SHOAL_PACKET_ANSWER;
		frame.request = pending->request;
		break;
	case SHOAL_SEND_STREAM:
	case SHOAL_SEND_TELL:
		frame.kind = SHOAL_PACKET_ONE_WAY;
		break;
	default:
		break;
	}
	return frame;
}

void
shoal_seal_arrive(struct shoal_core *core, const struct shoal_input *input)
{
	core->seal.arrived = true;
	core->seal.sealed = input->opened == SHOAL_OPENED_SEALED && input->code == SHOAL_OK;
	core->seal.from = input->from;
	core->seal.salt = input->sender;
	core->seal.counter = input->counter;
}

void
shoal_seal_depart(struct shoal_core *core)
{
	core->seal.arrived = core->seal.sealed = false;
	core->seal.salt = core->seal.counter = 0;
}

void
shoal_seal_named(struct shoal_core *core, uint64_t salt)
{
	if (!core->seal.sealed && core->seal.salt == 0) {
		core->seal.salt = salt;
	}
}

uint64_t
shoal_seal_addressee(const struct shoal_core *core, const struct shoal_addr *to, uint32_t slot)
{
	const struct shoal_seal *seal = &core->seal;
	const struct shoal_record *record =
	        slot == SHOAL_SELF ? NULL : shoal_members_at(core, slot);

	if (seal->salt != 0 && shoal_addr_equal(&seal->from, to)) {
		return seal->salt;
	}
	return record != NULL ? shoal_members_salt(record) : 0;
}

void
shoal_seal_begin(struct shoal_core *core, struct shoal_writer *writer, struct shoal_span label)
{
	if (shoal_seal_seals(core)) {
		shoal_packet_begin_sealed(writer, label);
	} else {
		shoal_packet_begin(writer, label);
		writer->cap -= core->seal.missing;
	}
	if (core->coding.now != NULL) {
		shoal_packet_set_codec(writer, core->coding.now->id);
	}
}

size_t
shoal_seal_behind(const struct shoal_core *core)
{
	return shoal_seal_seals(core) ? SHOAL_SEALED_TAG : SHOAL_PACKET_CRC + core->seal.missing;
}

/* Only what goes on a stream: a datagram is short and mostly random numbers, and a padded one must
 * stay as long as it is. */
static void
compress(struct shoal_core *core, enum shoal_send_kind kind, struct shoal_writer *writer)
{
	struct shoal_seal *seal = &core->seal;
	bool stream = kind == SHOAL_SEND_STREAM || kind == SHOAL_SEND_REQUEST ||
	              kind == SHOAL_SEND_REPLY || kind == SHOAL_SEND_WATCH;

	if (seal->compressor == NULL || !stream || writer->len < seal->compress_min) {
		return;
	}
	size_t before = writer->len, bound = seal->compressor->bound(writer->len);
	if (shoal_seal_has_room(core, &seal->less, bound) &&
	        shoal_packet_compress(writer, seal->compressor, seal->less.data, bound)) {
		shoal_count(core, SHOAL_COUNTER_COMPRESSED);
		core->counters.value[SHOAL_COUNTER_BYTES_SAVED] += before - writer->len;
	}
	shoal_seal_trim(core, &seal->less);
}

bool
shoal_seal_end(
        struct shoal_core *core, const struct shoal_pending *pending, struct shoal_writer *writer)
{
	if ((pending->flags & SHOAL_FILL_CLEAR) != 0) {
		shoal_packet_end(writer);
		return true;
	}
	writer->cap += core->seal.missing;
	compress(core, pending->kind, writer);
	if (!shoal_seal_seals(core)) {
		shoal_packet_end(writer);
		return true;
	}
	struct shoal_packet_frame frame = goes_as(pending);
	int rc = shoal_packet_seal(writer, core->seal.ring, &frame, pending->salt);
	if (rc != SHOAL_OK) {
		return false;
	}
	if (frame.kind == SHOAL_PACKET_REQUEST || frame.kind == SHOAL_PACKET_WATCH) {
		struct shoal_packet_header header;
		struct shoal_reader reader;
		shoal_reader_init(&reader, writer->data, writer->len);
		(void)shoal_packet_header(&reader, &header);
		shoal_exchange_sealed(core, pending->exchange, header.by.counter);
	}
	return true;
}

int
shoal_seal_again(
        struct shoal_core *core, uint8_t *datagram, size_t len, struct shoal_writer *writer)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};
	struct shoal_packet_header header, clear;
	struct shoal_reader reader, messages;
	size_t clear_len;

	shoal_reader_init(&reader, datagram, len);
	if (shoal_packet_header(&reader, &header) != SHOAL_OK ||
	        shoal_packet_unseal(datagram, len, &header, &frame, core->seal.ring, false,
	                &clear_len) != SHOAL_OK ||
	        shoal_packet_read(datagram + SHOAL_PACKET_SEAL, clear_len, &clear, &messages) !=
	                SHOAL_OK) {
		return SHOAL_ERR_INVALID;
	}
	shoal_packet_begin_sealed(writer, clear.label);
	if (clear.codec != 0) {
		shoal_packet_set_codec(writer, clear.codec);
	}
	shoal_writer_bytes(writer, messages.at, messages.left);
	frame.kind = SHOAL_PACKET_ONE_WAY;
	return writer->failed
	               ? SHOAL_ERR_NOMEM
	               : shoal_packet_seal(writer, core->seal.ring, &frame, header.addressee);
}

bool
shoal_seal_may_answer(struct shoal_core *core, uint64_t salt)
{
	uint64_t *answered = &core->seal.answered[(salt ^ salt >> 56) % SHOAL_ANSWERED];

	if (*answered != 0 && core->now - *answered < ANSWER_EACH) {
		return false;
	}
	*answered = core->now;
	return true;
}

/* Where it is of an instance that is not the one known here, which then has not opened what was
 * sealed for another: that one is told what is held of it, and will say what is newer. */
void
shoal_seal_on_sender(struct shoal_core *core, uint32_t slot, uint64_t salt)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record == NULL || salt != core->seal.salt || salt == shoal_members_salt(record)) {
		return;
	}
	/* While a cluster begins to seal, one that does not yet says it in clear. */
	if (!core->seal.sealed && (core->seal.accept_clear == 0 ||
	                                  !shoal_members_has_addr(record, &core->seal.from))) {
		return;
	}
	struct shoal_pending *pending =
	        shoal_send_gossip(core, slot, SHOAL_FILL_SELF | SHOAL_FILL_ABOUT, slot);
	if (pending != NULL) {
		pending->salt = salt;
	}
}

/* The place of an address that may be spoken of now; NULL: not now, or all places are taken. */
static struct shoal_complaint *
find_told(struct shoal_core *core, const struct shoal_addr *from)
{
	struct shoal_seal *seal = &core->seal;
	struct shoal_complaint *free_place = NULL;

	if (seal->told == NULL) {
		seal->told = shoal_alloc_zeroed(&core->mem, TOLD_MAX, sizeof *seal->told);
	}
	for (size_t i = 0; i < TOLD_MAX && seal->told != NULL; i++) {
		struct shoal_complaint *told = &seal->told[i];
		if (told->until > core->now && memcmp(told->ip, from->ip, sizeof told->ip) == 0) {
			return NULL;
		}
		free_place = told->until <= core->now ? told : free_place;
	}
	return free_place;
}

/* Whether what came from there may be spoken of now; what is said stands behind `what` then. */
static bool
begin_complaint(struct shoal_core *core, const struct shoal_addr *from, const char *what,
        struct shoal_log_line *line)
{
	const char *room = core->seal.ring != NULL ? "seal" : "packet";
	struct shoal_complaint *told = find_told(core, from);

	if (told == NULL || !shoal_log_begin(core, line, SHOAL_LOG_WARN, room)) {
		return false;
	}
	memcpy(told->ip, from->ip, sizeof told->ip);
	told->until = core->now + TOLD_EACH;
	shoal_text_str(&line->text, what);
	shoal_kind_write_addr(NULL, from, &line->text);
	shoal_text_str(&line->text, ": ");
	return true;
}

void
shoal_seal_complain(struct shoal_core *core, const struct shoal_input *input, int rc)
{
	const char *name =
	        rc == SHOAL_ERR_VERSION ? shoal_packet_neighbour(input->data, input->len) : NULL;
	struct shoal_log_line line;

	/* Every joiner's first word is for nobody in particular. */
	bool usual = rc == SHOAL_ERR_LIMIT || rc == SHOAL_ERR_NOMEM ||
	             (rc == SHOAL_ERR_MISDIRECTED && input->kind == SHOAL_INPUT_REQUEST);
	if (usual || !begin_complaint(core, &input->from, "dropped what came from ", &line)) {
		return;
	}
	if (rc == SHOAL_ERR_CODEC) {
		shoal_coding_complain(core, input, &line.text);
	} else {
		shoal_text_str(&line.text, name != NULL ? name : shoal_strerror(rc));
	}
	shoal_text_str(&line.text, SAID);
}

void
shoal_seal_refused(
        struct shoal_core *core, const struct shoal_addr *from, const struct shoal_span *reason)
{
	struct shoal_log_line line;

	if (begin_complaint(core, from, "refused, and told, who asked to join from ", &line)) {
		shoal_text_strn(&line.text, (const char *)reason->data, reason->len);
		shoal_text_str(&line.text, SAID);
	}
}

int
shoal_core_key_install(struct shoal_core *core, const struct shoal_key *key, uint64_t *print)
{
	return core->seal.ring == NULL || key->len > sizeof key->bytes
	               ? SHOAL_ERR_UNSUPPORTED
	               : shoal_keyring_install(core->seal.ring, key->bytes, key->len, print);
}

int
shoal_core_key_use(struct shoal_core *core, uint64_t print)
{
	return core->seal.ring == NULL ? SHOAL_ERR_UNSUPPORTED
	                               : shoal_keyring_use(core->seal.ring, print);
}

int
shoal_core_key_remove(struct shoal_core *core, uint64_t print)
{
	return core->seal.ring == NULL ? SHOAL_ERR_UNSUPPORTED
	                               : shoal_keyring_remove(core->seal.ring, print);
}

bool
shoal_core_key(const struct shoal_core *core, size_t i, struct shoal_key_info *info)
{
	return core->seal.ring != NULL && shoal_keyring_key(core->seal.ring, i, info);
}
