# SPDX-License-Identifier: MIT
"""A cut of minutes between real agents, for `tools/test --long`."""
import time

from filter import HERE, THERE, Pair, inside_a_namespace
from harness import check, main
from long import failures_of


def two_halves_cut_for_three_minutes_find_each_other_again(cluster):
    with Pair() as pair:
        here = cluster.form(8, "--insecure", bind=HERE + ":0")
        there = [cluster.start(f"far{i}", "--insecure", bind=THERE + ":0", join=[here[0].address],
                               around=pair.there) for i in range(8)]
        everyone = {a.name: "alive" for a in here + there}
        cluster.expect_all(here + there, everyone)
        pair.cut(towards_here=True, towards_there=True)
        until = time.monotonic() + 180
        cluster.until(lambda: time.monotonic() >= until, 200)
        for side, other in ((here, there), (there, here)):
            cluster.expect_all(side, {**{a.name: "alive" for a in side}, **{a.name: "dead" for a in other}})
        told = {a: len(a.heard("failed")) for a in here + there}
        healed_at = time.monotonic()
        pair.heal()
        cluster.expect_all(here + there, everyone, 300)
        took = time.monotonic() - healed_at
        for side in (here, there):
            wrong = failures_of(side, {a.name for a in side})
            check(not wrong, "a member of the own side was declared failed: " + "; ".join(wrong[:5]))
        late = [a.name for a in here + there if len(a.heard("failed")) > told[a]]
        check(not late, f"the merge raised failures at {late}")
        print(f"measured: two halves of 8, cut for 180 s, agreed {took:.1f} s after the cut ended")


if __name__ == "__main__":
    inside_a_namespace()
    main()
