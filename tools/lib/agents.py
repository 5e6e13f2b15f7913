# SPDX-License-Identifier: MIT
"""Runs agents as child processes and follows them: what the demo and the network tests share.

An agent is told to bind port 0, so the kernel chooses the port and the agent's ready line tells it.
Its control socket, its output and its log (standard error) lie in one folder. Its events are read
from /v1/events of that socket: the answer's header comes once the subscription stands, so an event
that happens after follow() returned is never missed. The time of an event is the one that the agent
itself wrote into it, so a slow reader does not change what is measured.

One thread, one selector: nothing is read unless pump() or until() runs. Every child dies with the
process that made it (setpriv --pdeathsig), whatever ends that process, unless it shall be kept.
"""
import collections
import contextlib
import datetime
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import time

READY = re.compile(r"shoal: ready name=(\S+) id=(\S+) address=(\S+)\n")
PATIENCE = 60  # seconds for what takes milliseconds on a machine with nothing else to do
STATES = ("unknown", "alive", "suspect", "dead", "leaving", "left")


class Failure(Exception):
    """What should have happened and did not; the text is for people."""


@contextlib.contextmanager
def signals_later():
    """Signals that come meanwhile count afterwards: nothing is made here and then forgotten."""
    came = []
    before = {number: signal.signal(number, lambda n, _: came.append(n))
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            os.kill(os.getpid(), number)


def exchange(path, target, method="GET", timeout=PATIENCE):
    """One HTTP request over a Unix socket. Returns status and body."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(timeout)
        link.connect(path)
        link.sendall(f"{method} {target} HTTP/1.0\r\nContent-Length: 0\r\n\r\n".encode())
        answer = b""
        while block := link.recv(65536):
            answer += block
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body


class Event(dict):
    """One event as the agent told it; `at` is its time in seconds since 1970."""

    def __init__(self, document):
        super().__init__(document)
        self.at = datetime.datetime.fromisoformat(self["time"]).timestamp()

    @property
    def accusers(self):
        return self["cause"]["accusers"]


class Agent:
    """One `shoal agent` process, from its start to its end. A restart is another Agent."""

    def __init__(self, name, folder, number=1):
        """The number tells processes of one name apart: each has files of its own, and they share the socket's path."""
        files = os.path.join(folder, name if number == 1 else f"{name}.{number}")
        self.name = name
        self.socket_path = os.path.join(folder, name + ".sock")
        self.output_path = files + ".out"
        self.log_path = files + ".log"
        self.process = None
        self.started_at = time.time()
        self.id = self.address = None
        self.ready = False
        self.events = []
        self.view = {}  # name -> state, as the events tell it; the caller may put in what was before
        self.expected_to_end = False
        self._link = None
        self._rest = b""

    def check_ready(self):
        """Looks for the ready line; true once it was there."""
        if not self.ready:
            with open(self.output_path, encoding="utf-8", errors="replace") as output:
                match = READY.fullmatch(output.readline())
            if match:
                self.id, self.address, self.ready = match[2], match[3], True
        return self.ready

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])

    @property
    def running(self):
        return self.process.poll() is None

    def get(self, target, timeout=PATIENCE):
        """A document of the control socket."""
        status, body = exchange(self.socket_path, target, timeout=timeout)
        if status != 200:
            raise Failure(f"{self.name}: GET {target} was answered with {status}")
        return json.loads(body)

    def members(self):
        """What this agent holds, by name."""
        return {m["name"]: m for m in self.get("/v1/members")}

    def states(self):
        return {name: m["state"] for name, m in self.members().items()}

    def counters(self):
        return self.get("/v1/info")["counters"]

    def signal(self, number):
        if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            self.expected_to_end = True
        self.process.send_signal(number)

    def heard(self, kind=None, about=None):
        """Events of this agent, of one kind, about one member."""
        return [e for e in self.events if kind in (None, e["event"]) and about in (None, e["name"])]

    def log(self):
        """Its log so far, without a line that is being written."""
        running = self.running
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            text = log.read()
        return text[:text.rfind("\n") + 1] if running else text


class Agents:
    """The agents of one run. Use it as a context manager: at the end nothing is left running."""

    def __init__(self, program, folder, keep=False):
        self.program = os.path.abspath(program)
        self.folder = folder
        self.keep = keep
        self.every = []
        self._spawned = collections.Counter()
        self._selector = selectors.DefaultSelector()
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("SHOAL_")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._selector.close()

    @property
    def running(self):
        return [a for a in self.every if a.running]

    def spawn(self, name, *options, bind="127.0.0.1:0", join=(), around=()):
        """Starts an agent and returns at once. `around` is a command that runs it, as nsenter does."""
        self._spawned[name] += 1
        agent = Agent(name, self.folder, self._spawned[name])
        command = [*around, self.program, "agent", "--name", name, "--bind", bind,
                   "--socket", agent.socket_path, *options]
        for seed in join:
            command += ["--join", seed]
        if not self.keep:
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        with (open(agent.output_path, "wb") as output, open(agent.log_path, "wb") as log,
              signals_later()):
            # A group of its own: Ctrl-C in a terminal is for the one who runs the agents.
            agent.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=log, env=self._environment, process_group=0)
            self.every.append(agent)
        return agent

    def start(self, name, *options, seconds=PATIENCE, **how):
        """Starts an agent, waits until it is ready and follows its events."""
        agent = self.spawn(name, *options, **how)
        self.until_ready([agent], seconds)
        return agent

    def until_ready(self, agents, seconds=PATIENCE):
        self.until(lambda: all(a.check_ready() or not a.running for a in agents), seconds)
        for agent in agents:
            if not agent.ready:
                raise Failure(f"{agent.name} did not become ready within {seconds} s")
            self.follow(agent)

    def follow(self, agent):
        """Subscribes to an agent's events."""
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(PATIENCE)
        link.connect(agent.socket_path)
        link.sendall(b"GET /v1/events HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            block = link.recv(4096)
            if not block:
                raise Failure(f"{agent.name} closed the stream of events: {head!r}")
            head += block
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise Failure(f"{agent.name} does not tell its events: {head!r}")
        link.setblocking(False)
        agent._link, agent._rest = link, head.partition(b"\r\n\r\n")[2]
        self._take_events(agent)
        self._selector.register(link, selectors.EVENT_READ, agent)

    def pump(self, seconds):
        """Reads what is there, and waits at most so long where nothing is. Whether anything came."""
        ready = self._selector.select(max(0.0, seconds))
        for key, _ in ready:
            self._read_events(key.fileobj, key.data)
        return bool(ready)

    def until(self, condition, seconds, each=None):
        """Pumps until the condition holds. False: it did not within the time."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.pump(min(left, 0.02))
            if each:
                each()
        return True

    def run(self, *arguments, seconds=PATIENCE):
        """Another subcommand, to its end."""
        return subprocess.run([self.program, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds,
                              env=self._environment, check=False)

    def release(self):
        """The agents are no longer ours to end."""
        for agent in self.every:
            self._forget(agent._link)
        self.every = []

    def kill(self):
        """Ends whatever still runs, also what was stopped by a signal."""
        for agent in self.running:
            agent.expected_to_end = True
            agent.process.kill()
        for agent in self.every:
            agent.process.wait()
            self._forget(agent._link)

    def _forget(self, stream):
        if stream is None or stream.fileno() < 0:
            return
        if stream.fileno() in self._selector.get_map():
            self._selector.unregister(stream)
        stream.close()

    def _read_events(self, link, agent):
        try:
            block = link.recv(262144)
        except BlockingIOError:
            return
        except ConnectionError:
            block = b""
        if not block:
            self._forget(link)
            return
        agent._rest += block
        self._take_events(agent)

    @staticmethod
    def _take_events(agent):
        *lines, agent._rest = agent._rest.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                document = json.loads(line[5:])
                if "event" not in document or document["event"] == "overflow":
                    raise Failure(f"{agent.name} lost events: {document}")
                agent.events.append(Event(document))
                agent.view[document["name"]] = document["state"]
