/* SPDX-License-Identifier: MIT */
/* Agreement, and the bounds on how long it may take.
 *
 * Convergence after the faults: every suspicion that the faults left behind has run out after one
 * detection bound, or two where nobody else is left to be heard, and every probe of a distrustful
 * member and its second try after 2 (1 + health_max) intervals more; every two sides have met after
 * the heal intervals of meetings(). A member that is met refutes what is believed of it, and a walk
 * down the digest carries the rest; who is known to one side only is found by the next mark that is
 * heard, or unasked, and two walks, each 3/2 digest intervals after that. A death that is told and
 * not true is verified at verify_rate a second before it would count. docs/protocol.md, "Bounds".
 */
#include "sim/judge.h"

#include "base/text.h"

static bool
takes_part(const struct shoal_sim *sim, uint32_t node)
{
	return shoal_sim_is_up(sim, node) && !shoal_sim_is_leaving(sim, node);
}

static bool
fits(const struct shoal_sim *sim, uint32_t observer, uint32_t subject, enum shoal_state state)
{
	if (!shoal_sim_is_up(sim, subject)) {
		return state != SHOAL_STATE_ALIVE && state != SHOAL_STATE_SUSPECT;
	}
	return shoal_sim_is_leaving(sim, subject) ||
	       (state == SHOAL_STATE_ALIVE && shoal_sim_same_instance(sim, observer, subject));
}

/* Whether observer holds all others rightly. */
static bool
holds_rightly(const struct shoal_sim *sim, uint32_t observer, struct shoal_sim_gap *gap)
{
	for (uint32_t subject = 0; subject < shoal_sim_nodes(sim); subject++) {
		enum shoal_state state = shoal_sim_state(sim, observer, subject);

		if (!fits(sim, observer, subject, state)) {
			if (gap != NULL) {
				*gap = (struct shoal_sim_gap){observer, subject, state};
			}
			return false;
		}
	}
	return true;
}

/* An observer whose number of members that are alive cannot be right; NOBODY. */
static uint32_t
miscounts(const struct shoal_sim *sim)
{
	size_t least = 0, most = 0;

	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		least += takes_part(sim, i);
		most += shoal_sim_is_up(sim, i);
	}
	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		size_t alive = takes_part(sim, i)
		                       ? shoal_core_count(shoal_sim_core(sim, i), SHOAL_STATE_ALIVE)
		                       : least;

		if (alive < least || alive > most) {
			return i;
		}
	}
	return SHOAL_SIM_NOBODY;
}

bool
shoal_sim_agreed(const struct shoal_sim *sim, struct shoal_sim_gap *gap)
{
	uint32_t first = miscounts(sim);

	if (first != SHOAL_SIM_NOBODY && !holds_rightly(sim, first, gap)) {
		return false;
	}
	for (uint32_t observer = 0; observer < shoal_sim_nodes(sim); observer++) {
		if (takes_part(sim, observer) && !holds_rightly(sim, observer, gap)) {
			return false;
		}
	}
	return true;
}

bool
shoal_sim_all_hold(const struct shoal_sim *sim, uint32_t subject, enum shoal_state state,
        struct shoal_sim_gap *gap)
{
	for (uint32_t observer = 0; observer < shoal_sim_nodes(sim); observer++) {
		enum shoal_state held = shoal_sim_state(sim, observer, subject);

		if (observer != subject && takes_part(sim, observer) && held != state) {
			if (gap != NULL) {
				*gap = (struct shoal_sim_gap){observer, subject, held};
			}
			return false;
		}
	}
	return true;
}

uint32_t
shoal_judge_differing(const struct shoal_sim *sim)
{
	for (uint32_t i = 0; i < shoal_sim_nodes(sim); i++) {
		if (takes_part(sim, i) && shoal_core_convergence_lag(shoal_sim_core(sim, i)) > 0) {
			return i;
		}
	}
	return SHOAL_SIM_NOBODY;
}

/* Members that agree on who lives may still remember different dead. Each walk makes two the same,
 * and each member makes one in 3/2 digest intervals: what is known spreads as a rumour does, in
 * log2 n walks of each, and a few more settle what was noted meanwhile. */
uint64_t
shoal_judge_digest_bound(const struct shoal_profile *profile, uint32_t n)
{
	uint64_t walk = 3 * SHOAL_MS(profile->digest_interval_ms) / 2;
	uint64_t rounds = 8;

	for (; n > 1; n /= 2) {
		rounds++;
	}
	return rounds * walk + 2 * SHOAL_MS(profile->exchange_timeout_ms);
}

static uint32_t
log2_ceil(uint32_t n)
{
	uint32_t bits = 0;

	while (bits < 32 && (UINT64_C(1) << bits) < n) {
		bits++;
	}
	return bits;
}

/* Heal intervals in which all sides have met, in each of which every member tries one of those that
 * it holds dead.
 *
 * Where nobody stays down, whoever is tried lives: each side meets another one in each interval,
 * and there are half as many sides at most. Where d of n stay down, m = n - d live, and a side is
 * of s, nobody of it and nobody of the others hits across with probability
 * (d / (n - s))^s (d / (s + d))^(m - s). That is most at s = 1, for m >= d and n >= 24 below 0.22;
 * so the sides beyond the first are at most 0.61 times as many after an interval, in the mean, and
 * after 32 + 2 log2 n of them there is one but for one time in e^16. Where most stay down there is
 * no such law, only what few members are seen to need. */
static uint64_t
meetings(uint32_t n, uint32_t down)
{
	uint64_t most = 2 * (uint64_t)n + 8;
	uint64_t likely = down == 0 ? 1 + log2_ceil(n) : 32 + 2 * (uint64_t)log2_ceil(n);

	return down > n / 2 || likely > most ? most : likely;
}

uint64_t
shoal_sim_convergence_bound(const struct shoal_profile *profile, uint32_t n, uint32_t down)
{
	uint64_t interval = SHOAL_MS(profile->probe_interval_ms);
	uint64_t heal = SHOAL_MS(profile->heal_interval_ms);

	return 2 * shoal_profile_detection_bound(profile, n) +
	       2 * (1 + (uint64_t)profile->health_max) * interval +
	       meetings(n, down) * (heal + heal / 4) + SHOAL_MS(profile->sync_interval_ms) +
	       3 * SHOAL_MS(profile->digest_interval_ms) + SHOAL_MS(profile->exchange_timeout_ms) +
	       SHOAL_SEC(n / profile->verify_rate + 1);
}

uint64_t
shoal_judge_leave_bound(const struct shoal_profile *profile)
{
	return SHOAL_MS(profile->leave_timeout_ms) + 2 * SHOAL_MS(profile->sync_interval_ms);
}

void
shoal_judge_fail(struct shoal_sim *sim, enum shoal_checker check, const struct shoal_sim_gap *gap,
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
