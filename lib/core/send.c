/* SPDX-License-Identifier: MIT */
/* Filling packets. Order inside one: the primary message, what is believed of the addressee (it
 * must hear an accusation first, Lifeguard's buddy rule), this member's own statement where that is
 * asked for, then gossip until the budget is full. What does not fit a datagram with its required
 * parts goes as a one-way message on a stream.
 *
 * Nothing is allocated but the stream buffer, which grows to the size of the table. */
#include "core/send.h"

#include <string.h>

#include "core/message/reliable.h"
#include "core/message/user.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "wire/coded.h"
#include "wire/packet.h"

/* Messages that are longer go alone: such a packet takes long, and its news would be old. */
#define LONG 16384

int
shoal_sends_init(struct shoal_core *core)
{
	struct shoal_sends *sends = &core->sends;

	shoal_ring_init(
	        &sends->queue, &core->mem, sizeof(struct shoal_pending), core->profile.sends_max);
	sends->datagram = shoal_alloc(&core->mem, core->profile.datagram_max);
	return sends->datagram != NULL ? SHOAL_OK : SHOAL_ERR_NOMEM;
}

void
shoal_sends_done(struct shoal_core *core)
{
	shoal_ring_done(&core->sends.queue);
	shoal_alloc_free(&core->mem, core->sends.datagram);
	shoal_alloc_free(&core->mem, core->sends.stream);
}

struct shoal_pending *
shoal_send_queue(struct shoal_core *core, enum shoal_send_kind kind, const struct shoal_addr *to,
        uint32_t slot, unsigned flags)
{
	bool addressed = kind == SHOAL_SEND_DATAGRAM || kind == SHOAL_SEND_STREAM ||
	                 kind == SHOAL_SEND_REQUEST || kind == SHOAL_SEND_WATCH;

#ifdef SHOAL_PLANT_OUTSIDE_SPOKEN_TO
	addressed = false;
#endif
	if (addressed && !shoal_allow_addr(core, to)) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOT_ALLOWED);
		return NULL;
	}
	if (addressed && !shoal_kind_is_own(core, to)) {
		shoal_count(core, SHOAL_COUNTER_DROP_APART);
		return NULL;
	}
	struct shoal_pending *pending = shoal_ring_room(&core->sends.queue);
	if (pending == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_SENDS_FULL);
		return NULL;
	}
	memset(pending, 0, offsetof(struct shoal_pending, primary));
	pending->url[0] = '\0';
	pending->kind = kind;
	pending->flags = flags;
	pending->to = *to;
	pending->slot = slot;
	pending->about = SHOAL_NONE;
	pending->salt = shoal_seal_addressee(core, to, slot);
	pending->request = kind == SHOAL_SEND_REPLY ? core->seal.counter : 0;
	return pending;
}

void
shoal_send_url(struct shoal_pending *pending, struct shoal_span url)
{
	struct shoal_text text;

	shoal_text_init(&text, pending->url, sizeof pending->url);
	shoal_text_strn(&text, (const char *)url.data, url.len);
}

struct shoal_pending *
shoal_send_to(struct shoal_core *core, enum shoal_send_kind kind, uint32_t slot, unsigned flags)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_addr to = shoal_members_addr(record);
	uint64_t link = kind == SHOAL_SEND_DATAGRAM && shoal_members_inbound(record)
	                        ? shoal_inbound_link(core, slot)
	                        : 0;
	struct shoal_pending *pending =
	        shoal_send_queue(core, link != 0 ? SHOAL_SEND_TELL : kind, &to, slot, flags);

	if (pending != NULL) {
		pending->exchange = link;
	}
	return pending;
}

void
shoal_send_primary(struct shoal_pending *pending, enum shoal_message_kind kind, const void *message)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, pending->primary, sizeof pending->primary);
	writer.len = pending->len;
	bool fits = shoal_message_append(&writer, kind, message);
	SHOAL_ASSERT(fits);
	pending->len = writer.len;
}

struct shoal_pending *
shoal_send_gossip(struct shoal_core *core, uint32_t slot, unsigned flags, uint32_t about)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	unsigned budget = (flags & SHOAL_FILL_BUDGET) != 0 ? 0 : SHOAL_FILL_SPARE;
	struct shoal_pending *pending = shoal_send_to(core, SHOAL_SEND_DATAGRAM, slot,
	        flags | budget | SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);

	if (pending != NULL) {
		pending->about = about;
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
	}
	return pending;
}

/* The addressee, where the slot still holds the member that the packet was queued for. */
static struct shoal_record *
addressee(struct shoal_core *core, const struct shoal_pending *pending)
{
	struct shoal_record *record = shoal_members_at(core, pending->slot);
	bool same =
	        record != NULL && pending->slot != SHOAL_SELF &&
	        (pending->kind == SHOAL_SEND_REPLY || shoal_members_has_addr(record, &pending->to));
	return same ? record : NULL;
}

/* Only a current member is reminded: to anybody else an answer must not grow. */
static bool
tells_self(const struct shoal_pending *pending, const struct shoal_record *to)
{
	bool current = to != NULL && (shoal_members_counts(to) || to->state == SHOAL_STATE_LEAVING);

	return (pending->flags & SHOAL_FILL_SELF) != 0 ||
	       (current && (to->flags & SHOAL_RECORD_REMIND) != 0);
}

/* Whether its addressee has something to contradict. What is dead here hears so whatever the
 * switches say: that is not Lifeguard's rule but how a cluster heals. */
static bool
is_doubted(const struct shoal_core *core, const struct shoal_record *to)
{
	enum shoal_state state = (enum shoal_state)to->state;

#ifdef SHOAL_PLANT_ACCUSED_UNTOLD
	return false;
#endif
	if (shoal_state_is_gone(state)) {
		return true;
	}
	return core->profile.belief != 0 && state != SHOAL_STATE_ALIVE &&
	       state != SHOAL_STATE_UNKNOWN;
}

/* Everything that the packet must hold. */
static void
write_required(struct shoal_core *core, const struct shoal_pending *pending,
        struct shoal_record *to, struct shoal_writer *writer)
{
	unsigned flags = pending->flags;

	shoal_coded_append(
	        writer, core->coding.now, (struct shoal_span){pending->primary, pending->len});
	core->sends.bare = writer->len;
	if (core->coding.codec != NULL && core->coding.now == NULL &&
	        (flags & SHOAL_FILL_TABLE) == 0) {
		return; /* who takes it may be of another codec, and takes no more than that */
	}
	if ((flags & SHOAL_FILL_BELIEF) != 0 && to != NULL && is_doubted(core, to) &&
	        !shoal_gossip_write(core, pending->slot, false, writer)) {
		writer->failed = true;
	}
	if (tells_self(pending, to) && !shoal_gossip_write(core, SHOAL_SELF, true, writer)) {
		writer->failed = true;
	}
	if ((flags & SHOAL_FILL_ABOUT) != 0 && pending->about != SHOAL_SELF &&
	        shoal_members_at(core, pending->about) != NULL &&
	        !shoal_gossip_write(core, pending->about, true, writer)) {
		writer->failed = true;
	}
	if ((flags & SHOAL_FILL_META) != 0 && shoal_members_at(core, pending->about) != NULL &&
	        !shoal_meta_write(core, pending->about, true, writer)) {
		writer->failed = true;
	}
	if ((flags & SHOAL_FILL_KEYS) != 0) {
		shoal_keys_write(core, writer);
	}
	if ((flags & SHOAL_FILL_WALK) != 0) {
		shoal_writer_bytes(writer, core->walk.out.data, core->walk.out.len);
	}
	if ((flags & SHOAL_FILL_MAIL) != 0) {
		shoal_user_write(core, pending->slot, writer);
	}
	if ((flags & SHOAL_FILL_BATCH) != 0) {
		shoal_reliable_write(core, pending, writer);
	}
	if ((flags & SHOAL_FILL_FETCH) != 0) {
		shoal_repair_write_fetch(core, writer);
	}
	if ((flags & SHOAL_FILL_FETCHED) != 0) {
		shoal_repair_write_answer(core, writer);
	}
}

static void
begin(struct shoal_core *core, const struct shoal_pending *pending, struct shoal_writer *writer)
{
	struct shoal_span label = shoal_migrate_label(core);

	if ((pending->flags & SHOAL_FILL_UNLABELLED) != 0) {
		label.len = 0;
	}
	if ((pending->flags & SHOAL_FILL_CLEAR) != 0) {
		shoal_packet_begin(writer, label);
	} else {
		shoal_seal_begin(core, writer, label);
	}
}

bool
shoal_send_is_polled(const struct shoal_core *core, const struct shoal_record *record)
{
	return shoal_members_inbound(record) && shoal_poll_is_for(core, record);
}

/* What goes along as far as it fits. Not in a datagram to one that cannot be dialled and polls: it
 * would count as told, and comes with what is polled. */
static void
fill_along(struct shoal_core *core, const struct shoal_pending *pending,
        const struct shoal_record *to, struct shoal_writer *writer)
{
	bool spare = (pending->flags & SHOAL_FILL_SPARE) != 0;
	bool gossip = (pending->flags & SHOAL_FILL_GOSSIP) != 0;
	bool casts = (pending->flags & SHOAL_FILL_CASTS) != 0;

	if (to == NULL || !shoal_members_counts(to) ||
	        (pending->kind == SHOAL_SEND_DATAGRAM && shoal_send_is_polled(core, to))) {
		return;
	}
	if (gossip && (!spare || shoal_gossip_affords(core))) {
		uint32_t told = tells_self(pending, to) ? SHOAL_SELF : pending->about;
		size_t before = writer->len;
		shoal_gossip_fill(core, pending->slot, told, writer);
		shoal_gossip_spend(core, spare ? writer->len - before : 0);
	}
	if ((pending->flags & SHOAL_FILL_BRANCH) != 0) {
		shoal_spread_fill_branch(core, pending->slot, writer);
	} else if ((gossip || casts) && !shoal_send_is_polled(core, to)) {
		shoal_spread_fill(core, pending->slot, writer, casts);
	}
}

/* false: what is required does not fit a datagram. */
static bool
make_datagram(struct shoal_core *core, const struct shoal_pending *pending, struct shoal_record *to,
        struct shoal_writer *writer)
{
	shoal_writer_init(writer, core->sends.datagram, shoal_path_limit(core, to, &pending->to));
	begin(core, pending, writer);
	write_required(core, pending, to, writer);
	if (writer->failed) {
		return false;
	}
	fill_along(core, pending, to, writer);
	/* It may have been filled to more: a larger size was proved while it waited. */
	size_t behind = shoal_seal_behind(core);
	if (pending->pad > writer->len + behind) {
		SHOAL_ASSERT(pending->pad <= core->profile.datagram_max);
		writer->cap = pending->pad - behind;
		shoal_message_pad(writer);
	}
	return true;
}

bool
shoal_sends_grow(struct shoal_core *core)
{
	struct shoal_sends *sends = &core->sends;
	size_t capacity = sends->stream_capacity == 0 ? 4096 : sends->stream_capacity * 2;

	if (capacity > core->profile.stream_max) {
		capacity = core->profile.stream_max;
	}
	uint8_t *stream = capacity > sends->stream_capacity
	                          ? shoal_alloc_resize(&core->mem, sends->stream, capacity, 1)
	                          : NULL;
	if (stream == NULL) {
		return false;
	}
	sends->stream = stream;
	sends->stream_capacity = capacity;
	return true;
}

/* The answer to a poll takes along what a datagram would. */
static void
fill_reply(struct shoal_core *core, const struct shoal_pending *pending,
        const struct shoal_record *to, struct shoal_writer *writer)
{
	size_t cap = writer->cap, most = core->profile.datagram_max - shoal_seal_behind(core);

	bool messages = (pending->flags & (SHOAL_FILL_MAIL | SHOAL_FILL_BATCH)) != 0;
	size_t beside = messages ? writer->len - core->sends.bare : 0;

	most += beside;
	if (pending->kind != SHOAL_SEND_REPLY || (pending->flags & SHOAL_FILL_CASTS) == 0 ||
	        beside > LONG) {
		return;
	}
	bool polled = to != NULL && shoal_send_is_polled(core, to);
	writer->cap = most < cap ? most : cap;
	if (polled) {
		core->gossip.polled = core->now; /* see await.h */
	}
	if (writer->len < writer->cap) {
		fill_along(core, pending, to, writer);
	}
	writer->cap = cap;
	if (polled && shoal_members_counts(to)) {
		shoal_spread_fill_reply(core, pending->slot, writer);
	}
}

static bool
make_stream(struct shoal_core *core, const struct shoal_pending *pending, struct shoal_record *to,
        struct shoal_writer *writer)
{
	bool table = (pending->flags & SHOAL_FILL_TABLE) != 0;
	uint32_t start = table ? shoal_rng_below(&core->rng, core->members.records.end) : 0;
	uint32_t except = (pending->flags & SHOAL_FILL_SELF) != 0 ? SHOAL_SELF : SHOAL_NONE;

	if (core->sends.stream == NULL && !shoal_sends_grow(core)) {
		return false;
	}
	if (pending->kind == SHOAL_SEND_REPLY && (pending->flags & SHOAL_FILL_CASTS) != 0) {
		shoal_shelf_reserve(core, pending->slot);
	}
	for (;;) {
		shoal_writer_init(writer, core->sends.stream, core->sends.stream_capacity);
		begin(core, pending, writer);
		write_required(core, pending, to, writer);
		bool whole = !table || shoal_sync_write_table(core, writer, start, except);
		bool largest = writer->cap + shoal_seal_behind(core) >= core->profile.stream_max;
		if (!writer->failed && (whole || largest)) {
			fill_reply(core, pending, to, writer);
			return true;
		}
		if (!shoal_sends_grow(core)) {
			if (!writer->failed) {
				/* A part of the table is told all the same. */
				shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
			}
			return !writer->failed;
		}
	}
}

/* What the address stands for; NULL: it is no URL's, or only the host knows. */
static const char *
url_of(const struct shoal_core *core, const struct shoal_pending *pending)
{
	const struct shoal_record *record = shoal_members_at(core, pending->slot);

	if (!shoal_addr_is_web(&pending->to)) {
		return NULL;
	}
	if (record != NULL && shoal_members_has_addr(record, &pending->to)) {
		return shoal_info_url(record->info);
	}
	return pending->url[0] != '\0' ? pending->url : NULL;
}

/* false: it could not be sealed. */
static bool
finish(struct shoal_core *core, const struct shoal_pending *pending, struct shoal_record *to,
        struct shoal_writer *writer, struct shoal_send *send)
{
	bool datagram = pending->kind == SHOAL_SEND_DATAGRAM;

	if (!shoal_seal_end(core, pending, writer)) {
		return false;
	}
	if (datagram && to != NULL) {
		size_t len = writer->len + core->seal.missing;
		shoal_path_sent(core, pending->slot, &pending->to, len);
	}
	if (to != NULL) {
		to->flags &= (uint8_t)~SHOAL_RECORD_REMIND;
		if (datagram) {
			shoal_hint_sent(core, pending->slot, &pending->to);
		}
	}
	*send = (struct shoal_send){.kind = pending->kind,
	        .to = pending->to,
	        .url = url_of(core, pending),
	        .exchange = pending->exchange,
	        .timeout_ns = pending->timeout_ns,
	        .fresh = pending->fresh,
	        .data = writer->data,
	        .len = writer->len};
	shoal_count(core, datagram ? SHOAL_COUNTER_DATAGRAMS_OUT : SHOAL_COUNTER_STREAMS_OUT);
	core->counters.value[SHOAL_COUNTER_BYTES_OUT] += writer->len;
	if (datagram) {
		shoal_observe(core, SHOAL_HISTOGRAM_PACKET_FILL,
		        writer->len * 1000 / core->profile.datagram_max);
	}
	return true;
}

/* Whether a packet of nothing but gossip has become pointless: another one took all there was to
 * tell. */
static bool
is_empty(const struct shoal_core *core, const struct shoal_pending *pending,
        const struct shoal_writer *writer)
{
	const unsigned mail = SHOAL_FILL_SELF | SHOAL_FILL_ABOUT | SHOAL_FILL_BARE;
	return pending->len > 0 && pending->primary[0] == SHOAL_MESSAGE_SENDER &&
	       pending->len == 2u + pending->primary[1] && (pending->flags & mail) == 0 &&
	       writer->len == core->sends.bare;
}

/* false: there was nothing to tell, or no memory to say it. */
static bool
make_send(struct shoal_core *core, struct shoal_pending *pending, struct shoal_send *send)
{
	struct shoal_record *to = addressee(core, pending);
	struct shoal_writer writer;
	bool made = false;

	bool datagram = pending->kind == SHOAL_SEND_DATAGRAM;
	bool told = pending->kind == SHOAL_SEND_TELL && to != NULL; /* in the place of one */
	if (datagram || told) {
		made = make_datagram(core, pending, to, &writer);
		if (made && is_empty(core, pending, &writer)) {
			return false;
		}
		pending->kind = made || told ? pending->kind : SHOAL_SEND_STREAM;
	}
	made = made || make_stream(core, pending, to, &writer);
	if (!made || !finish(core, pending, to, &writer, send)) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		shoal_exchange_unsent(core, pending);
		return false;
	}
	if ((pending->flags & SHOAL_FILL_BUDGET) != 0) {
		shoal_gossip_spend(core, writer.len);
	}
	return true;
}

/* Who receives it takes no long message of somebody of whom nothing opened yet. */
static void
introduce(struct shoal_core *core, const struct shoal_pending *pending, struct shoal_send *send)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	struct shoal_sends *sends = &core->sends;
	struct shoal_pending first = {
	        .kind = SHOAL_SEND_STREAM, .to = pending->to, .salt = pending->salt};
	bool opens = send->kind == SHOAL_SEND_STREAM || send->kind == SHOAL_SEND_REQUEST;
	struct shoal_writer writer;

	if (!core->seal.asks || !opens || send->len + core->seal.missing <= SHOAL_FIRST_MAX) {
		return;
	}
	shoal_writer_init(&writer, sends->datagram, core->profile.datagram_max);
	begin(core, &first, &writer);
	if (!shoal_coding_append(core, &writer, SHOAL_MESSAGE_SENDER, &sender) ||
	        !shoal_seal_end(core, &first, &writer)) {
		return;
	}
	sends->held = *send;
	sends->holds = true;
	*send = (struct shoal_send){.kind = first.kind,
	        .to = first.to,
	        .url = sends->held.url,
	        .data = writer.data,
	        .len = writer.len};
	/* A replay, which does not compress, has more of them: only their bytes are counted. */
	core->counters.value[SHOAL_COUNTER_BYTES_OUT] += writer.len;
}

/* Sealed as it is it would be none of those on streams: it is opened and sealed again. */
int
shoal_core_as_stream(struct shoal_core *core, struct shoal_send *send)
{
	struct shoal_sends *sends = &core->sends;

	if (send->kind != SHOAL_SEND_DATAGRAM || send->data != sends->datagram) {
		return SHOAL_ERR_INVALID;
	}
	if (shoal_seal_seals(core)) {
		struct shoal_writer writer;
		while (sends->stream_capacity < send->len) {
			if (!shoal_sends_grow(core)) {
				return SHOAL_ERR_NOMEM;
			}
		}
		shoal_writer_init(&writer, sends->stream, sends->stream_capacity);
		int rc = shoal_seal_again(core, sends->datagram, send->len, &writer);
		if (rc != SHOAL_OK) {
			return rc;
		}
		send->data = writer.data;
		send->len = writer.len;
	}
	send->kind = SHOAL_SEND_STREAM;
	return SHOAL_OK;
}

/* Whether there still is what the packet was queued for; else it ends here. */
static bool
is_due(struct shoal_core *core, struct shoal_pending *pending)
{
	const unsigned messages = SHOAL_FILL_MAIL | SHOAL_FILL_BATCH;

	if (pending->kind == SHOAL_SEND_REPLY && (pending->flags & messages) != 0) {
		bool mail = (pending->flags & SHOAL_FILL_MAIL) != 0;
		if (mail ? !shoal_user_waits(core, pending->slot)
		         : !shoal_reliable_is_due(core, pending)) {
			pending->flags &= ~messages;
		}
		return true; /* the poll is answered */
	}
	if ((pending->flags & SHOAL_FILL_MAIL) != 0) {
		return shoal_user_is_due(core, pending->slot);
	}
	if ((pending->flags & SHOAL_FILL_BATCH) != 0 && !shoal_reliable_is_due(core, pending)) {
		shoal_exchange_unsent(core, pending);
		return false;
	}
	return true;
}

bool
shoal_core_next_send(struct shoal_core *core, struct shoal_send *send)
{
	struct shoal_pending *pending;

	if (core->sends.holds) {
		*send = core->sends.held;
		core->sends.holds = false;
		return true;
	}
	while ((pending = shoal_ring_front(&core->sends.queue)) != NULL) {
		/* Its place may be given away: nothing is queued while it is made into a packet. */
		shoal_ring_pop(&core->sends.queue);
		if (pending->kind == SHOAL_SEND_UNWATCH || pending->kind == SHOAL_SEND_DROP) {
			*send = (struct shoal_send){
			        .kind = pending->kind, .exchange = pending->exchange};
			return true;
		}
		if (!is_due(core, pending)) {
			continue;
		}
		shoal_coding_write(core, pending);
		bool made = make_send(core, pending, send);
		if (made) {
			introduce(core, pending, send);
		}
		shoal_coding_write(core, NULL);
		if ((pending->flags & SHOAL_FILL_WALK) != 0) {
			shoal_walk_sent(core);
		} else if ((pending->flags & SHOAL_FILL_MAIL) != 0) {
			shoal_user_sent(core, pending->slot, made);
		} else if ((pending->flags & SHOAL_FILL_BATCH) != 0 && made) {
			shoal_reliable_sent(core, pending);
		} else if ((pending->flags & SHOAL_FILL_FETCHED) != 0 && made) {
			shoal_repair_answered(core, pending->slot);
		} else if ((pending->flags & SHOAL_FILL_BRANCH) != 0) {
			shoal_branch_sent(core, pending->slot, made);
		}
		if (made && pending->kind == SHOAL_SEND_TELL &&
		        (pending->flags & (SHOAL_FILL_MAIL | SHOAL_FILL_BATCH)) != 0) {
			shoal_call_told(core, pending->exchange);
		}
		if (made) {
			return true;
		}
	}
	return false;
}
