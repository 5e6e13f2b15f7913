# SPDX-License-Identifier: MIT
"""What README.md and docs/*.md show is true: their C compiles, their programs run, their commands do."""
import contextlib
import glob
import os
import re
import select
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../net"))
from blocks import HEAD, ROOT, blocks_of, compile_to, indented, sources  # noqa: E402
from harness import LONG, check, main  # noqa: E402
from agents import exchange  # noqa: E402
from certificate import certificate  # noqa: E402
from session import Session  # noqa: E402

DOCUMENTS = ["README.md"] + sorted(os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, "docs/*.md")))


# Fields of the configuration beside the profile's, and metrics that are no counters, which the documents name.
OTHERS = {"coalesce_ms", "connections_max", "events_max", "history_max", "idle_timeout_ms", "log_rate",
          "state_interval_ms"}
FUNCTIONS = {"shoal_cluster_counters", "shoal_cluster_histograms"}


class Program:
    """A program of a document that runs, with its input open; its output is a terminal, so lines come as they are made."""

    def __init__(self, cluster, path, *arguments, folder=None):
        self.cluster, self.name, self.text = cluster, arguments[0], ""
        self.output, terminal = os.openpty()
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", path, *arguments], stdin=subprocess.PIPE,
                                        stdout=terminal, stderr=terminal, cwd=folder)
        os.close(terminal)

    def said(self):
        while self.output >= 0 and select.select([self.output], [], [], 0)[0]:
            try:
                block = os.read(self.output, 65536)
            except OSError:  # it has ended
                block = b""
            self.text += block.decode().replace("\r\n", "\n")
            if not block:
                os.close(self.output)
                self.output = -1
        return self.text

    def await_line(self, pattern):
        """Until it has printed a line that matches as a whole."""
        def told():
            return re.search(f"^{pattern}$", self.said(), re.M)
        self.cluster.expect(lambda: told() or self.process.poll() is not None, f"{self.name} says {pattern}")
        match = told()
        check(match, f"{self.name} ended, and said {self.said()}")
        return match

    def enter(self):
        """Ends it by the key Enter."""
        self.process.communicate(b"\n", LONG)
        check(self.process.returncode == 0, f"{self.name} ended with {self.process.returncode}: {self.said()}")


def first_program(cluster, document):
    """Compiles the first program of a document."""
    path = os.path.join(cluster.folder, "server")
    complaint = compile_to(path, next(text for _, text in sources(document)))
    check(not complaint, complaint)
    return path


def all_blocks_of_c_compile(cluster):
    count = 0
    for document in DOCUMENTS:
        for place, text in sources(document):
            complaint = compile_to(os.path.join(cluster.folder, "block"), text, link=False)
            check(not complaint, f"{place}: {complaint}")
            count += 1
    check(count >= 3, "the blocks of the documents are not found any more")


def the_program_of_the_readme_is_short_and_finds_who_serves(cluster):
    check(len(blocks_of("README.md", "c")[0].text.splitlines()) <= 50, "it is no short program any more")
    path = first_program(cluster, "README.md")
    own = f"127.{1 + (os.getpid() >> 16)}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"  # no other test is here
    both = r"; backends:(?=.* 127\.0\.0\.1:8081)(?=.* 127\.0\.0\.1:8082).*"
    first = Program(cluster, path, "web-1", "127.0.0.1:8081", f"{own}:7946")
    cluster.expect(lambda: listens(first.process.pid), "web-1 listens")
    second = Program(cluster, path, "web-2", "127.0.0.1:8082", f"{own}:7947", f"{own}:7946")
    first.await_line(r"web-2 .*" + both)
    second.await_line(r"web-1 .*" + both)
    third = Program(cluster, path, "web-3", "127.0.0.1:8083", f"{own}:7948", f"{own}:7947")
    first.await_line(r"web-3 join .*")
    second.process.kill()
    second.process.communicate()
    first.await_line(r"web-2 failed .*; backends:(?!.*:8082).* 127\.0\.0\.1:8081.*")
    third.enter()
    first.await_line(r"web-3 left .*; backends: 127\.0\.0\.1:8081")
    first.enter()


# Two members in one process, for the functions of the README.
PAIR = """
static struct shoal_cluster *
member(const char *name, const char *seed)
{
	struct shoal_config config;
	struct shoal_cluster *cluster;

	shoal_config_init(&config);
	config.name = name;
	config.bind = "127.0.0.1:0";
	config.keyring = "keys";
	if (shoal_cluster_new(&cluster, &config) != 0 || shoal_cluster_start(cluster) != 0 ||
	        (seed != NULL && shoal_cluster_join(cluster, &seed, 1, 30000, NULL) != 0) ||
	        shoal_wait_members(cluster, seed != NULL ? 2 : 1, 30000) != 0) {
		fprintf(stderr, "%s\\n", shoal_last_error());
		exit(1);
	}
	return cluster;
}

int
main(void)
{
	char seed[SHOAL_ADDR_TEXT];
	struct shoal_cluster *two = member("two", NULL);
	(void)shoal_cluster_address(two, seed, sizeof(seed));
	struct shoal_cluster *one = member("one", seed);
	struct shoal_member *peer = shoal_cluster_self(two);

	setvbuf(stdout, NULL, _IONBF, 0);
	int rc = shoal_handle(two, PRICE, on_price, NULL);
	rc = rc != 0 ? rc : shoal_handle_request(two, STOCK, on_stock, NULL);
	rc = rc != 0 ? rc : say_and_ask(one, shoal_member_id(peer));
	printf("%d\\n", rc);
	getchar();
	shoal_member_unref(peer);
	shoal_cluster_free(one);
	shoal_cluster_free(two);
}
"""


def what_the_readme_says_of_messages_and_keys_does_so(cluster):
    path = os.path.join(cluster.folder, "pair")
    complaint = compile_to(path, HEAD + "".join(b.text for b in blocks_of("README.md", "c") if not b.is_program) + PAIR)
    check(not complaint, complaint)
    for name in ("keys", "new-keys"):
        key = subprocess.run([cluster.program, "keygen"], capture_output=True, text=True, check=True).stdout
        with open(os.open(os.path.join(cluster.folder, name), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(key)
    pair = Program(cluster, path, "pair", folder=cluster.folder)
    for line in ("apples 3", "0", "new key in use at 2 members: all", "former key gone at 2 members: all"):
        pair.await_line(line)
    pair.enter()


def listens(pid):
    """Whether a process has a socket that listens."""
    sockets = set()
    for link in glob.glob(f"/proc/{pid}/fd/*"):
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(link))
    with open("/proc/net/tcp", encoding="ascii") as table:
        return any(line.split()[3] == "0A" and f"socket:[{line.split()[9]}]" in sockets for line in table)


def the_program_of_the_guide_joins_and_leaves(cluster):
    path = first_program(cluster, "docs/guide.md")
    first = Program(cluster, path, "web-1", "127.0.0.1:0")
    address = first.await_line(r"web-1 is at (\S+), 0 seeds reached")[1]
    second = Program(cluster, path, "web-2", "127.0.0.1:0", address)
    second.await_line(r"web-2 is at \S+, 1 seeds reached")
    second.enter()
    first.enter()


def commands_of_the_guide_run(cluster):
    blocks = blocks_of("docs/guide.md", "sh")
    check(blocks, "it has none any more")
    for block in blocks:
        said = Session(cluster).run(block)
        check('"serves": "127.0.0.1:8082"' in said or '"serves":"127.0.0.1:8082"' in said, f"it said {said}")


def the_commands_of_the_readme_run(cluster):
    Session(cluster).run(indented("README.md", "shoal agent --name web-1"))


def the_program_of_tuning_finds_the_crash_within_its_bound(cluster):
    path = first_program(cluster, "docs/tuning.md")
    ended = subprocess.run([path], capture_output=True, text=True, timeout=LONG, check=True)
    took, bound = re.search(r"^known after (\d+) ms, bound (\d+) ms$", ended.stdout, re.M).groups()
    check(0 < int(took) <= int(bound), ended.stdout)


def commands_of_tuning_run(cluster):
    for block in blocks_of("docs/tuning.md", "sh"):
        Session(cluster).run(block)


def commands_of_operations_run(cluster):
    said = "".join(Session(cluster).run(block) for block in blocks_of("docs/operations.md", "sh"))
    check(re.search(r'"state": ?"running"', said) and 'shoal_members{state="alive"} 1' in said, f"it said {said}")
    check("it said so" in said, f"nothing about web-2, which left: {said}")


def the_rounds_of_security_lose_nobody(cluster):
    for block in blocks_of("docs/security.md", "sh"):
        session = Session(cluster)
        del session.environment["SHOAL_LABEL"]  # they begin without one
        said = session.run(block)
        check(re.search(r"takes besides +not sealed, no label; ends in (1d|23h)", said), f"no mode in: {said}")
        # Where they are now: what is still held of an instance that has ended is alive elsewhere.
        alive = re.findall(r"^(web-\d)[ *]+alive +(\S+)", said, re.M)
        now = [("web-1", session.real["127.0.0.1:7901"]), ("web-2", session.real["127.0.0.1:7902"])]
        check(alive == now, f"{alive}, not {now}, in: {said}")


def the_configuration_of_operations_is_one(cluster):
    for block in blocks_of("docs/operations.md", "json"):
        path = os.path.join(cluster.folder, "agent.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(block.text)
        # What belongs to another machine is said anew here; every key is read all the same.
        keyring = os.path.join(cluster.folder, "keyring")
        with open(os.open(keyring, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(cluster.run("keygen").stdout)
        agent = cluster.start("web-1", "--config", path, "--allow", "127.0.0.0/8", "--http", "127.0.0.1:0", "--keyring",
                              keyring)
        own = agent.members()["web-1"]
        check((own["tags"], own["meta"]) == (["blue"], {"role": "web", "zone": "a"}), f"it says {own}")


def metrics_of_operations_exist(cluster):
    crt, key = certificate(cluster.folder, "a", "127.0.0.1")
    agent = cluster.start("a", "--transport", "tcp", "--tls", "--tls-cert", crt, "--tls-key", key)
    told = exchange(agent.socket_path, "/metrics")[1].decode()
    with open(os.path.join(ROOT, "docs/operations.md"), encoding="utf-8") as file:
        section = file.read().partition("## Metrics and alerts\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"\bshoal_[a-z_]+(?=[`{\[ ])", "\n".join(re.findall(r"`[^`\n]+`", section))))
    missing = {name for name in named if not re.search(rf"^# TYPE {name} ", told, re.M)} - FUNCTIONS
    check(len(named) > 20 and not missing, f"no metrics: {missing}")


def numbers(*arguments, text=""):
    """What the code says, as lines of words."""
    ended = subprocess.run([os.environ["DOCS_NUMBERS"], *arguments], input=text, capture_output=True, text=True, check=True)
    return [line.split() for line in ended.stdout.splitlines()]


def rows_of(document, columns):
    """The rows of the tables of a document that have at least so many cells, each stripped."""
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        for line in file.read().splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("|") and len(cells) >= columns:
                yield cells


def bounds_told():
    """(what the code is asked, what a document says) of each bound in it: "lan 5" and "40 s"."""
    for document, profiles, first in (("docs/tuning.md", "lan wan local", 1), ("docs/protocol.md", "lan local wan", 3)):
        for cells in rows_of(document, first + 3):
            if re.fullmatch(r"[\d,]+", cells[0]) and cells[1].endswith(" s"):
                for profile, cell in zip(profiles.split(), cells[first:]):
                    yield f"{profile} {cells[0].replace(',', '')}", cell
    for cells in rows_of("docs/tuning.md", 3):
        if re.fullmatch(r"\d+ s", cells[1]) and not cells[0][0].isdigit():
            yield " ".join(["lan 100", *re.findall(r"`(\w+=\d+)`", cells[0])]), cells[1]


def bounds_of_detection_are_those_of_the_code(cluster):
    del cluster
    told = list(bounds_told())
    check(len(told) >= 50, f"only {len(told)} bounds are found")
    exact = numbers("bounds", text="".join(f"{asked}\n" for asked, _ in told))
    for (asked, cell), (ms,) in zip(told, exact, strict=True):
        number, unit = cell.split()
        half = 500 / 10 ** len(number.partition(".")[2])  # rounded as the cell is
        check(unit == "s" and abs(float(number) * 1000 - int(ms)) <= half, f"{asked}: {ms} ms, not {cell}")


def defaults_of_the_profile_are_those_of_the_code(cluster):
    del cluster
    known = {name: values for name, *values in numbers()}
    found = 0
    for cells in rows_of("docs/tuning.md", 5):
        name = cells[0].strip("`")
        if cells[0].startswith("`") and re.fullmatch(r"\d+", cells[1]):
            check(cells[1:4] == known[name][2:], f"{name} is {known[name][2:]}, not {cells[1:4]}")
            found += 1
    check(found >= 15, f"only {found} fields are found")


def defaults_of_the_limits_are_those_of_the_code(cluster):
    del cluster
    known = {name: values for name, *values in numbers()}
    units = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20}
    found = 0
    for cells in rows_of("docs/tuning.md", 3):
        told = re.match(r"`(\w+)` \(([\d,]+) ?(\w*)[^;)]*(?:; local: ([\d,]+))?\)", cells[0])
        if told and told[1] in known:
            lan, local = (int((number or told[2]).replace(",", "")) * units.get(told[3], 1) for number in (told[2], told[4]))
            check([str(lan), str(local)] == known[told[1]][2::2], f"{told[1]} is {known[told[1]][2:]}, not {cells[0]}")
            found += 1
    check(found >= 9, f"only {found} limits are found")


def the_manual_of_reload_names_what_is_fixed(cluster):
    del cluster
    with open(os.path.join(ROOT, "docs/man/reload.roff"), encoding="utf-8") as file:
        listed = re.search(r"the numbers of the profile but for ([^;]+);", file.read())
    told = sorted(re.findall(r"\w+_\w+", listed[1]))
    fixed = sorted({"watchers": "watch_links"}.get(name, name) for name, in numbers("fixed"))
    check(told == fixed, f"it names {told}, fixed are {fixed}")


def names_of_counters_and_fields_in_the_documents_exist(cluster):
    agent = cluster.start("a")
    known = set(agent.counters()) | {name for name, *_ in numbers()} | {"drop_"}
    for document in ("docs/tuning.md", "docs/operations.md"):
        with open(os.path.join(ROOT, document), encoding="utf-8") as file:
            for name in re.findall(r"`(?:shoal_)?(drop_\w+?|watch_\w+?|paths_\w+?|\w+_(?:ms|mult|max|rate))(?:_total|=\d+)?`",
                                   file.read()):
                check(name in known or name in OTHERS, f"{document}: nothing is called {name}")


def links_of_the_documents_lead_somewhere(cluster):
    del cluster
    for document in DOCUMENTS:
        with open(os.path.join(ROOT, document), encoding="utf-8") as file:
            text = file.read()
        for target in re.findall(r"\]\(([^)#\s]+)?(?:#[^)]*)?\)", text):
            path = os.path.join(ROOT, os.path.dirname(document), target)
            check(target.startswith("http") or os.path.exists(path), f"{document}: no {target}")
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)]+)\)", text):
            check(anchor in anchors(os.path.join(os.path.dirname(document), target) if target else document),
                  f"{document}: no #{anchor}")


def anchors(document):
    """Names that links into a document may use."""
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        titles = re.findall(r"^#+ (.*)$", file.read(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


if __name__ == "__main__":
    main()
