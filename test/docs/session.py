# SPDX-License-Identifier: MIT
"""Runs a block of shell of the documents as a reader would type it.

`shoal agent` stays in the background, and the next line waits until it is ready. Ports are the kernel's: --bind of a
port that the block names gets port 0, as does an agent without one, and wherever that address, or 127.0.0.1:7946, comes
later the real one stands. A command that does not
end (monitor, --watch) is ended with the block. Any other must end with status 0.
"""
import os
import re
import shlex
import signal
import subprocess

from harness import LONG, Failure, check

ADDRESS = re.compile(r"127\.0\.0\.1:79\d\d")
READY = re.compile(r"shoal: ready name=(\S+) id=\S+ address=(\S+)\n")


def lines_of(block):
    """Whole commands: continued lines in one, without comments."""
    text = block.text.replace("\\\n", " ")
    return [line for line in (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()) if line]


class Session:
    """A shell that a block is typed into."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.real, self.named = {}, {}
        self.agents, self.endless, self.said = [], [], ""
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SHOAL_")}, "SHOAL_LABEL": cluster.label,
            "XDG_RUNTIME_DIR": cluster.folder, "SHOAL_LOG_LEVEL": "error",
            "SHOAL_BIND": "127.0.0.1:0",
            "PATH": os.path.dirname(cluster.program) + ":" + os.environ["PATH"]}

    def spawn(self, command, **how):
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, text=True,
                                env=self.environment, cwd=self.cluster.folder, **how)

    def start_agent(self, line):
        """Runs an agent until it is ready."""
        words = shlex.split(line.rstrip("& "))
        bound = None
        for i in range(1, len(words)):
            if words[i - 1] == "--bind":
                bound = words[i]
                words[i] = re.sub(r":\d+(?=$|/)", ":0", bound)
            else:
                words[i] = self.real.get(words[i], words[i])
        agent = self.spawn(words, stdout=subprocess.PIPE)
        self.agents.append(agent)
        ready = READY.fullmatch(agent.stdout.readline())
        check(ready, f"no ready line: {line}")
        self.named[ready[1]] = agent
        self.real[bound or "127.0.0.1:7946"] = ready[2]

    def type(self, line):
        """One command."""
        if line.startswith("shoal agent "):
            self.start_agent(line)
            return
        line = ADDRESS.sub(lambda match: self.real.get(match[0], match[0]), line)
        command = ["bash", "-euo", "pipefail", "-c", line]
        if re.match(r"shoal monitor|shoal .* --watch", line):
            self.endless.append(self.spawn(["bash", "-c", "exec " + line], stdout=subprocess.DEVNULL))
            return
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONG,
                               env=self.environment, cwd=self.cluster.folder, check=False)
        self.said += ended.stdout
        check(ended.returncode == 0, f"{line}: status {ended.returncode}: {ended.stdout}{ended.stderr}")
        if left := re.match(r"shoal leave --name (\S+)$", line):
            self.named[left[1]].wait(LONG)

    def run(self, block):
        """All of a block, and the end of what it left running. Returns what its commands printed."""
        try:
            for line in lines_of(block):
                self.type(line)
        except Failure as problem:
            raise Failure(f"{block.place}: {problem}") from problem
        finally:
            self.end()
        return self.said

    def end(self):
        """Ends what runs still; an agent must end well."""
        for process in self.endless + self.agents:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.endless + self.agents:
            process.wait(LONG)
        for agent in self.agents:
            agent.stdout.close()
            check(agent.returncode == 0, f"an agent ended with {agent.returncode}")
