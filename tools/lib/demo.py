# SPDX-License-Identifier: MIT
"""The story that tools/demo tells, with real agents on loopback.

Agents start and find each other through the first one; one is killed and the others find out; it
starts again under its name; another one leaves. What is shown is what the agents say: events with
their own times, and member tables from their control sockets. A step counts as seen only when every
agent that should know does; then its times are taken. The exit status is 0 when every step was
seen, 1 with the logs of those concerned when one was not, 128 + n when signal n ended it. In every
case no process, socket or folder is left behind, except with --keep after a complete run.

    demo.py SHOAL AGENTS KEEP TRANSPORT
        (the command, how many agents, 0 or 1, one of WAYS; checked by tools/demo)
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from agents import Agents, Failure, signals_later
from certificate import certificate
from screen import Screen

FISH = ("anchovy bream cod dace eel flounder goby herring ide jack koi ling mullet nase opah perch "
        "roach sprat tench umber vendace wrasse yellowtail zander").split()
STYLE = {"unknown": "dim", "alive": "green", "suspect": "yellow", "dead": "red", "leaving": "blue",
         "left": "blue"}
SIGNS = {"unknown": ".", "alive": "+", "suspect": "?", "dead": "x", "leaving": "<", "left": "-"}
SIGNS_UNICODE = {"unknown": "·", "alive": "●", "suspect": "▲", "dead": "✗", "leaving": "◁",
                 "left": "○"}
RANK = ("unknown", "alive", "suspect", "dead", "leaving", "left")
TOLD = {"join": "meets {}", "suspect": "suspects {}", "failed": "declares {} failed",
        "alive": "sees {} alive again", "leaving": "hears that {} leaves", "left": "sees that {} left"}
WATCHERS = 3        # of each member, in the profile
WAYS = {"socket": "127.0.0.1:0", "tcp": "127.0.0.1:0", "http": "http://127.0.0.1:0/{}", "https": "https://127.0.0.1:0/{}"}
SETTLED = 0.06      # seconds after which an event has come in from everyone
LINES_PER_KIND = 8  # of one kind of event in one step; the rest is told in one line


class Stopped(BaseException):
    """A signal asked the demo to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def names(count):
    """Fish in the order of the alphabet, with a number from the second shoal on."""
    return [FISH[i % len(FISH)] + (f"-{i // len(FISH) + 1}" if i >= len(FISH) else "")
            for i in range(count)]


def short(incarnation):
    """Seconds of the start and the counter, which is what an incarnation's two halves are."""
    value = int(incarnation)
    return f"{value >> 32}.{value & 0xffffffff}" if value >> 32 else str(value)


def lasted(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def why(event):
    """The cause of an event, as the agent words it."""
    cause = event.get("cause") or {}
    return cause.get("detail") or cause.get("kind", "")


class Story:
    """The steps, what was measured in them, and how they look."""

    def __init__(self, agents, screen, count, way):
        self.agents = agents
        self.screen = screen
        self.bind = WAYS[way]
        self.watched = "//" not in self.bind  # a request leaves no connection whose end would tell something
        self.options = ["--transport", way.removesuffix("s")]
        if way == "https":
            crt, key = certificate(agents.folder, "demo", "127.0.0.1")
            self.options += ["--tls-cert", crt, "--tls-key", key, "--tls-ca", crt]
        self.names = names(count)
        self.now = {}           # name -> its last Agent
        self.incarnation = {}   # name -> as its observers last had it
        self.measured = []      # (what, first, all)
        self.step = 0
        self.waiting = ""
        self.drawn = 0.0
        self.zero = 0.0         # the moment that the step's times count from
        self.kinds = ()         # events that the step shows
        self.told = {}          # kind -> lines shown in this step
        self.more = {}          # kind -> events beyond them
        self.cursor = {}        # Agent -> events looked at
        self.fresh = []         # (event, Agent) not shown yet

    # The steps.

    def join(self):
        count = len(self.names)
        first, others = self.names[0], self.names[1:]
        self.begin(f"{count} agents start. {first} is the first; the others know its address only.",
                   kinds=("join",))
        self.now[first] = self.agents.start(first, *self.options, bind=self.bind.format(first))
        self.look(self.now[first])
        self.zero = time.time()
        for name in others:
            self.waiting = f"until {name} is ready"
            self.now[name] = self.agents.start(name, *self.options, bind=self.bind.format(name),
                                               join=[self.now[first].address])
            self.look(self.now[name])
            self.waiting = ""
            self.watch(min(0.4, 3.0 / count) if self.screen.live else 0)
        self.wait("until all see all", 30, lambda: all(
            agent.view.get(name) == "alive" for agent in self.now.values() for name in self.names))
        since = [self.since(agent, name) for agent in self.now.values() for name in self.names]
        last = max(since) - self.now[others[-1]].started_at
        rows = [(f"all {count} see each other", None, last, "after the last one was started")]
        if self.watched:
            links = min(WATCHERS, count - 1)
            self.wait(f"until each watches {links} others", 60, self.linked(links))
            watched = time.time() - self.now[others[-1]].started_at
            rows.append((f"each watches {links} others", None, watched, "over a connection that ends with their process"))
        self.end(*rows)

    def linked(self, links):
        """Whether all hold so many watch links; one is asked at a time, and who holds them not again."""
        left = list(self.now.values())

        def all_hold():
            counters = left[-1].counters()
            if counters["watch_links_up"] - counters["watch_links_down"] >= links:
                left.pop()
            return not left
        return all_hold

    def crash(self, victim):
        agent = self.now[victim]
        self.begin(f"{victim} is killed with SIGKILL: it cannot tell anyone.",
                   kinds=("suspect", "failed", "alive"))
        self.zero = time.time()
        agent.signal(signal.SIGKILL)
        agent.process.wait()
        observers = self.others(victim)
        self.wait(f"for the others to find {victim} dead", 60,
                  lambda: all(self.seen(o, "failed", victim) for o in observers))
        suspected = [e for o in observers for e in self.seen(o, "suspect", victim)]
        failed = [self.seen(o, "failed", victim)[0] for o in observers]
        refused = [e for e in failed if e["cause"]["kind"] == "refused"]
        self.check(suspected or refused, f"nobody doubted {victim} before it was declared failed")
        accusers = sorted({name for e in failed + suspected for name in e.accusers})
        self.check(accusers, f"nobody was named as an accuser of {victim}")
        self.confirm(observers, victim, "dead")
        doubt = [(f"{victim} killed: suspect", *self.span(suspected), "")] if suspected else []
        self.end(*doubt,
                 (f"{victim} killed: failed", *self.span(failed),
                  "accused by " + self.listed(accusers)))

    def restart(self, victim):
        before = self.incarnation[victim]
        address = self.now[victim].address
        self.begin(f"{victim} starts again under its name, at {address}.", kinds=("alive", "join"))
        observers = self.others(victim)
        agent = self.agents.spawn(victim, *self.options, bind=address, join=[self.now[self.names[0]].address])
        self.zero = agent.started_at
        self.now[victim] = agent
        self.agents.until_ready([agent])
        self.look(agent)
        self.wait(f"for {victim} to be back everywhere", 30, lambda: all(
            o.view.get(victim) == "alive" for o in observers) and all(
            agent.view.get(name) == "alive" for name in self.names))
        events = [(self.seen(o, "alive", victim) + self.seen(o, "join", victim))[:1]
                  for o in observers]
        self.check(all(events), f"{victim} is alive, and not everyone told the event")
        held = self.confirm(observers, victim, "alive")
        for observer, incarnation in held.items():
            self.check(incarnation > before, f"{observer} holds {victim} at incarnation "
                       f"{short(incarnation)}, which is not above {short(before)}")
        self.end((f"{victim} restarted: alive", *self.span([e[0] for e in events]),
                  f"incarnation {short(before)}, then {short(min(held.values()))}"))

    def leave(self, leaver):
        agent = self.now[leaver]
        self.begin(f"{leaver} leaves: `shoal leave` asks it to, and it says goodbye.",
                   kinds=("leaving", "left", "suspect", "failed"))
        observers = self.others(leaver)
        agent.expected_to_end = True
        self.zero = time.time()
        command = subprocess.Popen(
            [self.agents.program, "leave", "--socket", agent.socket_path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self.wait(f"for the others to see {leaver} go", 30, lambda: all(
                self.seen(o, "left", leaver) for o in observers)
                and command.poll() is not None and not agent.running)
        finally:
            command.kill()
            complaint = command.communicate()[1].decode(errors="replace").strip()
        self.check(command.returncode == 0, f"shoal leave ended with {command.returncode}: {complaint}")
        self.check(agent.process.returncode == 0, f"{leaver} ended with {agent.process.returncode}")
        self.check(not any(self.seen(o, "failed", leaver) for o in observers),
                   f"{leaver} left, and was declared failed too")
        self.confirm(observers, leaver, "left")
        self.end((f"{leaver} asked to leave: left",
                  *self.span([self.seen(o, "left", leaver)[0] for o in observers]), ""))

    def title(self):
        signs = self.signs()
        self.screen.say()
        self.screen.say("  ", ("bold", f"shoal: {len(self.names)} processes find each other, lose one, "
                                       "take it back, and let one go."))
        self.screen.say("  ", ("dim", "A row is a member, a column at its end what one of the others "
                                      "holds of it:"))
        self.screen.say("  ", *((STYLE[state], f"{signs[state]} {state}   ") for state in RANK))

    def summary(self):
        say = self.screen.say
        width = max(len(row[0]) for row in self.measured)
        say()
        say("  ", ("bold", f"{'What was measured':{width}}   {'first':>8}   {'by all':>8}"))
        for what, first, last, remark in self.measured:
            say(f"  {what:{width}}   {lasted(first) if first is not None else '':>8}   ",
                ("bold", f"{lasted(last):>8}"), ("dim", f"   {remark}"))
        say()

    # What the steps are made of.

    def begin(self, text, kinds=()):
        self.watch(1.2 if self.screen.live and self.step else 0)
        self.step += 1
        self.kinds, self.told, self.more = kinds, {}, {}
        self.waiting = ""
        self.screen.say()
        self.screen.say("  ", ("bold cyan", f"{self.step}"), "  ", ("bold", text))
        if self.screen.live:
            self.draw()

    def end(self, *rows):
        """A step was seen: keeps its times and shows the table as it is now."""
        self.waiting = ""
        self.tell_rest()
        self.measured += rows
        for what, _, last, remark in rows:
            self.screen.say("     ", ("green", "ok "), f"{what}, {lasted(last)}",
                            ("dim", f"  {remark}"))
        self.draw()
        if not self.screen.live:
            self.screen.settle()

    def others(self, subject):
        return [a for name, a in self.now.items() if name != subject and a.running]

    def seen(self, observer, kind, subject):
        """Events of this step; the clock of events counts milliseconds."""
        return [e for e in observer.heard(kind, subject) if e.at >= self.zero - 0.001]

    def span(self, events):
        times = [e.at - self.zero for e in events]
        return max(0.0, min(times)), max(0.0, max(times))

    @staticmethod
    def listed(items, most=4):
        return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")

    @staticmethod
    def check(fact, complaint):
        if not fact:
            raise Failure(complaint)

    @staticmethod
    def since(agent, name):
        """When the agent's present view of a member began, seconds since 1970."""
        return time.time() - agent.members()[name]["state_age_ms"] / 1000

    def confirm(self, observers, subject, state):
        """Asks every observer for its table once more. Returns the incarnations that they hold."""
        held = {}
        for observer in observers:
            member = observer.members().get(subject)
            self.check(member and member["state"] == state, f"{observer.name} told the event, and "
                       f"its table has {subject} as {member and member['state']}, not {state}")
            held[observer.name] = int(member["incarnation"])
        self.incarnation[subject] = max(held.values())
        return held

    def look(self, agent):
        """Takes an agent's table as the start of its column."""
        for name, member in agent.members().items():
            agent.view[name] = member["state"]
            self.incarnation[name] = max(int(member["incarnation"]), self.incarnation.get(name, 0))

    def wait(self, what, seconds, condition):
        self.waiting = what
        if not self.agents.until(condition, seconds, self.refresh):
            raise Failure(f"waited {seconds} s {what}, in vain")
        self.refresh()

    def watch(self, seconds):
        """Time for the reader."""
        self.agents.until(lambda: False, seconds, self.refresh)

    # How it looks.

    def refresh(self):
        self.tell()
        for name, agent in self.now.items():
            self.check(agent.running or agent.expected_to_end,
                       f"{name} ended by itself with {agent.process.returncode}")
        if self.screen.live and time.monotonic() - self.drawn > 0.08:
            self.draw()

    def tell(self, behind=SETTLED):
        """Shows the events that came in, in the order in which they happened: a little behind, so
        that none comes in late."""
        for agent in self.now.values():
            self.fresh += [(e, agent) for e in agent.events[self.cursor.get(agent, 0):]]
            self.cursor[agent] = len(agent.events)
        self.fresh.sort(key=lambda pair: pair[0].at)
        until = time.time() - behind
        while self.fresh and self.fresh[0][0].at < until:
            self.tell_one(*self.fresh.pop(0))

    def tell_one(self, event, agent):
        kind = event["event"]
        if kind not in self.kinds or event.at < self.zero - 0.001:
            return
        if kind == "join" and agent.name != self.names[0]:
            return  # the first agent's view tells enough
        self.told[kind] = self.told.get(kind, 0) + 1
        if self.told[kind] > LINES_PER_KIND:
            self.more.setdefault(kind, []).append(event)
            return
        width = max(map(len, self.names))
        self.screen.say(
            "     ", ("dim", f"{event.at - self.zero:+8.3f} s"), f"  {agent.name:{width}}  ",
            (STYLE[event["state"]], f"{TOLD[kind].format(event['name']):{17 + width}}"),
            ("dim", f"  {why(event)}"), cut=True)

    def tell_rest(self):
        self.tell(behind=-1)
        for kind, events in self.more.items():
            self.screen.say(
                "     ", ("dim", f"{max(e.at for e in events) - self.zero:+8.3f} s"),
                ("dim", f"  the last of {len(events)} more who told `{kind}`"))
        self.more = {}

    def draw(self):
        self.drawn = time.monotonic()
        lines = [[], *self.table()]
        if self.waiting and self.screen.live:
            passed = max(0.0, time.time() - self.zero) if self.zero else 0.0
            lines += [[], ["  ", ("cyan", self.screen.spinner()), f" waiting {self.waiting}",
                           ("dim", f"  {passed:.1f} s")]]
        self.screen.show(lines)

    def table(self):
        """A row for each member; the signs at its end are what each of the others holds of it."""
        observers = [n for n in self.names if n in self.now and self.now[n].running]
        gap = " " if len(self.names) <= 16 else ""
        width = max(map(len, self.names))
        wide = max((len(a.address or "") for a in self.now.values()), default=15)
        head = gap.join(n[0] for n in observers)
        lines = [["  ", ("dim", f"{'member':{width}}  {'address':{wide}}  {'incarnation':12}  "
                                f"{'held by the others':18}  {head}")]]
        shown = [n for n in self.names if n in self.now]
        room = self.screen.size()[1] - 8
        hidden = 0
        if len(shown) > room:
            eventful = [n for n in shown if self.states(n, observers) != {"alive"}]
            keep = set((eventful + [n for n in shown if n not in eventful])[:max(1, room - 1)])
            hidden = len(shown) - len(keep)
            shown = [n for n in shown if n in keep]
        lines += [self.row(name, observers, gap, width, wide) for name in shown]
        if hidden:
            lines.append(["  ", ("dim", f"and {hidden} more")])
        return lines

    def states(self, subject, observers):
        return {self.now[o].view.get(subject, "unknown") for o in observers if o != subject}

    def signs(self):
        return SIGNS_UNICODE if self.screen.unicode else SIGNS

    def row(self, subject, observers, gap, width, wide):
        signs = self.signs()
        held = [(o, self.now[o].view.get(subject, "unknown")) for o in observers]
        opinions = [state for o, state in held if o != subject]
        top = max(opinions, key=RANK.index, default="unknown")
        count = opinions.count(top)
        word = top if count == len(opinions) else f"{top} at {count} of {len(opinions)}"
        incarnation = short(self.incarnation[subject]) if subject in self.incarnation else ""
        line = ["  ", ("bold", f"{subject:{width}}"), f"  {self.now[subject].address or '':{wide}}  ",
                ("dim", f"{incarnation:12}"), "  ", (STYLE[top], f"{word:18}"), "  "]
        for observer, state in held:
            line += [" " if observer == subject else (STYLE[state], signs[state]), gap]
        return line


def keep(agents, story):
    """Says how to talk to what stays, and writes the script that ends it."""
    script = os.path.join(agents.folder, "stop")
    with open(script, "w", encoding="utf-8") as out:
        out.write("#!/bin/sh\nkill -9 " + " ".join(str(a.process.pid) for a in agents.running)
                  + f" 2>/dev/null\nrm -rf '{agents.folder}'\n")
    one = story.now[story.names[0]].socket_path
    say = story.screen.say
    say("  ", ("bold", "The agents keep running."), f" Sockets and logs: {agents.folder}")
    for what in ("members", "monitor", "info"):
        say(f"    {agents.program} {what} --socket {one}")
    say(f"    {agents.program} agent --name me --bind {story.bind.format('me')} {' '.join(story.options)} --join "
        f"{story.now[story.names[0]].address} --socket {agents.folder}/me.sock")
    say("  ", ("bold", "End them:"), f" sh {script}")
    say()


def show_failure(screen, agents, story, failure):
    story.tell_rest()
    screen.say()
    screen.say("  ", ("bold red", "Step not seen: "), f"step {story.step}: {failure}")
    for agent in agents.every:
        state = "runs" if agent.running else f"ended with {agent.process.returncode}"
        screen.say("  ", ("bold", agent.name), f" ({state}), the end of its log:")
        for line in agent.log().splitlines()[-15:]:
            screen.say("    ", ("dim", line))


def run(screen, program, count, stay, way):
    folder = None
    stays = False
    try:
        with signals_later():
            # A Unix socket's path has about 100 bytes.
            short_enough = len(tempfile.gettempdir()) < 60
            folder = tempfile.mkdtemp(prefix="shoal-demo.", dir=None if short_enough else "/tmp")
        with Agents(program, folder, keep=stay) as agents:
            story = Story(agents, screen, count, way)
            try:
                story.title()
                story.join()
                story.crash(story.names[2])
                story.restart(story.names[2])
                story.leave(story.names[1])
                story.watch(0.2)
                screen.settle()
                story.summary()
            except (Failure, OSError, subprocess.SubprocessError, ValueError, KeyError) as failure:
                screen.settle()
                show_failure(screen, agents, story, failure)
                return 1
            if stay:
                keep(agents, story)
                agents.release()
                stays = True
        return 0
    finally:
        if folder and not stays:
            shutil.rmtree(folder, ignore_errors=True)


def stop(number, _):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def main(program, count, stay, way):
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
    screen = Screen(sys.stdout, os.environ)
    try:
        return run(screen, program, int(count), stay == "1", way)
    except Stopped as stopped:
        screen.clear()
        screen.say("  Stopped; the agents have been ended.")
        return 128 + stopped.number
    except BrokenPipeError:
        # The reader has gone: say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
