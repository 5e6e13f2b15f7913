# SPDX-License-Identifier: MIT
"""What the network tests stand on: real agents, conditions with deadlines, and a look at what they
leave behind.

A test is a function of one argument, the cluster, whose name is a sentence; `python3 FILE NAME` runs
one, as ctest does, and `python3 FILE` runs all of the file. It may start agents (cluster.start, cluster.form), wait
(cluster.expect), ask (agent.members(), agent.heard(), agent.counters()) and end them. When it
returns, every agent that still runs is asked to leave and must end with status 0, and no log may
hold the report of a sanitizer or of a failed assertion. A failure shows each agent's table, its
events and the end of its log. Exit status: 0 passed, 1 failed, 77 skipped with a reason.

SHOAL names the command under test. Deadlines are long on purpose: they end a test that hangs, and
judge nothing; a sanitizer's build on a machine with other work must pass too.
"""
import inspect
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/lib"))
from agents import Agents, Failure  # noqa: E402

LONG = 90
LOCAL = ("--profile", "local")
# For tests of anything but failure detection: who stands still for less than five seconds is not even suspected.
STEADY = (*LOCAL, "--set", "probe_interval_ms=5000", "--set", "probe_timeout_ms=2500")
REPORT = re.compile(r"(ERROR|WARNING): (Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer"
                    r"|runtime error:|[Aa]ssertion .*failed")
SKIPPED = 77


class Skip(Exception):
    """This machine cannot run the test; the text says why."""


class Cluster(Agents):
    """Agents of one test. They have a label of their own: the kernel may give the port of a dead one to an agent of
    another test that runs beside this one, under the same name perhaps."""

    def __init__(self, program, folder):
        super().__init__(program, folder)
        self.label = os.path.basename(folder)
        self._environment["SHOAL_LABEL"] = self.label
        self._held = []

    def __exit__(self, *how):
        super().__exit__(*how)
        for port in self._held:
            port.close()

    def hold(self, agent):
        """Keeps the port of an agent that has ended: from now on only who asks for it gets it."""
        host, _, port = agent.address.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        held = socket.socket(family, socket.SOCK_STREAM)
        self._held.append(held)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind((host.strip("[]"), int(port)))

    def kill_and_hold(self, agent):
        """Kills an agent, and keeps its port for the one that is started after it."""
        kill(agent)
        self.hold(agent)

    def expect(self, condition, what, seconds=LONG):
        """Waits for a condition, which must come true."""
        if not self.until(condition, seconds):
            raise Failure(f"not within {seconds} s: {what}")

    def form(self, count, *options, **how):
        """Agents that join through the first one; returns when all see all."""
        agents = [self.start("m01", *options, **how)]
        rest = [self.spawn(f"m{i:02}", *options, join=[agents[0].address], **how)
                for i in range(2, count + 1)]
        self.until_ready(rest, LONG)
        agents += rest
        self.expect_all(agents, {a.name: "alive" for a in agents})
        return agents

    def expect_all(self, observers, states, seconds=LONG):
        """Waits until every observer's table holds these members in these states."""
        waiting = list(observers)

        def all_hold():
            while waiting:
                held = waiting[0].states()
                if any(held.get(name) != state for name, state in states.items()):
                    return False
                waiting.pop(0)
            return True

        self.expect(all_hold, "every table holds " + ", ".join(
            f"{name} {state}" for name, state in states.items()), seconds)

    def expect_none(self, kind, about=None, observers=None):
        """No agent has told such an event, those that have ended included."""
        while self.pump(0.05):
            pass
        told = [f"{a.name}: {e['name']} {kind}, {e['cause']['detail']}"
                for a in observers or self.every for e in a.heard(kind, about)]
        if told:
            raise Failure("nobody should have told: " + "; ".join(told[:5]))

    def dismiss(self):
        """Asks those that run to leave, and judges how every agent ended."""
        leaving = self.running
        for agent in leaving:
            agent.signal(signal.SIGCONT)
            agent.signal(signal.SIGTERM)
        self.expect(lambda: not self.running, "all agents end after SIGTERM")
        for agent in leaving:
            if agent.process.returncode != 0:
                raise Failure(f"{agent.name} ended with {agent.process.returncode}")
        for agent in self.every:
            if report := REPORT.search(agent.log()):
                raise Failure(f"{agent.name} reported: {report[0]}")

    def show(self):
        """All that is known, for the one who reads the failure."""
        for agent in self.every:
            state = "runs" if agent.running else f"ended with {agent.process.returncode}"
            print(f"--- {agent.name} {agent.address} pid {agent.process.pid}: {state}")
            if agent.running and agent.ready:
                try:
                    held = [f"{n} {m['state']} {m['incarnation']}" for n, m in agent.members().items()]
                    print("  holds:", "; ".join(held))
                except (OSError, Failure, ValueError) as problem:
                    print("  does not tell what it holds:", problem)
            for event in agent.events[-20:]:
                print(f"  {event['time']} {event['event']} {event['name']} {event.get('cause')}")
            for line in agent.log().splitlines()[-40:]:
                print("  log:", line)


def skip(reason):
    """Ends the program as a skipped test, before any was begun."""
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def check(fact, complaint):
    if not fact:
        raise Failure(complaint)


def kill(agent):
    agent.signal(signal.SIGKILL)
    agent.process.wait()


def others(cluster, agent):
    return [a for a in cluster.running if a is not agent]


def expect_round(cluster, agents):
    """Waits until each of them has probed as often as it takes to probe every other."""
    goal = {a: a.counters()["probes"] + len(agents) for a in agents}
    cluster.expect(lambda: all(a.counters()["probes"] >= n for a, n in goal.items()),
                   "each has probed every other once more")


def tells_of_restart(observer, name):
    """Whether an agent told of another instance of a member: as an update, or as alive where it was suspect meanwhile."""
    return any(e["cause"]["kind"] == "restarted" for e in observer.heard(about=name))


def cpu_seconds(agent):
    """What the agent has used of the processor so far."""
    with open(f"/proc/{agent.process.pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def pause(cluster, agent):
    """Stops an agent and returns when every thread of it stands still: kill only asks for that."""
    agent.signal(signal.SIGSTOP)
    tasks = f"/proc/{agent.process.pid}/task"

    def stands_still():
        states = []
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/stat", encoding="ascii", errors="replace") as stat:
                states.append(stat.read().rpartition(")")[2].split()[0])
        return set(states) == {"T"}

    cluster.expect(stands_still, f"{agent.name} stops")


def run(test, make=Cluster):
    program = os.environ.get("SHOAL")
    if not program:
        sys.exit("SHOAL must name the command under test")
    folder = tempfile.mkdtemp(prefix="shoal-test.", dir="/tmp")
    start = time.monotonic()
    try:
        with make(program, folder) as cluster:
            try:
                test(cluster)
                cluster.dismiss()
            except Skip as reason:
                print(f"skipped: {test.__name__}: {reason}")
                return SKIPPED
            except Exception as problem:
                if not isinstance(problem, Failure):
                    traceback.print_exc(file=sys.stdout)
                print(f"FAILED: {test.__name__}: {problem}")
                cluster.show()
                return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"passed: {test.__name__}, {time.monotonic() - start:.1f} s")
    return 0


def main(make=Cluster):
    """Runs the test that the command line names; without a name all of the file. make: the cluster that it is given."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tests = {name: f for name, f in vars(sys.modules["__main__"]).items()
             if inspect.isfunction(f) and list(inspect.signature(f).parameters) == ["cluster"]}
    chosen = sys.argv[1:] or list(tests)
    results = [run(tests[name], make) for name in chosen]
    sys.exit(max(results, key=lambda r: (r == 1, r)))
