/* SPDX-License-Identifier: MIT */
/* Agreement, and the bounds on how long it may take.
 *
 * Convergence after the faults: every suspicion that the faults left behind has run out after one
 * detection bound, and every probe of a distrustful member and its second try after 2 (1 +
 * health_max) intervals more. Each member draws one of those that it holds dead each heal interval
 * (a quarter more at most); 2n + 8 such intervals let every two sides meet, but for clusters of
 * which nearly all are dead for good. A member that is met refutes what is believed of it, and a
 * table exchange on both sides carries the rest; who is known to one side only is found by its next
 * table exchange. A death that is told and not true is verified at verify_rate a second before it
 * would count. */
#include "sim/judge.h"

#include "base/text.h"

bool
shoal_judge_agreed(const struct shoal_sim *sim, struct shoal_judge_gap *gap)
{
	uint32_t nodes = shoal_sim_nodes(sim);

	for (uint32_t observer = 0; observer < nodes; observer++) {
		if (!shoal_sim_is_up(sim, observer) || shoal_sim_is_leaving(sim, observer)) {
			continue;
		}
		for (uint32_t subject = 0; subject < nodes; subject++) {
			enum shoal_state state = shoal_sim_state(sim, observer, subject);
			bool up = shoal_sim_is_up(sim, subject);
			bool lives = state == SHOAL_STATE_ALIVE &&
			             shoal_sim_same_instance(sim, observer, subject);
			bool fits = up ? lives
			               : state != SHOAL_STATE_ALIVE && state != SHOAL_STATE_SUSPECT;

			if (!fits && !(up && shoal_sim_is_leaving(sim, subject))) {
				if (gap != NULL) {
					*gap = (struct shoal_judge_gap){observer, subject, state};
				}
				return false;
			}
		}
	}
	return true;
}

bool
shoal_judge_all_hold(const struct shoal_sim *sim, uint32_t subject, enum shoal_state state,
        struct shoal_judge_gap *gap)
{
	for (uint32_t observer = 0; observer < shoal_sim_nodes(sim); observer++) {
		bool asked = observer != subject && shoal_sim_is_up(sim, observer) &&
		             !shoal_sim_is_leaving(sim, observer);
		enum shoal_state held = shoal_sim_state(sim, observer, subject);

		if (asked && held != state) {
			if (gap != NULL) {
				*gap = (struct shoal_judge_gap){observer, subject, held};
			}
			return false;
		}
	}
	return true;
}

uint64_t
shoal_judge_convergence_bound(const struct shoal_profile *profile, uint32_t n)
{
	uint64_t interval = SHOAL_MS(profile->probe_interval_ms);
	uint64_t heal = SHOAL_MS(profile->heal_interval_ms);

	return shoal_profile_detection_bound(profile, n) +
	       2 * (1 + (uint64_t)profile->health_max) * interval +
	       (2 * (uint64_t)n + 8) * (heal + heal / 4) + 2 * SHOAL_MS(profile->sync_interval_ms) +
	       SHOAL_MS(profile->exchange_timeout_ms) + SHOAL_SEC(n / profile->verify_rate + 1);
}

uint64_t
shoal_judge_leave_bound(const struct shoal_profile *profile)
{
	return SHOAL_MS(profile->leave_timeout_ms) + 2 * SHOAL_MS(profile->sync_interval_ms);
}

void
shoal_judge_fail(struct shoal_sim *sim, enum shoal_checker check, const struct shoal_judge_gap *gap,
        const char *why)
{
	char line[SHOAL_CHECKER_TEXT_MAX];
	struct shoal_text text;

	shoal_text_init(&text, line, sizeof(line));
	shoal_text_str(&text, why);
	shoal_text_str(&text, ": node ");
	shoal_text_u64(&text, gap->observer);
	shoal_text_str(&text, " holds node ");
	shoal_text_u64(&text, gap->subject);
	shoal_text_str(&text, " ");
	shoal_text_str(&text, shoal_state_name(gap->state));
	shoal_checker_fail(shoal_sim_checkers(sim), check, gap->observer,
	        shoal_sim_id(sim, gap->subject), line);
}
