/* SPDX-License-Identifier: MIT */
/* Members are lost one at a time, or a few; a member that hears none of all others has most likely
 * lost its own way to them. Local health (Lifeguard IV-A) stretches its probes, but they fail all
 * the same, and what it then says of everybody is worth nothing.
 *
 * So a probe that fails accuses its target only where something was heard meanwhile: an answer of
 * a relay, that the target did not answer it either, or anything else from anybody. With relays
 * that were asked, at least two members had reason to answer. Where there is no other to ask, as
 * with two members, nothing is excused.
 *
 * A silence is excused for as long as the longest suspicion, so that one that is cut off for good
 * still comes to a verdict. O(1). */
#include "core/detect/silence.h"

#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"

void
shoal_silence_init(struct shoal_core *core)
{
	core->silence.heard = core->now;
}

void
shoal_silence_heard(struct shoal_core *core)
{
	core->silence.heard = core->now;
	core->silence.since = 0;
}

static void
begin(struct shoal_core *core)
{
	struct shoal_silence *silence = &core->silence;
	struct shoal_log_line line;

	/* Time stalled away is no time of silence. */
	silence->since = silence->heard > core->lag.at ? silence->heard : core->lag.at;
	shoal_count(core, SHOAL_COUNTER_SILENCES);
	if (shoal_log_begin(core, &line, SHOAL_LOG_WARN, "silence")) {
		shoal_text_str(&line.text, "nothing was heard from anybody for ");
		shoal_text_duration(&line.text, core->now - silence->since);
		shoal_text_str(&line.text, ": this member accuses nobody meanwhile");
	}
}

bool
shoal_silence_excuses(struct shoal_core *core, const struct shoal_probe *probe)
{
	struct shoal_silence *silence = &core->silence;

#ifdef SHOAL_PLANT_SILENCE_ACCUSES
	return false;
#endif
	if (core->profile.silence == 0 || core->profile.nacks == 0) {
		return false; /* without NACKs relays have no reason to answer */
	}
	if (silence->since == 0 && probe->asked > 0 && silence->heard <= probe->tried) {
		begin(core);
	}
	return silence->since != 0 &&
	       core->now - silence->since <
	               shoal_suspicion_span(&core->profile, shoal_members_n(core)).most;
}
