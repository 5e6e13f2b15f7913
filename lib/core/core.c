/* SPDX-License-Identifier: MIT */
/* The node as the host sees it: made from a config, stepped with inputs, asked for its members. The
 * protocol is in the folders beside this file; here is only who is called for which input and which
 * timer. */
#include <shoal/core.h>

#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/id.h"
#include "core/detect/check.h"
#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/message/reliable.h"
#include "core/message/user.h"
#include "core/node.h"
#include "core/receive.h"
#include "core/sync/exchange.h"
#include "core/sync/heal.h"
#include "core/table/forget.h"
#include "core/table/grave.h"
#include "core/table/leave.h"
#include "core/table/move.h"
#include "core/table/save.h"
#include "core/tune.h"

#define EVENTS_PER_MEMBER 4
#define LOGS_MAX          256
#define CONFIG_MOST       (1 << 16) /* bytes of a config of any release */

void
shoal_core_config_init_sized(struct shoal_core_config *config, size_t size)
{
	struct shoal_core_config whole;

	memset(&whole, 0, sizeof whole);
	whole.log_level = SHOAL_LOG_INFO;
	whole.compress_min = 1024;
	shoal_profile_init(&whole.profile, SHOAL_PROFILE_LAN);
	memset(config, 0, size);
	memcpy(config, &whole, size < sizeof whole ? size : sizeof whole);
	config->size = size;
}

static int
invalid(struct shoal_text *why, const char *text)
{
	shoal_text_str(why, text);
	return SHOAL_ERR_INVALID;
}

static bool
is_zero(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

static int
check_text(struct shoal_text *why, const char *field, const char *value, size_t most)
{
	size_t len = value == NULL ? 0 : strlen(value);

	if (len > most || (len > 0 && !shoal_text_is_name((const uint8_t *)value, len))) {
		shoal_text_str(why, field);
		shoal_text_str(why, ": must be UTF-8 without control characters, of at most ");
		shoal_text_u64(why, most);
		return invalid(why, " bytes");
	}
	return SHOAL_OK;
}

static struct shoal_span
url_of(const struct shoal_core_config *config)
{
	return (struct shoal_span){
	        (const uint8_t *)config->url, config->url == NULL ? 0 : strlen(config->url)};
}

static int
check_config(const struct shoal_core_config *config, char *buf, size_t len)
{
	struct shoal_addr_list addrs = {.count = config->addrs};
	struct shoal_text why;

	shoal_text_init(&why, buf, len);
	if (is_zero(&config->salt, sizeof config->salt)) {
		return invalid(&why, "salt: must be random bytes, not all zero");
	}
	if (config->addrs == 0 || config->addrs > SHOAL_ADDRS_MAX) {
		return invalid(&why, "addrs: must be 1 to 4");
	}
	for (size_t i = 0; i < config->addrs; i++) {
		if (config->addr[i].port == 0 || shoal_addr_is_wildcard(&config->addr[i])) {
			return invalid(
			        &why, "addr: must be one that others can send to, with a port");
		}
		addrs.item[i] = config->addr[i];
	}
	if (!shoal_message_is_url_of(&addrs, url_of(config))) {
		return invalid(&why, "url: must be what the one address stands for that is made "
		                     "from a URL, and nothing where there is none");
	}
	if (config->epoch_least > UINT32_MAX) {
		return invalid(&why, "epoch_least: must be below 2^32 seconds");
	}
	if (config->mono_ns > UINT64_MAX / 2) {
		return invalid(&why, "mono_ns: too large");
	}
	if (check_text(&why, "name", config->name, SHOAL_NAME_MAX) != SHOAL_OK ||
	        check_text(&why, "label", config->label, SHOAL_LABEL_MAX) != SHOAL_OK) {
		return SHOAL_ERR_INVALID;
	}
	return shoal_profile_check(&config->profile, buf, len);
}

/* As given; else from the name; else a new one: random bytes come from the salt, which is secret
 * and never used twice. */
static void
choose_id(const struct shoal_core_config *config, struct shoal_id *id)
{
	uint8_t digest[32];
	struct shoal_sha256 sha;

	*id = config->id;
	if (!shoal_id_is_zero(id) ||
	        (config->name != NULL && config->name[0] != '\0' &&
	                shoal_id_from_name(id, config->label, config->name) == SHOAL_OK)) {
		return;
	}
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, &config->salt, sizeof config->salt);
	shoal_sha256_final(&sha, digest);
	shoal_id_from_time(id, config->wall_ns, digest);
}

static uint64_t
epoch(const struct shoal_core_config *config)
{
	uint64_t wall_s = config->wall_ns / SHOAL_SEC(1);
	return wall_s > config->epoch_least ? wall_s : config->epoch_least;
}

/* This member's own record, slot 0. Its incarnation starts at the present second, so that a restart
 * is above every former run without a file; the low half counts refutations. */
static int
add_self(struct shoal_core *core, const struct shoal_core_config *config)
{
	struct shoal_msg_member self = {.salt = config->salt,
	        .incarnation = epoch(config) << 32,
	        .protocol_min = SHOAL_PROTOCOL_LOW,
	        .protocol_max = SHOAL_PROTOCOL_HIGH,
	        .app_version = config->app_version};
	char text[SHOAL_ID_TEXT];
	const char *name = config->name;
	uint32_t slot;

	choose_id(config, &self.id);
	if (name == NULL || name[0] == '\0') {
		shoal_id_print(&self.id, text);
		name = text;
	}
	self.name = (struct shoal_span){(const uint8_t *)name, strlen(name)};
	self.addrs.count = config->addrs;
	memcpy(self.addrs.item, config->addr, config->addrs * sizeof config->addr[0]);
	self.url = url_of(config);
	int rc = shoal_members_add(core, &self, &slot);
	if (rc == SHOAL_OK) {
		SHOAL_ASSERT(slot == SHOAL_SELF);
		shoal_members_move(core, slot, SHOAL_STATE_ALIVE, 0, NULL);
	}
	return rc;
}

static int
set_up(struct shoal_core *core, const struct shoal_core_config *config)
{
	size_t events = (size_t)core->profile.members_max * EVENTS_PER_MEMBER;

	shoal_rng_init(&core->rng, config->seed, 1);
	shoal_heap_init(&core->heap, &core->mem);
	shoal_ring_init(&core->events, &core->mem, sizeof(struct shoal_event), events);
	shoal_ring_init(&core->logs, &core->mem, sizeof(struct shoal_log_record), LOGS_MAX);
	shoal_members_init(core);
	shoal_tree_init(core);
	int rc = shoal_walk_init(core);
	if (shoal_sends_init(core) != SHOAL_OK) {
		rc = SHOAL_ERR_NOMEM;
	}
	shoal_gossip_init(core);
	shoal_path_init(core);
	shoal_silence_init(core);
	shoal_relay_init(core);
	shoal_identity_init(core);
	shoal_check_init(core);
	shoal_inquest_init(core);
	shoal_hint_init(core);
	shoal_inbound_init(core);
	shoal_reach_init(core);
	shoal_poll_init(core);
	shoal_call_init(core);
	shoal_accept_init(core, config->asks_accept);
	core->unwatched = config->unwatched;
	shoal_pull_init(core);
	shoal_peer_init(core);
	shoal_seen_init(core);
	shoal_cast_init(core);
	shoal_spread_init(core);
	shoal_shelf_init(core);
	shoal_branch_init(core);
	shoal_repair_init(core);
	shoal_want_init(core);
	shoal_slab_init(&core->exchanges, &core->mem, 1, 0);
	if (shoal_partial_init(core) != SHOAL_OK) {
		rc = SHOAL_ERR_NOMEM;
	}
	if (rc == SHOAL_OK) {
		rc = shoal_heap_reserve(&core->heap, SHOAL_TIMERS_FIXED);
	}
	/* The first events have room from the start: the end of a command must not be lost for want
	 * of memory. */
	if (rc == SHOAL_OK && shoal_ring_push(&core->events) == NULL) {
		rc = SHOAL_ERR_NOMEM;
	}
	shoal_ring_pop(&core->events);
	if (rc != SHOAL_OK) {
		return rc;
	}
	shoal_probe_init(core);
	shoal_exchange_init(core);
	shoal_sync_init(core);
	shoal_heal_init(core);
	return add_self(core, config);
}

static int
set_up_seal(struct shoal_core *core, const struct shoal_core_config *config, char *buf, size_t len)
{
	const char *wrong = "";
	struct shoal_text why;
	int rc = shoal_coding_init(core, config, &wrong);

	if (rc == SHOAL_OK) {
		rc = shoal_seal_init(core, config, &wrong);
	}
	shoal_text_init(&why, buf, len);
	return rc == SHOAL_ERR_INVALID ? invalid(&why, wrong) : rc;
}

int
shoal_core_new(
        struct shoal_core **out, const struct shoal_core_config *given, char *why, size_t len)
{
	struct shoal_core_config config;
	struct shoal_allocator mem;
	struct shoal_core *core;

	if (given->size == 0 || given->size > CONFIG_MOST) {
		struct shoal_text text;
		shoal_text_init(&text, why, len);
		return invalid(&text, "size: not set by shoal_core_config_init");
	}
	shoal_core_config_init(&config);
	memcpy(&config, given, given->size < sizeof config ? given->size : sizeof config);
	int rc = check_config(&config, why, len);
	if (rc != SHOAL_OK) {
		return rc;
	}
	mem = shoal_allocator_or_libc(config.allocator);
	core = shoal_alloc_zeroed(&mem, 1, sizeof *core);
	if (core == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	core->mem = mem;
	core->members.infos.pool = config.pool;
	core->profile = config.profile;
	core->log_level = config.log_level;
	core->now = config.mono_ns + SHOAL_TIME_ORIGIN;
	core->wall_ns = config.wall_ns;
	if (config.label != NULL) {
		memcpy(core->label, config.label, strlen(config.label));
	}
	memcpy(core->url, config.url != NULL ? config.url : "", url_of(&config).len);
	core->label_span = (struct shoal_span){(const uint8_t *)core->label, strlen(core->label)};
	shoal_members_prefer(core, config.addr, config.addrs);
	rc = set_up_seal(core, &config, why, len);
	if (rc != SHOAL_OK) {
		shoal_seal_done(core);
		shoal_alloc_free(&mem, core);
		return rc;
	}
	rc = set_up(core, &config);
	if (rc != SHOAL_OK) {
		shoal_core_free(core);
		return rc;
	}
	*out = core;
	return SHOAL_OK;
}

void
shoal_core_free(struct shoal_core *core)
{
	if (core == NULL) {
		return;
	}
	struct shoal_allocator mem = core->mem;
	shoal_exchange_done(core);
	shoal_pull_done(core);
	shoal_peer_done(core);
	shoal_cast_done(core);
	shoal_shelf_done(core);
	shoal_want_done(core);
	shoal_seen_done(core);
	shoal_call_done(core);
	shoal_accept_done(core);
	shoal_inquest_done(core);
	shoal_check_done(core);
	shoal_identity_done(core);
	shoal_relay_done(core);
	shoal_partial_done(core);
	shoal_probe_done(core);
	shoal_gossip_done(core);
	shoal_sends_done(core);
	shoal_walk_done(core);
	shoal_tree_done(core);
	shoal_unheld_done(core);
	shoal_members_done(core);
	shoal_seal_done(core);
	shoal_coding_done(core);
	shoal_ring_done(&core->logs);
	shoal_ring_done(&core->events);
	shoal_heap_done(&core->heap);
	shoal_alloc_free(&mem, core);
}

/* The time of what is held about a member is over. */
static void
on_hold(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_UNCONFIRMED, NULL);

	switch ((enum shoal_state)record->state) {
	case SHOAL_STATE_SUSPECT:
		shoal_suspicion_expire(core, slot);
		break;
	case SHOAL_STATE_LEAVING:
#ifdef SHOAL_PLANT_LEAVING_STAYS
		break;
#endif
		if (shoal_grave_dig(core, slot, SHOAL_STATE_LEFT, SHOAL_EVENT_LEFT, &cause, 0)) {
			shoal_gossip_add(core, slot);
		}
		break;
	case SHOAL_STATE_UNKNOWN:
		shoal_members_remove(core, slot);
		break;
	default:
		break;
	}
}

/* Of what is pulled, said and asked for. */
static void
on_rare_timer(struct shoal_core *core, const struct shoal_timer *timer)
{
	switch (timer->kind) {
	case SHOAL_TIMER_PULL:
		shoal_pull_on_timer(core);
		break;
	case SHOAL_TIMER_PEER:
		shoal_reliable_on_timer(core, timer->slot);
		break;
	case SHOAL_TIMER_SPREAD:
		shoal_spread_on_timer(core);
		break;
	case SHOAL_TIMER_REPAIR:
		shoal_repair_on_timer(core);
		break;
	case SHOAL_TIMER_WANT:
		shoal_want_on_timer(core);
		break;
	case SHOAL_TIMER_CALL:
		shoal_call_on_timer(core);
		break;
	case SHOAL_TIMER_ACCEPT:
		shoal_accept_on_timer(core);
		break;
	case SHOAL_TIMER_MIGRATE:
		shoal_migrate_on_timer(core);
		break;
	case SHOAL_TIMER_REACH:
		shoal_reach_on_timer(core);
		break;
	case SHOAL_TIMER_POLL:
		shoal_poll_on_timer(core);
		break;
	}
}

static void
on_timer(struct shoal_core *core, const struct shoal_timer *timer)
{
	switch ((enum shoal_timer_kind)timer->kind) {
	case SHOAL_TIMER_ROUND:
		shoal_probe_on_round(core);
		break;
	case SHOAL_TIMER_PROBE:
		shoal_probe_on_timer(core, timer->slot);
		break;
	case SHOAL_TIMER_RELAY:
		shoal_relay_on_timer(core, timer->slot);
		break;
	case SHOAL_TIMER_HOLD:
		on_hold(core, timer->slot);
		break;
	case SHOAL_TIMER_BURST:
		shoal_gossip_on_burst(core);
		break;
	case SHOAL_TIMER_TICK:
		shoal_gossip_on_tick(core);
		break;
	case SHOAL_TIMER_SYNC:
		shoal_sync_on_interval(core);
		break;
	case SHOAL_TIMER_HEAL:
		shoal_heal_on_timer(core);
		break;
	case SHOAL_TIMER_CHECK:
		shoal_check_on_timer(core);
		break;
	case SHOAL_TIMER_LEAVE:
		shoal_leave_on_timer(core);
		break;
	case SHOAL_TIMER_DIGEST:
		shoal_sync_on_digest(core);
		break;
	case SHOAL_TIMER_FADE:
		shoal_tree_touch(core, timer->slot);
		break;
	case SHOAL_TIMER_TWIN:
		shoal_identity_on_timer(core, timer->slot);
		break;
	case SHOAL_TIMER_WATCH:
		shoal_watch_on_timer(core);
		break;
	case SHOAL_TIMER_INQUEST:
		shoal_inquest_on_timer(core, timer->slot);
		break;
	case SHOAL_TIMER_INBOUND:
		shoal_inbound_doubt(core);
		break;
	default:
		on_rare_timer(core, timer);
	}
}

/* Of every timer, before the lag moves any. */
static void
measure_lag(struct shoal_core *core)
{
	uint64_t due = shoal_heap_next(&core->heap);

	if (due <= core->now) {
		shoal_observe_ns(core, SHOAL_HISTOGRAM_LOOP_LAG, core->now - due);
	}
}

static void
run_timers(struct shoal_core *core)
{
	struct shoal_timer *timer;

	while (core->leave.phase != SHOAL_LEAVE_ENDED &&
	        (timer = shoal_heap_expire(&core->heap, core->now)) != NULL) {
		on_timer(core, timer);
	}
	shoal_grave_forget_old(core);
}

static int
dispatch(struct shoal_core *core, const struct shoal_input *input)
{
	switch (input->kind) {
	case SHOAL_INPUT_TIMER:
		run_timers(core);
		return SHOAL_OK;
	case SHOAL_INPUT_DATAGRAM:
	case SHOAL_INPUT_STREAM:
	case SHOAL_INPUT_REQUEST:
	case SHOAL_INPUT_WATCHED:
		return shoal_receive(core, input);
	case SHOAL_INPUT_RESULT:
		return shoal_receive_result(core, input);
	case SHOAL_INPUT_REFUSED:
		shoal_count(core, SHOAL_COUNTER_REFUSALS);
		shoal_silence_heard(core);
		shoal_hint_refused(core, &input->from);
		return SHOAL_OK;
	case SHOAL_INPUT_JOIN:
		return core->leave.phase != SHOAL_LEAVE_NOT ? SHOAL_ERR_STATE
		       : !shoal_allow_addr(core, &input->from)
		               ? SHOAL_ERR_PERMISSION
		               : shoal_exchange_join(core, &input->from);
	case SHOAL_INPUT_LEAVE:
		return shoal_leave_begin(core, input->timeout_ns);
	case SHOAL_INPUT_RESTORE:
		return shoal_save_restore(core, input);
	case SHOAL_INPUT_TOO_LARGE:
		shoal_path_too_large(core, &input->from, input->size);
		return SHOAL_OK;
	case SHOAL_INPUT_UNWATCHED:
		shoal_watch_on_unwatched(core, input->exchange);
		return SHOAL_OK;
	case SHOAL_INPUT_CLOSED:
		shoal_watch_on_closed(core, input->exchange, input->code);
		return SHOAL_OK;
	case SHOAL_INPUT_META:
		return shoal_meta_set(core, (struct shoal_span){input->data, input->len});
	case SHOAL_INPUT_TUNE:
		return shoal_tune(core, (struct shoal_span){input->data, input->len});
	case SHOAL_INPUT_ALLOW:
		return shoal_allow_set(core, (struct shoal_span){input->data, input->len});
	case SHOAL_INPUT_FORGET:
		return shoal_forget(core, (struct shoal_span){input->data, input->len});
	case SHOAL_INPUT_SEND:
		return shoal_user_send(core, input);
	case SHOAL_INPUT_ROOM:
		shoal_inbox_set_room(core, input->size);
		shoal_reliable_on_room(core);
		shoal_cast_on_room(core);
		return SHOAL_OK;
	case SHOAL_INPUT_BROADCAST:
		return shoal_cast_send(core, input);
	case SHOAL_INPUT_KEYS:
		return shoal_keys_begin(core, (struct shoal_span){input->data, input->len});
	case SHOAL_INPUT_ADDRESS:
		return shoal_move_set(core, (struct shoal_span){input->data, input->len});
	case SHOAL_INPUT_ACCEPT:
		return shoal_accept_decide(core, input);
	case SHOAL_INPUT_MIGRATE:
		return shoal_migrate_set(core, (struct shoal_span){input->data, input->len});
	}
	return SHOAL_ERR_INVALID;
}

int
shoal_core_step(struct shoal_core *core, const struct shoal_input *input)
{
	uint64_t now = input->mono_ns + SHOAL_TIME_ORIGIN, before = core->now;
	struct shoal_input opened;

	if (input->mono_ns > UINT64_MAX / 2 || now < core->now || input->kind < SHOAL_INPUT_TIMER ||
	        input->kind > SHOAL_INPUT_MIGRATE) {
		return SHOAL_ERR_INVALID;
	}
	core->now = now;
	core->wall_ns = input->wall_ns;
	shoal_inbox_release(core);
	if (core->leave.phase == SHOAL_LEAVE_ENDED) {
		shoal_count(core, SHOAL_COUNTER_DROP_ENDED);
		return SHOAL_ERR_STATE;
	}
	if (input->kind == SHOAL_INPUT_TIMER) {
		measure_lag(core);
	}
	shoal_lag_observe(core, before);
	if (shoal_seal_opens(core, input)) {
		(void)shoal_core_open(core, input, &opened);
		input = &opened;
	}
	return dispatch(core, input);
}

uint64_t
shoal_core_deadline(const struct shoal_core *core)
{
	uint64_t next = shoal_heap_next(&core->heap);
	uint64_t grave = shoal_heap_next(&core->members.graves);

#ifdef SHOAL_PLANT_BUSY_LOOP
	next = core->leave.phase == SHOAL_LEAVE_LEFT ? core->now : next;
#endif
	next = grave < next ? grave : next;
	if (next == SHOAL_NEVER || core->leave.phase == SHOAL_LEAVE_ENDED) {
		return SHOAL_NEVER;
	}
	return next - SHOAL_TIME_ORIGIN;
}
