/* SPDX-License-Identifier: MIT */
/* Broadcasts of applications: what was said, and who heard it.
 *
 * Each carries its number among all that were ever said, so that whoever hears it can be held to
 * the promises of core.h: none is heard twice by an instance, none that nobody sent, a reliable one
 * comes to everyone that runs, and so does each while nothing is lost; and each has its end. Cost:
 * a number a node for each, O(1) an event. */
#include "sim/world.h"

#include "base/alloc.h"

#include <string.h>

#define TYPE  129
#define BYTES 300                 /* at most */
#define LARGE 2000                /* one in sixteen: it fits no datagram */
#define TOKEN (UINT64_C(1) << 32) /* those of messages to one member are below */
/* A member sends one to so many at the least. */
#define SENDS 6

struct shoal_sim_cast {
	uint64_t at;
	uint64_t gained; /* its age, where clocks of those that hold it were set on */
	uint32_t from, instance;
	bool reliable, ended, refused;
};

void
shoal_sim_casts_done(struct shoal_sim *sim)
{
	shoal_alloc_free(&sim->mem, sim->casts.item);
	shoal_alloc_free(&sim->mem, sim->casts.heard);
}

/* Room for one more. */
static int
reserve(struct shoal_sim *sim)
{
	struct shoal_sim_casts *casts = &sim->casts;
	uint32_t capacity = casts->capacity == 0 ? 64 : 2 * casts->capacity;
	size_t row = sim->nodes * sizeof(*casts->heard);

	if (casts->count < casts->capacity) {
		return 0;
	}
	struct shoal_sim_cast *item =
	        shoal_alloc_resize(&sim->mem, casts->item, capacity, sizeof(*item));
	if (item == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	casts->item = item;
	uint32_t *heard = shoal_alloc_resize(&sim->mem, casts->heard, capacity, row);
	if (heard == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	memset(heard + (size_t)casts->capacity * sim->nodes, 0, (capacity - casts->capacity) * row);
	casts->heard = heard;
	casts->capacity = capacity;
	return 0;
}

int
shoal_judge_cast(struct shoal_sim *sim, uint32_t from, bool reliable)
{
	struct shoal_sim_casts *casts = &sim->casts;
	uint8_t data[LARGE] = {0};
	int rc = reserve(sim);

	if (rc != 0) {
		return rc;
	}
	uint32_t number = casts->count++;
	memcpy(data, &number, sizeof(number));
	casts->item[number] = (struct shoal_sim_cast){.at = shoal_sim_now(sim),
	        .from = from,
	        .instance = sim->node[from].instance,
	        .reliable = reliable};
	struct shoal_input input = {.kind = SHOAL_INPUT_BROADCAST,
	        .type = TYPE,
	        .flags = reliable ? SHOAL_RELIABLE : 0,
	        .exchange = TOKEN + number,
	        .data = data,
	        .len = number % 16 == 7 ? LARGE
	                                : sizeof(number) + number * 7 % (BYTES - sizeof(number))};
	rc = shoal_sim_step(sim, from, &input);
	if (rc != 0) { /* nobody waits for it */
		casts->item[number].refused = true;
		casts->item[number].ended = true;
	}
	return rc;
}

static void
that(struct shoal_sim_node *node, bool ok, const struct shoal_id *subject, const char *why)
{
	(void)shoal_checker_that(
	        &node->sim->checks, SHOAL_CHECKER_BROADCASTS, ok, node->number, subject, why);
}

static void
on_message(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim_casts *casts = &node->sim->casts;
	uint32_t number = UINT32_MAX;

	if (event->len >= sizeof(number)) {
		memcpy(&number, event->data, sizeof(number));
	}
	if (number >= casts->count) {
		that(node, false, &event->id, "a broadcast that nobody sent");
		return;
	}
	const struct shoal_sim_cast *cast = &casts->item[number];
	uint32_t *heard = &casts->heard[(size_t)number * node->sim->nodes + node->number];
	that(node, shoal_id_compare(&node->sim->node[cast->from].id, &event->id) == 0, &event->id,
	        "a broadcast of another one");
	that(node, cast->from != node->number, &event->id, "its own broadcast was heard");
	that(node, *heard != node->instance + 1, &event->id, "a broadcast was heard twice");
	*heard = node->instance + 1;
}

static void
on_sent(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim_casts *casts = &node->sim->casts;
	uint64_t number = event->exchange - TOKEN;

	if (number >= casts->count) {
		that(node, false, &event->id, "the end of a broadcast that was not sent");
		return;
	}
	struct shoal_sim_cast *cast = &casts->item[number];
	that(node, !cast->ended && cast->from == node->number && cast->instance == node->instance,
	        &event->id, "a second end of a broadcast, or that of another's");
	cast->ended = true;
}

bool
shoal_sim_is_cast(const struct shoal_event *event)
{
	return (event->flags & SHOAL_BROADCAST) != 0 ||
	       (event->kind == SHOAL_EVENT_SENT && event->exchange >= TOKEN) ||
	       (event->kind == SHOAL_EVENT_WRITABLE && shoal_id_is_zero(&event->id));
}

void
shoal_sim_cast_event(struct shoal_sim_node *node, const struct shoal_event *event)
{
	if (event->kind == SHOAL_EVENT_MESSAGE) {
		on_message(node, event);
	} else if (event->kind == SHOAL_EVENT_SENT) {
		on_sent(node, event);
	}
}

/* Whether its host always had room for what came. */
static bool
took_all(const struct shoal_sim_node *node)
{
	return shoal_core_counters(node->core)->value[SHOAL_COUNTER_DROP_NO_ROOM] == 0;
}

static bool
has_heard(const struct shoal_sim *sim, uint32_t number, uint32_t node)
{
	return sim->casts.heard[(size_t)number * sim->nodes + node] == sim->node[node].instance + 1;
}

/* Of whoever had no room it is not known what it holds. */
void
shoal_sim_casts_jump(struct shoal_sim *sim, uint32_t node, uint64_t ns)
{
	for (uint32_t i = 0; i < sim->casts.count; i++) {
		struct shoal_sim_cast *cast = &sim->casts.item[i];

		if (cast->from == node || has_heard(sim, i, node) || !took_all(&sim->node[node])) {
			cast->gained += ns;
		}
	}
}

/* Whom it did not admit it forgot, with what it had heard of it; and what seems to be older than
 * itself it does not ask for. */
static bool
runs_since(const struct shoal_sim_node *node, const struct shoal_sim_cast *cast)
{
	return node->core != NULL && !node->leaving && !node->ended &&
	       node->started + cast->gained < cast->at && node->listed < cast->at;
}

/* Whether all that it may have come through, from the one node to the other, passed on what they
 * heard: always where they are so few that its origin tells each. */
static bool
passed_all(const struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	if (sim->nodes <= SENDS + 1) {
		return true;
	}
	for (uint32_t i = 0; i < sim->nodes; i++) {
		const struct shoal_core *core = sim->node[i].core;

		if (i != from && i != to && core != NULL &&
		        shoal_core_counters(core)->value[SHOAL_COUNTER_DROP_CASTS_FULL] > 0) {
			return false;
		}
	}
	return true;
}

/* A node that has not heard the one of this number, though both it and its origin have run ever
 * since; only calm: and nobody's room was short, neither its host's nor that to pass on one that is
 * not repaired. */
static uint32_t
who_lacks(const struct shoal_sim *sim, uint32_t number, bool calm)
{
	const struct shoal_sim_cast *cast = &sim->casts.item[number];
	const struct shoal_sim_node *from = &sim->node[cast->from];

	if (cast->refused || from->core == NULL || from->instance != cast->instance ||
	        from->leaving) {
		return SHOAL_SIM_NOBODY;
	}
	for (uint32_t node = 0; node < sim->nodes; node++) {
		const struct shoal_sim_node *to = &sim->node[node];
		if (node != cast->from && !has_heard(sim, number, node) && runs_since(to, cast) &&
		        (!calm || (took_all(to) &&
		                          (cast->reliable || passed_all(sim, cast->from, node))))) {
			return node;
		}
	}
	return SHOAL_SIM_NOBODY;
}

uint32_t
shoal_judge_unheard(const struct shoal_sim *sim, uint64_t ns)
{
	uint64_t now = shoal_sim_now(sim);
	uint32_t node = SHOAL_SIM_NOBODY;

	for (uint32_t i = 0; i < sim->casts.count && node == SHOAL_SIM_NOBODY; i++) {
		const struct shoal_sim_cast *cast = &sim->casts.item[i];
		if (cast->reliable && now - cast->at + cast->gained <= ns) {
			node = who_lacks(sim, i, false);
		}
	}
	return node;
}

uint32_t
shoal_judge_unheard_of_all(const struct shoal_sim *sim)
{
	uint32_t node = SHOAL_SIM_NOBODY;

	for (uint32_t i = 0; i < sim->casts.count && node == SHOAL_SIM_NOBODY; i++) {
		node = who_lacks(sim, i, true);
	}
	return node;
}

uint32_t
shoal_judge_cast_unended(const struct shoal_sim *sim)
{
	for (size_t i = 0; i < sim->casts.count; i++) {
		const struct shoal_sim_cast *cast = &sim->casts.item[i];
		const struct shoal_sim_node *from = &sim->node[cast->from];

		if (!cast->ended && from->core != NULL && !from->ended &&
		        from->instance == cast->instance) {
			return cast->from;
		}
	}
	return SHOAL_SIM_NOBODY;
}
