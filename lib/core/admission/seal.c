/* SPDX-License-Identifier: MIT */
/* What is sealed becomes clear here and what is clear becomes sealed.
 *
 * A packet is opened before the core takes it as an input, by shoal_core_open: shoal_core_step does
 * so by itself, a host that records does it before, so that a record holds what a core without keys
 * can replay, and no secret. What opening decides depends on keys and windows only, what follows
 * from it (counters, answers, records of the log) is done in the step.
 *
 * Opening works on a copy, since the bytes of an input are borrowed. Cost: the copy, the cipher,
 * and a checksum over the clear packet. */
#include "core/admission/seal.h"

#include <string.h>

#include "core/admission/budget.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "wire/packet.h"

#define TOLD_MAX      64
#define TOLD_EACH     SHOAL_SEC(60)
#define ANSWER_EACH   SHOAL_MS(50)
#define ROOM_KEPT     65536
#define SHOWN         16 /* bytes of a packet of another protocol that are kept */
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
	seal->accept_clear = config->accept_clear;
	seal->asks = config->cipher != NULL ? config->accept_clear < 2 : config->sealed_sizes;
	if (config->cipher == NULL && config->key_count > 0) {
		*why = "cipher: none, and there are keys";
		return SHOAL_ERR_INVALID;
	}
	if (config->cipher == NULL) {
		seal->missing = config->sealed_sizes ? SEAL_OVERHEAD : 0;
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
	return make_ring(core, config, why);
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

static bool
has_room(struct shoal_core *core, struct shoal_room *room, size_t need)
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

/* What one large packet needed is not kept for small ones. */
static void
trim(struct shoal_core *core, struct shoal_room *room)
{
	if (room->cap > ROOM_KEPT) {
		shoal_alloc_free(&core->mem, room->data);
		*room = (struct shoal_room){NULL, 0};
	}
}

static bool
is_packet(const struct shoal_input *input)
{
	switch (input->kind) {
	case SHOAL_INPUT_DATAGRAM:
	case SHOAL_INPUT_STREAM:
	case SHOAL_INPUT_REQUEST:
	case SHOAL_INPUT_WATCHED:
		return true;
	case SHOAL_INPUT_RESULT:
		return input->code == SHOAL_OK;
	default:
		return false;
	}
}

bool
shoal_seal_opens(const struct shoal_core *core, const struct shoal_input *input)
{
	return is_packet(input) && input->opened == SHOAL_OPENED_NOT &&
	       (core->seal.ring != NULL || core->seal.compressor != NULL);
}

static bool
is_labelled(const struct shoal_core *core, const struct shoal_span *label)
{
	const struct shoal_span *own = &core->label_span;

	return label->len == own->len &&
	       (label->len == 0 || memcmp(label->data, own->data, label->len) == 0);
}

static struct shoal_packet_frame
came_as(const struct shoal_core *core, const struct shoal_input *input)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};

	switch (input->kind) {
	case SHOAL_INPUT_STREAM:
		frame.kind = SHOAL_PACKET_ONE_WAY;
		break;
	case SHOAL_INPUT_REQUEST:
		frame.kind = SHOAL_PACKET_REQUEST;
		break;
	case SHOAL_INPUT_WATCHED:
		frame.kind = SHOAL_PACKET_WATCH;
		break;
	case SHOAL_INPUT_RESULT:
		frame.kind = SHOAL_PACKET_ANSWER;
		frame.request = shoal_exchange_counter(core, input->exchange);
		break;
	default:
		break;
	}
	return frame;
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

static int
unseal(struct shoal_core *core, uint64_t now, struct shoal_input *opened,
        const struct shoal_packet_header *header)
{
	struct shoal_seal *seal = &core->seal;
	bool mine = header->addressee == shoal_members_salt(shoal_members_at(core, SHOAL_SELF));
	struct shoal_packet_frame frame = came_as(core, opened);
	size_t clear_len;

	opened->opened = SHOAL_OPENED_SEALED;
	if (!is_labelled(core, &header->label)) {
		return SHOAL_ERR_LABEL;
	}
	if (!shoal_budget_opens(core, opened, &header->by, now)) {
		return SHOAL_ERR_LIMIT;
	}
	if (!has_room(core, &seal->in, opened->len)) {
		return SHOAL_ERR_NOMEM;
	}
	memcpy(seal->in.data, opened->data, opened->len);
	int rc = shoal_packet_unseal(
	        seal->in.data, opened->len, header, &frame, seal->ring, mine, &clear_len);
	if (rc == SHOAL_OK) {
		opened->sender = header->by.salt;
		opened->counter = header->by.counter;
		opened->data = seal->in.data + SHOAL_PACKET_SEAL;
		opened->len = clear_len;
		rc = mine ? SHOAL_OK : SHOAL_ERR_MISDIRECTED;
	}
	if (rc == SHOAL_ERR_AUTH || rc == SHOAL_ERR_MISDIRECTED) {
		struct shoal_input came = {.kind = opened->kind, .len = opened->size};
		shoal_budget_failed(core, &came, &header->by, now);
	}
	return rc;
}

/* The room grows with what the packet says that it holds, within what its length allows. */
static int
uncompress(struct shoal_core *core, struct shoal_input *opened)
{
	struct shoal_seal *seal = &core->seal;
	size_t most = shoal_packet_expands(opened->len), want = opened->len, len;
	int rc = SHOAL_ERR_TOO_BIG;

	if (seal->compressor == NULL) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	if (opened->kind == SHOAL_INPUT_DATAGRAM) {
		return SHOAL_ERR_MALFORMED;
	}
	most = most < core->profile.stream_max ? most : core->profile.stream_max;
	while (rc == SHOAL_ERR_TOO_BIG && want < most) {
		want = want < most / 4 ? want * 4 : most;
		if (!has_room(core, &seal->plain, want)) {
			return SHOAL_ERR_NOMEM;
		}
		rc = shoal_packet_uncompress(
		        opened->data, opened->len, seal->compressor, seal->plain.data, want, &len);
	}
	if (rc == SHOAL_OK) {
		opened->data = seal->plain.data;
		opened->len = len;
	}
	return rc;
}

static int
open_whole(struct shoal_core *core, uint64_t now, struct shoal_input *opened)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;

	if (opened->len > core->profile.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (opened->kind == SHOAL_INPUT_DATAGRAM && !shoal_allow_addr(core, &opened->from)) {
		return SHOAL_ERR_PERMISSION; /* a request is opened all the same: it is told */
	}
	shoal_reader_init(&reader, opened->data, opened->len);
	int rc = shoal_packet_header(&reader, &header);
	if (opened->kind == SHOAL_INPUT_DATAGRAM && !shoal_budget_takes(core, opened, now)) {
		return SHOAL_ERR_LIMIT;
	}
	if (rc != SHOAL_OK) {
		return rc;
	}
	if ((header.flags & SHOAL_PACKET_SEALED) != 0) {
		rc = core->seal.ring != NULL ? unseal(core, now, opened, &header) : SHOAL_ERR_KEY;
	} else if (core->seal.ring != NULL && core->seal.accept_clear == 0) {
		rc = SHOAL_ERR_CLEAR;
	}
	if (rc == SHOAL_OK && (header.flags & SHOAL_PACKET_COMPRESSED) != 0) {
		rc = uncompress(core, opened);
	}
	return rc;
}

int
shoal_core_open(
        struct shoal_core *core, const struct shoal_input *input, struct shoal_input *opened)
{
	*opened = *input;
	trim(core, &core->seal.in);
	trim(core, &core->seal.plain);
	if (!shoal_seal_opens(core, input)) {
		return SHOAL_OK;
	}
	opened->opened = SHOAL_OPENED_CLEAR;
	opened->size = input->len;
	int rc = open_whole(core, input->mono_ns + SHOAL_TIME_ORIGIN, opened);
	if (rc == SHOAL_OK && opened->opened == SHOAL_OPENED_SEALED &&
	        opened->kind != SHOAL_INPUT_DATAGRAM) {
		/* It is in a room of this core's. */
		shoal_keys_take(core, (uint8_t *)(uintptr_t)opened->data, opened->len);
	}
	if (rc != SHOAL_OK) {
		opened->code = rc;
		opened->data = input->data;
		opened->len = rc != SHOAL_ERR_VERSION ? 0 : input->len < SHOWN ? input->len : SHOWN;
	}
	return rc;
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
}

size_t
shoal_seal_head(const struct shoal_core *core, size_t label_len)
{
	return SHOAL_PACKET_HEAD + label_len +
	       (shoal_seal_seals(core) ? (size_t)SHOAL_PACKET_SEAL : 0);
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
	if (has_room(core, &seal->less, bound) &&
	        shoal_packet_compress(writer, seal->compressor, seal->less.data, bound)) {
		shoal_count(core, SHOAL_COUNTER_COMPRESSED);
		core->counters.value[SHOAL_COUNTER_BYTES_SAVED] += before - writer->len;
	}
	trim(core, &seal->less);
}

bool
shoal_seal_end(
        struct shoal_core *core, const struct shoal_pending *pending, struct shoal_writer *writer)
{
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

	if (record == NULL || !core->seal.sealed || salt != core->seal.salt ||
	        salt == shoal_members_salt(record)) {
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

void
shoal_seal_complain(struct shoal_core *core, const struct shoal_input *input, int rc)
{
	bool sealing = core->seal.ring != NULL || rc == SHOAL_ERR_KEY;
	const char *name =
	        rc == SHOAL_ERR_VERSION ? shoal_packet_neighbour(input->data, input->len) : NULL;
	struct shoal_log_line line;

	/* Every joiner's first word is for nobody in particular. */
	bool usual = rc == SHOAL_ERR_LIMIT || rc == SHOAL_ERR_NOMEM ||
	             (rc == SHOAL_ERR_MISDIRECTED && input->kind == SHOAL_INPUT_REQUEST);
	if (usual || (!sealing && name == NULL)) {
		return;
	}
	struct shoal_complaint *told = find_told(core, &input->from);
	if (told == NULL || !shoal_log_begin(core, &line, SHOAL_LOG_WARN, "seal")) {
		return;
	}
	memcpy(told->ip, input->from.ip, sizeof told->ip);
	told->until = core->now + TOLD_EACH;
	shoal_text_str(&line.text, "dropped what came from ");
	shoal_text_addr(&line.text, &input->from);
	shoal_text_str(&line.text, ": ");
	shoal_text_str(&line.text, name != NULL ? name : shoal_strerror(rc));
	shoal_text_str(&line.text, " (said once a minute)");
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
