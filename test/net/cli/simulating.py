# SPDX-License-Identifier: MIT
"""`shoal sim`: scenarios that run, say the same again, and reports that others can read."""
import csv
import io
import json
import os
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

from command import check, complaint, expect_in, main, shoal

# A run of each that takes no time.
SHORT = {
    "swim": ("sizes=8,16",),
    "lifeguard": ("nodes=8", "anomalies=1,4", "held_s=2", "between_s=0.5"),
    "loss": ("nodes=8", "loss=5", "minutes=1"),
    "one-way": ("nodes=8", "loss=50", "minutes=1"),
    "flapping": ("nodes=8", "down_s=1", "minutes=1"),
    "growth": ("sizes=8,16", "steady_s=5"),
    "heal": ("left=4", "right=4", "hours=0.05"),
    "swarm": ("nodes=4",),
    "found": (),
}


def simulate(cluster, scenario, *arguments):
    """A short run as JSON, whatever it finds."""
    params = [part for value in SHORT[scenario] for part in ("--param", value)]
    ended = shoal(cluster, "sim", scenario, "--runs", "2", *params, *arguments, "--format", "json")
    check(ended.returncode in (0, 1), f"{scenario} ended with {ended.returncode}: {ended.stderr}")
    return ended.returncode, json.loads(ended.stdout)


def every_scenario_is_listed_and_runs_to_its_end(cluster):
    listed = json.loads(shoal(cluster, "sim", "--list", "--format", "json").stdout)
    check({s["name"] for s in listed} == set(SHORT), f"the list is {[s['name'] for s in listed]}")
    text = shoal(cluster, "sim", "--list").stdout
    for scenario in listed:
        expect_in([scenario["name"], scenario["summary"]], text)
        one = shoal(cluster, "sim", scenario["name"], "--list").stdout
        expect_in([p["name"] for p in scenario["parameters"]], one)
        status, report = simulate(cluster, scenario["name"])
        check(report["failed"] == 0, f"{scenario['name']}: {report['facts']}")
        check(status == (0 if report["holds"] else 1), f"{scenario['name']} ended with {status}")
        check(report["tables"] and all(len(row) == len(t["columns"]) for t in report["tables"]
                                       for row in t["rows"]), f"{scenario['name']}: its tables are no tables")
        numbers = [cell for t in report["tables"] for row in t["rows"] for cell in row
                   if isinstance(cell, (int, float))]
        check(len(numbers) > len(report["tables"]), f"{scenario['name']} measured nothing")


def the_same_seed_gives_the_same_result_however_many_run_at_once(cluster):
    results = []
    for arguments in (("--seed", "7", "--jobs", "1"), ("--seed", "7", "--jobs", "4"), ("--seed", "8")):
        _, report = simulate(cluster, "growth", *arguments)
        results.append((report["tables"], report["steps"]))
    check(results[0] == results[1], "two runs of one seed differ")
    check(results[0] != results[2], "another seed gives the same")


def a_cluster_that_cannot_be_drawn_fails(cluster):
    ended = shoal(cluster, "sim", "swarm", "--seed", "9", "--runs", "1", "--nodes", "1", "--format", "json")
    report = json.loads(ended.stdout)
    check(ended.returncode == 1 and report["failed"] == 1 and not report["holds"], f"it ended with {ended.returncode}")
    expect_in(["shoal sim swarm --seed 9 --runs 1 --nodes 1 --record FILE"], ended.stdout)


def drawn_clusters_speak_the_codec_that_is_asked_for(cluster):
    looks = {}
    for codec in ("binary", "msgpack", "json"):
        ended = shoal(cluster, "sim", "swarm", "--runs", "1", "--nodes", "4", "--codec", codec, "--format", "json")
        report = json.loads(ended.stdout)
        check(ended.returncode == 0 and report["failed"] == 0, f"{codec}: {report['facts']}")
        looks[codec] = json.dumps(report["tables"])
    check(looks["binary"] != looks["msgpack"], "msgpack is the same run as binary")
    ended = shoal(cluster, "sim", "swarm", "--runs", "1", "--nodes", "1", "--codec", "json")
    expect_in(["--nodes 1 --codec json --record FILE"], ended.stdout)


def wrong_parameters_are_named(cluster):
    for arguments, words in (
            ((), ["--list"]),
            (("nonsense",), ["nonsense", "--list"]),
            (("loss", "--param", "nonsense=1"), ["nonsense", "loss"]),
            (("loss", "--param", "loss"), ["loss", "NAME=VALUE"]),
            (("loss", "--param", "loss=91"), ["91", "90"]),
            (("loss", "--param", "loss=1,,2"), ["1,,2"]),
            (("loss", "--param", "minutes=1,2"), ["minutes", "a number"]),
            (("loss", "--nodes", "1"), ["nodes", "4"]),
            (("heal", "--nodes", "10"), ["nodes", "heal"]),
            (("growth", "--nodes", "3"), ["sizes=3", "4"]),
            (("loss", "--seed", "-1"), ["--seed", "-1"]),
            (("loss", "--runs", "0"), ["--runs", "1"]),
            (("loss", "--jobs", "x"), ["--jobs", "x"]),
            (("loss", "--record", "x.rec"), ["--record", "loss"]),
            (("found", "--codec", "json"), ["--codec", "found"]),
            (("swarm", "--codec", "xml"), ["--codec xml", "msgpack"]),
            (("swarm", "--nodes", "257"), ["nodes=257", "256"]),
            (("loss", "--report", "x.pdf"), [".html", ".md"]),
            (("loss", "more"), ["more"])):
        expect_in(words, complaint(shoal(cluster, "sim", *arguments), 2))


def a_report_that_cannot_be_written_fails(cluster):
    params = [part for value in SHORT["loss"] for part in ("--param", value)]
    ended = shoal(cluster, "sim", "loss", "--runs", "1", *params, "--report", "/nonexistent/report.html")
    expect_in(["/nonexistent/report.html", "No such file"], complaint(ended, 1))


class Page(HTMLParser):
    """What a page asks for from elsewhere, and how often an element comes."""

    def __init__(self):
        super().__init__()
        self.asks, self.elements = [], {}

    def handle_starttag(self, tag, attrs):
        self.elements[tag] = self.elements.get(tag, 0) + 1
        self.asks += [value for name, value in attrs if name in ("src", "href", "xlink:href")]


def the_page_of_a_report_needs_nothing_else_and_its_charts_are_well_formed(cluster):
    path = os.path.join(cluster.folder, "report.html")
    _, report = simulate(cluster, "growth", "--report", path)
    with open(path, encoding="utf-8") as source:
        text = source.read()
    page = Page()
    page.feed(text)
    check(not page.asks and "url(" not in text and "@import" not in text and "<script" not in text,
          f"it asks for {page.asks}")
    check(page.elements["table"] == len(report["tables"]), "a table is missing")
    check(page.elements["svg"] == len(report["charts"]), "a chart is missing")
    for start in (i for i in range(len(text)) if text.startswith("<svg", i)):
        chart = ElementTree.fromstring(text[start:text.index("</svg>", start) + 6])
        lines = chart.findall("polyline")
        check(lines, "a chart without a curve")
        _, _, width, height = map(float, chart.get("viewBox").split())
        for line in lines:
            for point in line.get("points").split():
                x, y = map(float, point.split(","))
                check(0 <= x <= width and 0 <= y <= height, f"a point lies outside: {point}")
    expect_in([report["command"], report["tables"][0]["title"]], text)


def the_same_figures_stand_in_every_form(cluster):
    path = os.path.join(cluster.folder, "report.md")
    _, report = simulate(cluster, "growth", "--report", path)
    params = [part for value in SHORT["growth"] for part in ("--param", value)]
    plain = shoal(cluster, "sim", "growth", "--runs", "2", *params, "--format", "csv").stdout
    with open(path, encoding="utf-8") as source:
        markdown = source.read()
    parts = [list(csv.reader(io.StringIO(part))) for part in plain.strip().split("\n\n")]
    check(len(parts) == len(report["tables"]), "not as many tables in CSV")
    for rows, table in zip(parts, report["tables"]):
        check(rows[0] == table["columns"], f"the head is {rows[0]}")
        for row, numbers in zip(rows[1:], table["rows"], strict=True):
            expect_in(["| " + " | ".join(row) + " |"], markdown)
            for cell, number in zip(row, numbers):
                check(cell == "-" if number is None else abs(float(cell) - number) <= 0.5, f"{cell} is {number}")
    expect_in([report["command"]], markdown)


if __name__ == "__main__":
    main()
