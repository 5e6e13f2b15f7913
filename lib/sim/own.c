/* SPDX-License-Identifier: MIT */
/* The list of checkers, the library's and those that were added, and the first that fired. Added
 * ones are numbered from SHOAL_CHECKERS on. */
#include "sim/world.h"

#include "base/alloc.h"
#include "base/text.h"

struct shoal_sim_own {
	const char *name, *help;
	shoal_sim_check_fn fn;
	void *arg;
	uint64_t looked;
};

int
shoal_sim_add_check(
        struct shoal_sim *sim, const char *name, const char *help, shoal_sim_check_fn fn, void *arg)
{
	struct shoal_sim_own *own;

	if (name == NULL || help == NULL || fn == NULL) {
		return SHOAL_ERR_INVALID;
	}
	own = shoal_alloc_resize(&sim->mem, sim->own, sim->owns + 1, sizeof(*own));
	if (own == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	sim->own = own;
	own[sim->owns++] = (struct shoal_sim_own){.name = name, .help = help, .fn = fn, .arg = arg};
	return 0;
}

void
shoal_sim_own_done(struct shoal_sim *sim)
{
	shoal_alloc_free(&sim->mem, sim->own);
	sim->own = NULL;
	sim->owns = 0;
}

void
shoal_sim_own_look(struct shoal_sim *sim, uint32_t node)
{
	for (size_t i = 0; i < sim->owns && sim->checks.fired == 0; i++) {
		struct shoal_sim_own *own = &sim->own[i];
		char why[SHOAL_SIM_WHY_MAX] = "";

		own->looked++;
		if (!own->fn(sim, node, why, sizeof(why), own->arg)) {
			shoal_checker_fail(&sim->checks, (enum shoal_checker)(SHOAL_CHECKERS + i),
			        node, NULL, why);
		}
	}
}

bool
shoal_sim_check(const struct shoal_sim *sim, size_t i, struct shoal_sim_check *check)
{
	if (i < SHOAL_CHECKERS) {
		enum shoal_checker number = (enum shoal_checker)i;

		*check = (struct shoal_sim_check){.name = shoal_checker_name(number),
		        .help = shoal_checker_help(number),
		        .looked = sim->checks.looked[i]};
	} else if (i - SHOAL_CHECKERS < sim->owns) {
		const struct shoal_sim_own *own = &sim->own[i - SHOAL_CHECKERS];

		*check = (struct shoal_sim_check){
		        .name = own->name, .help = own->help, .looked = own->looked};
	} else {
		return false;
	}
	return true;
}

bool
shoal_sim_failure(const struct shoal_sim *sim, struct shoal_sim_failure *failure)
{
	const struct shoal_checker_report *report = &sim->checks.first;
	struct shoal_sim_check check;
	struct shoal_text why;

	if (sim->checks.fired == 0 || !shoal_sim_check(sim, (size_t)report->check, &check)) {
		return false;
	}
	failure->check = check.name;
	failure->at_ns = report->at_ns;
	failure->observer = report->observer;
	failure->subject = shoal_id_is_zero(&report->subject)
	                           ? SHOAL_SIM_NOBODY
	                           : shoal_sim_find(sim, &report->subject);
	shoal_text_init(&why, failure->why, sizeof(failure->why));
	shoal_text_str(&why, report->text);
	return true;
}
