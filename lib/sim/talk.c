/* SPDX-License-Identifier: MIT */
/* Messages of applications: what was said, and what became of it.
 *
 * Each message carries its number among all that were ever said, so that whoever takes it can be
 * held to the promises of core.h: none is taken twice, nor by somebody else; reliable ones are
 * taken in the order in which they were sent; each of those has one end, and it is true: what is
 * taken is, what was not sent never is, and nothing is given up while its receiver is there, unless
 * that cannot be dialled. What is said once nothing is lost any more is not refused, and taken.
 * Cost: one entry a message, O(1) an event. */
#include "sim/world.h"

#include "base/alloc.h"

#include <string.h>

#define TYPE  128
#define BYTES 200 /* at most, and so that some packets hold many */

struct shoal_sim_said {
	uint32_t from, to, instance; /* of from */
	struct shoal_salt salt;      /* of to, as from knew it; zero: it did not */
	uint64_t incarnation;
	bool reliable, taken, ended;
	bool unsent; /* it ended so */
	bool due;    /* has to be taken */
};

void
shoal_sim_talk_done(struct shoal_sim *sim)
{
	shoal_alloc_free(&sim->mem, sim->talk.item);
	shoal_alloc_free(&sim->mem, sim->talk.last);
}

/* Room for one more. */
static int
reserve(struct shoal_sim *sim)
{
	struct shoal_sim_talk *talk = &sim->talk;
	size_t capacity = talk->capacity == 0 ? 64 : 2 * talk->capacity;

	if (talk->last == NULL) {
		talk->last = shoal_alloc_zeroed(
		        &sim->mem, (size_t)sim->nodes * sim->nodes, sizeof(*talk->last));
	}
	if (talk->last == NULL || talk->count < talk->capacity) {
		return talk->last != NULL ? 0 : SHOAL_ERR_NOMEM;
	}
	struct shoal_sim_said *item =
	        shoal_alloc_resize(&sim->mem, talk->item, capacity, sizeof(*item));
	if (item == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	talk->item = item;
	talk->capacity = capacity;
	return 0;
}

/* Notes what a node holds of another one, unless that is gone. */
static void
note_instance(const struct shoal_sim *sim, struct shoal_sim_said *said)
{
	const struct shoal_core *core = sim->node[said->from].core;
	struct shoal_core_member held;
	uint32_t slot;

	if (core != NULL && shoal_core_find(core, &sim->node[said->to].id, &slot) == 0 &&
	        shoal_core_member(core, slot, &held) && held.state != SHOAL_STATE_DEAD &&
	        held.state != SHOAL_STATE_LEFT) {
		said->salt = held.salt;
		said->incarnation = held.incarnation;
	}
}

/* Whether it is another one by now, or gone. Two instances that begin in one second may differ by
 * their salt alone. */
static bool
is_replaced(const struct shoal_sim *sim, const struct shoal_sim_said *said)
{
	struct shoal_sim_said now = {.from = said->from, .to = said->to};

	note_instance(sim, &now);
	return said->incarnation == 0 || now.incarnation != said->incarnation ||
	       memcmp(&now.salt, &said->salt, sizeof(now.salt)) != 0;
}

/* Whether the one holds of the other that it cannot be dialled. */
static bool
is_walled(const struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	const struct shoal_core *core = sim->node[from].core;
	struct shoal_core_member held;
	uint32_t slot;

	return shoal_core_find(core, &sim->node[to].id, &slot) == 0 &&
	       shoal_core_member(core, slot, &held) &&
	       held.diagnosis == SHOAL_DIAGNOSIS_INBOUND_ONLY;
}

/* Whether a reliable message to another one has no end yet. */
static bool
is_open(const struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < sim->talk.count; i++) {
		const struct shoal_sim_said *said = &sim->talk.item[i];
		if (said->reliable && !said->ended && said->from == from && said->to == to) {
			return true;
		}
	}
	return false;
}

int
shoal_judge_say(struct shoal_sim *sim, uint32_t from, uint32_t to, bool reliable)
{
	struct shoal_sim_talk *talk = &sim->talk;
	uint8_t data[BYTES] = {0};
	int rc = reserve(sim);

	if (rc != 0) {
		return rc;
	}
	bool open = talk->due && is_open(sim, from, to);
	uint32_t number = talk->count++;
	memcpy(data, &number, sizeof(number));
	talk->item[number] = (struct shoal_sim_said){.from = from,
	        .to = to,
	        .instance = sim->node[from].instance,
	        .reliable = reliable,
	        .due = talk->due};
	note_instance(sim, &talk->item[number]);
	struct shoal_input input = {.kind = SHOAL_INPUT_SEND,
	        .id = sim->node[to].id,
	        .type = TYPE,
	        .flags = reliable ? SHOAL_RELIABLE : 0,
	        .exchange = reliable ? (uint64_t)number + 1 : 0,
	        .data = data,
	        .len = sizeof(number) + number * 7 % (BYTES - sizeof(number))};
	rc = shoal_sim_step(sim, from, &input);
	if (rc != 0) { /* nobody waits for it */
		talk->item[number].reliable = talk->item[number].due = false;
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_MESSAGES,
		        !talk->due || (rc == SHOAL_ERR_AGAIN && reliable && open), from,
		        &sim->node[to].id, "a message is refused to one that is there");
	}
	return rc;
}

void
shoal_judge_room(struct shoal_sim *sim, uint32_t node, size_t bytes)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_ROOM, .size = bytes};

	(void)shoal_sim_step(sim, node, &input);
}

void
shoal_judge_all_is_due(struct shoal_sim *sim)
{
	sim->talk.due = true;
}

static void
that(struct shoal_sim_node *node, bool ok, const struct shoal_id *subject, const char *why)
{
	(void)shoal_checker_that(
	        &node->sim->checks, SHOAL_CHECKER_MESSAGES, ok, node->number, subject, why);
}

static void
on_message(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim_talk *talk = &node->sim->talk;
	uint32_t number = UINT32_MAX;

	if (event->len >= sizeof(number)) {
		memcpy(&number, event->data, sizeof(number));
	}
	if (number >= talk->count) {
		that(node, false, &event->id, "a message that nobody sent");
		return;
	}
	struct shoal_sim_said *said = &talk->item[number];
	uint32_t *last = &talk->last[said->from * node->sim->nodes + said->to];
	that(node,
	        said->to == node->number &&
	                shoal_id_compare(&node->sim->node[said->from].id, &event->id) == 0,
	        &event->id, "a message for another one, or of another one");
	that(node, !said->taken, &event->id, "a message was taken twice");
	that(node, !said->unsent, &event->id, "a message is told as not sent and was taken");
	said->taken = true;
	if ((event->flags & SHOAL_RELIABLE) != 0) {
		that(node, number >= *last, &event->id, "a message passed an earlier one");
		*last = number;
	}
}

static void
on_sent(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim_talk *talk = &node->sim->talk;

	if (event->exchange == 0 || event->exchange > talk->count) {
		that(node, false, &event->id, "the end of a message that was not sent");
		return;
	}
	struct shoal_sim_said *said = &talk->item[event->exchange - 1];
	that(node, !said->ended && said->from == node->number && said->instance == node->instance,
	        &event->id, "a second end of a message, or that of another's");
	that(node, event->code != 0 || said->taken, &event->id,
	        "a message is told as taken and was not");
	said->unsent = event->code == SHOAL_ERR_UNREACHABLE;
	that(node, !said->unsent || !said->taken, &event->id,
	        "a message is told as not sent and was taken");
	that(node,
	        event->code == 0 || node->leaving ||
	                (event->code == SHOAL_ERR_WALLED &&
	                        is_walled(node->sim, said->from, said->to)) ||
	                is_replaced(node->sim, said),
	        &event->id, "a message to one that is there is given up");
	said->ended = true;
}

void
shoal_sim_talk_event(struct shoal_sim_node *node, const struct shoal_event *event)
{
	if (event->kind == SHOAL_EVENT_MESSAGE) {
		on_message(node, event);
	} else if (event->kind == SHOAL_EVENT_SENT) {
		on_sent(node, event);
	}
}

uint32_t
shoal_judge_untaken(const struct shoal_sim *sim)
{
	for (size_t i = 0; i < sim->talk.count; i++) {
		if (sim->talk.item[i].due && !sim->talk.item[i].taken) {
			return sim->talk.item[i].from;
		}
	}
	return SHOAL_SIM_NOBODY;
}

uint32_t
shoal_judge_unended(const struct shoal_sim *sim)
{
	for (size_t i = 0; i < sim->talk.count; i++) {
		const struct shoal_sim_said *said = &sim->talk.item[i];
		const struct shoal_sim_node *from = &sim->node[said->from];

		if (said->reliable && !said->ended && from->core != NULL &&
		        from->instance == said->instance && !from->leaving) {
			return said->from;
		}
	}
	return SHOAL_SIM_NOBODY;
}
