/* SPDX-License-Identifier: MIT */
/* shoal/swarm.h - clusters drawn from seeds, and what must hold of each.
 *
 * A seed draws the number of members, the rows of their profile, the network and what goes wrong.
 * The cluster joins, is quiet, loses a member, is left by one, is cut and healed; then anything
 * happens to it, and when all faults have ended its members must agree within their bounds
 * (docs/protocol.md, "Bounds"), stay so, and fall silent. The checkers of sim.h look all the time.
 *
 *     struct shoal_swarm *swarm;
 *     shoal_swarm_new(&swarm, 17, 0, NULL, NULL);
 *     if (shoal_swarm_run(swarm) == SHOAL_ERR_STATE)
 *         shoal_sim_failure(shoal_swarm_sim(swarm), ...);
 *
 * The same seed and number of members: the same run, until a release draws otherwise. Threads: as
 * in sim.h. */
#ifndef SHOAL_SWARM_H
#define SHOAL_SWARM_H

#include <shoal/sim.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_SWARM_NODES_MAX 256

struct shoal_swarm;

/* A cluster as the seed draws it; nodes: 2 to SHOAL_SWARM_NODES_MAX, or 0: drawn too, 2 to 64.
 * on_note (may be NULL) is told its story as it happens. SHOAL_ERR_INVALID: nodes;
 * SHOAL_ERR_NOMEM. *swarm is written on success only; free it with shoal_swarm_free. */
SHOAL_API SHOAL_MUST_USE int shoal_swarm_new(struct shoal_swarm **swarm, uint64_t seed,
        uint32_t nodes, shoal_sim_note_fn on_note, void *arg);

/* The same cluster, whose members speak a codec (NULL: the compact one): with another one
 * datagram_max is 1,200 at least, and fewer checkers look, see sim.h. */
SHOAL_API SHOAL_MUST_USE int shoal_swarm_new_coded(struct shoal_swarm **swarm, uint64_t seed,
        uint32_t nodes, const struct shoal_codec_ops *codec, shoal_sim_note_fn on_note, void *arg);

/* NULL is allowed. Frees its world too. */
SHOAL_API void shoal_swarm_free(struct shoal_swarm *swarm);

/* From its birth to its verdict, once. 0: every checker was content. SHOAL_ERR_STATE: one fired,
 * see shoal_sim_failure. Other errors: the run itself broke off. */
SHOAL_API int shoal_swarm_run(struct shoal_swarm *swarm);

/* Its world, before, during and after the run. Belongs to the swarm. */
SHOAL_API struct shoal_sim *shoal_swarm_sim(const struct shoal_swarm *swarm);

/* The longest that something took, in thousandths of its bound; 0: the seed had no such part. */
struct shoal_swarm_shares {
	uint32_t detection; /* of the first crash */
	uint32_t agreement; /* after the joins, after the cut, after all faults */
	uint32_t leave;
	uint32_t digest; /* from agreement until no difference was known */
};

/* What was measured so far. */
SHOAL_API void shoal_swarm_shares(
        const struct shoal_swarm *swarm, struct shoal_swarm_shares *shares);

#define SHOAL_SWARM_TEXT_MAX 4096

/* What the seed drew, in lines without the last one's end, cut to fit. Returns text. */
SHOAL_API const char *shoal_swarm_print(const struct shoal_swarm *swarm, char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif
