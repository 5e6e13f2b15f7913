# SPDX-License-Identifier: MIT
"""GET /metrics, read with a parser of Prometheus' text format that knows nothing of shoal."""
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools/lib"))
from agents import exchange  # noqa: E402
from command import FAST, STEADY, check, main  # noqa: E402

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{([^}}]*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """{family: (type, [(sample's name, labels, value)])}; fails where the format does not allow it."""
    families, current = {}, None
    check(text.endswith("\n"), "the last line has no end")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            check(name not in families, f"{name} comes twice")
            check(len(line.split(" ", 3)) == 4, f"no text: {line}")
            families[name] = [None, []]
            current = name
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            check(name == current and families[name][0] is None, f"out of place: {line}")
            check(kind in ("counter", "gauge", "histogram"), f"no type: {line}")
            families[name][0] = kind
        else:
            match = SAMPLE.fullmatch(line)
            check(match, f"no sample: {line!r}")
            name, labels, value = match.groups()
            rest = LABEL.sub("", labels or "").replace(",", "")
            check(rest == "", f"no labels: {line!r}")
            base = current
            check(name == base or (families[base][0] == "histogram" and
                                   name in (f"{base}_bucket", f"{base}_sum", f"{base}_count")),
                  f"{name} does not belong to {base}")
            families[base][1].append((name, dict(LABEL.findall(labels or "")), float(value)))
    return families


def check_histogram(name, samples):
    buckets = [(float(labels["le"]), value) for sample, labels, value in samples
               if sample == f"{name}_bucket"]
    (total,) = [value for sample, _, value in samples if sample == f"{name}_count"]
    (added,) = [value for sample, _, value in samples if sample == f"{name}_sum"]
    check(all(set(labels) <= {"le"} for _, labels, _ in samples), f"{name} has other labels")
    bounds = [bound for bound, _ in buckets]
    counts = [count for _, count in buckets]
    check(bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), f"{name}: bounds {bounds}")
    check(counts == sorted(counts), f"{name}: buckets fall: {counts}")
    check(counts[-1] == total, f"{name}: +Inf is {counts[-1]}, the count {total}")
    highest = max([b for b, c in buckets[:-1] if c < total], default=0)
    check(total == 0 or added >= highest * (total > counts[-2]), f"{name}: the sum is {added}")
    return total


def metrics(agent):
    status, body = exchange(agent.socket_path, "/metrics")
    check(status == 200, f"the status is {status}")
    return parse(body.decode("utf-8"))


def the_metrics_follow_the_format_and_tell_what_happened(cluster):
    agents = cluster.form(4, *FAST)
    agents[3].signal(signal.SIGKILL)
    cluster.expect(lambda: all(a.heard("failed", "m04") for a in agents[:3]), "m04 is found dead")
    alive = {a.name: "alive" for a in agents[:3]}
    cluster.expect_all(agents[:3], {**alive, "m04": "dead"})
    totals = {}
    for agent in agents[:3]:
        families = metrics(agent)
        for name, (kind, samples) in families.items():
            check(name.startswith("shoal_") and kind and samples, f"{name} is empty")
            check((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}")
            if kind == "histogram":
                totals[name] = totals.get(name, 0) + check_histogram(name, samples)
            else:
                check(all(value >= 0 for _, _, value in samples), f"{name}: {samples}")
        members = {labels["state"]: value for _, labels, value in families["shoal_members"][1]}
        # Whoever was kept waiting is suspect for a moment.
        check(members["alive"] + members["suspect"] == 3 and members["dead"] == 1, f"members: {members}")
        check(families["shoal_probes_total"][1][0][2] > 0, "no probe was counted")
        check(families["shoal_metadata_max_bytes"][1][0][2] == 1 << 26, "the bound of metadata is another one")
    for name in ("shoal_probe_rtt_seconds", "shoal_packet_fill_ratio", "shoal_news_first_seconds",
                 "shoal_loop_lag_seconds"):
        check(totals[name] > 0, f"{name} is empty: {totals}")
    check(totals["shoal_detection_seconds"] >= 1, f"nobody measured the detection: {totals}")


def metadata_that_is_held_is_told_with_its_bound(cluster):
    agents = [cluster.start("m01", *STEADY, "--set", "meta_bytes=70000")]
    agents.append(cluster.start("m02", *STEADY, "--meta", "role=database", join=[agents[0].address]))
    cluster.expect_all(agents[:1], {"m02": "alive"})

    def held():
        return metrics(agents[0])["shoal_metadata_bytes"][1][0][2]

    cluster.expect(lambda: held() > 64, "the metadata of m02 is held")
    check(held() < 200, f"{held()} bytes are held")
    check(metrics(agents[0])["shoal_metadata_max_bytes"][1][0][2] == 70000, "the bound is another one")
    check(metrics(agents[1])["shoal_metadata_bytes"][1][0][2] == 0, "one's own metadata is counted")


def the_number_of_metrics_does_not_depend_on_the_members(cluster):
    first = cluster.start("m01", *STEADY)
    alone = metrics(first)
    cluster.start("m02", *STEADY, join=[first.address])
    cluster.expect_all([first], {"m02": "alive"})
    both = metrics(first)
    check({n: len(s) for n, (_, s) in alone.items()} == {n: len(s) for n, (_, s) in both.items()},
          "there are more than before")


if __name__ == "__main__":
    main()
