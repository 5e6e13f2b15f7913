# SPDX-License-Identifier: MIT
"""The command under test, run to its end or beside the test, with its own environment.

Every test has its folder as XDG_RUNTIME_DIR, so default sockets lie there and nowhere else.
"""
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import LOCAL, LONG, STEADY, check, cpu_seconds, main, pause  # noqa: E402,F401

# A crash is known soon; whoever is kept waiting for a fraction of a second may be suspected.
FAST = (*LOCAL, "--set", "probe_interval_ms=100", "--set", "probe_timeout_ms=50")


def environment(cluster, variables=None):
    """The variables of a command; None takes one away."""
    plain = {k: v for k, v in os.environ.items()
             if not k.startswith("SHOAL_") and k not in ("NO_COLOR", "XDG_RUNTIME_DIR")}
    changed = {**plain, "XDG_RUNTIME_DIR": cluster.folder, "SHOAL_LABEL": cluster.label, **(variables or {})}
    return {k: v for k, v in changed.items() if v is not None}


def shoal(cluster, *arguments, variables=None, **how):
    """Runs a command to its end. An agent logs errors only: on a busy machine it warns that it was kept waiting."""
    return subprocess.run([cluster.program, *arguments], stdin=subprocess.DEVNULL, text=True, timeout=LONG, check=False,
                          env=environment(cluster, {"SHOAL_LOG_LEVEL": "error", **(variables or {})}),
                          **{"capture_output": True, **how})


def ask(cluster, agent, *arguments, **how):
    """Runs a command that talks to this agent; it must succeed. Returns its output."""
    ended = shoal(cluster, *arguments, "--socket", agent.socket_path, **how)
    check(ended.returncode == 0, f"{arguments} ended with {ended.returncode}: {ended.stderr}")
    check(ended.stderr == "", f"{arguments} complained: {ended.stderr}")
    return ended.stdout


def complaint(ended, status):
    """The one line on standard error of a command that had to end with this status."""
    check(ended.returncode == status,
          f"ended with {ended.returncode}, not {status}: {ended.stdout!r} {ended.stderr!r}")
    lines = ended.stderr.splitlines()
    check(len(lines) == 1 and lines[0].startswith("shoal"), f"not one line: {ended.stderr!r}")
    return lines[0]


def expect_in(words, text):
    for word in words:
        check(word in text, f"{word!r} is not in {text!r}")


class Beside:
    """A command that runs beside the test; its lines are collected as they come."""

    def __init__(self, cluster, *arguments, variables=None):
        self.lines = []
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", cluster.program, *arguments], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(cluster, variables), process_group=0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def running(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGINT):
        """Sends a signal and returns the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        status = self.process.wait(LONG)
        self._reader.join(LONG)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running:
            self.process.kill()
        self.process.wait()
        self._reader.join(LONG)
        self.process.stdout.close()
        self.process.stderr.close()


def following(agent):
    """How many follow the agent's events, the harness not counted."""
    return agent.get("/v1/info")["subscribers"] - (agent._link is not None)
