# SPDX-License-Identifier: MIT
"""The manual pages against --help and against what the library says."""
import os
import re

from command import check, complaint, expect_in, main, shoal
from agents import exchange
from helping import COMMANDS

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
PROSE = os.path.join(ROOT, "docs/man")


def prose(name):
    with open(os.path.join(PROSE, name + ".roff"), encoding="utf-8") as file:
        return file.read()


def page_of(cluster, *arguments):
    ended = shoal(cluster, "manual", *arguments)
    check(ended.returncode == 0 and ended.stderr == "", f"manual {arguments}: {ended}")
    return ended.stdout


def told(page):
    """What troff shows of a page, near enough to look for words."""
    plain = re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\(aq", "'")
    return " ".join(plain.replace("\\(ti", "~").replace("\\(ha", "^").split())


def a_manual_page_has_the_options_and_the_words_of_help(cluster):
    for command in COMMANDS:
        help_text = shoal(cluster, command, "--help").stdout
        page = page_of(cluster, command)
        options = re.findall(r"^\\fB(\\-\\-[a-z\\-]+)\\fR", page, re.M)
        check([option.replace("\\-", "-") for option in options] == re.findall(r"^  (--[a-z-]+)", help_text, re.M),
              f"{command}: {options}")
        about = help_text.split("\n\n")[1]
        expect_in([" ".join(about.split())], told(page))
    expect_in(["probe_interval_ms=1000", "app_version"], told(page_of(cluster, "agent")))


def the_page_of_shoal_lists_every_command(cluster):
    page = page_of(cluster)
    listed = re.findall(r"^\.BR shoal\\-([a-z]+) \(1\)$", page, re.M)
    check(set(listed) == set(COMMANDS), f"{listed}")


def prose_goes_on_with_the_description_and_ends_behind_the_options(cluster):
    path = os.path.join(cluster.folder, "prose.roff")
    with open(path, "w", encoding="utf-8") as file:
        file.write("More of it.\n.SH EXAMPLES\nOne.\n")
    page = page_of(cluster, "version", "--text", path)
    places = [page.index(part) for part in
              (".SH DESCRIPTION", "More of it.", ".SH OPTIONS", ".SH EXAMPLES", ".SH SEE ALSO")]
    check(places == sorted(places), page)
    expect_in(["/nonexistent/prose"], complaint(shoal(cluster, "manual", "--text", "/nonexistent/prose"), 1))


def all_prose_belongs_to_a_command(cluster):
    del cluster
    named = {name.removesuffix(".roff") for name in os.listdir(PROSE)}
    check(named <= {*COMMANDS, "shoal"}, f"{named - {*COMMANDS, 'shoal'}}")


def the_manual_names_every_cause_event_and_diagnosis(cluster):
    del cluster
    with open(os.path.join(ROOT, "lib/core/table/cause.c"), encoding="utf-8") as source:
        text = source.read()
    page = prose("monitor") + prose("members")
    of_the_agent = {"joined", "ended", "measured", "health", "message", "sent", "writable", "keys", "applicant"}
    for key, pattern, others in (
            ("kind", r"\[SHOAL_CAUSE_\w+\] = \{\"(\w+)\"", set()),
            ("event", r"\{SHOAL_EVENT_\w+, \"(\w+)\"\}", of_the_agent),
            ("diagnosis", r"case SHOAL_DIAGNOSIS_\w+:\s+return \"([\w ]+)\"", {"none"})):
        words = re.search(rf"^\.I {key}\n\(([^)]*)\)", page, re.M)[1]
        named = {word.strip() for word in re.split(r",| or ", words.replace("\n", " "))}
        check(named - {"null"} == set(re.findall(pattern, text)) - others, f"{key}: {words}")


def the_manual_and_the_answer_of_a_wrong_path_name_every_path(cluster):
    with open(os.path.join(ROOT, "tools/shoal/agent_http.c"), encoding="utf-8") as source:
        served = re.findall(r'\{"(/\S+)", EVHTTP_REQ_(\w+), "', source.read())
    page = re.sub(r"\\f[BIR]", "", prose("agent"))
    told = re.findall(r"^\.B (GET|POST) (/\w+(?:/\w+)?)", page, re.M)
    check(set(served) == {(path, method) for method, path in told} and len(served) > 10, f"{served} are served, {told} told")
    answer = exchange(cluster.start("a").socket_path, "/nonsense")[1].decode()
    check(set(re.findall(r"(/\w+(?:/\w+)?)", answer)) == {path for path, _ in served}, answer)


if __name__ == "__main__":
    main()
