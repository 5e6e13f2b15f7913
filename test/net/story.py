# SPDX-License-Identifier: MIT
"""The demo's program: complete when piped, live on a terminal, and gone without a trace in every case."""
import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time

from harness import LONG, check, main

DEMO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/lib/demo.py")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def demo(cluster, output, **variables):
    """Starts the demo with three agents; its folder lies in the test's."""
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    environment.update(variables, TMPDIR=cluster.folder, TERM="xterm")
    return subprocess.Popen([sys.executable, "-B", DEMO, cluster.program, "3", "0"],
                            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                            env=environment)


def processes_of(folder):
    """Ids of the agents whose control socket lies in a folder."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as line:
                words = line.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "agent" in words and any(word.startswith(folder) for word in words):
            found.append(int(entry))
    return found


def check_nothing_left(folder):
    check(not processes_of(folder), "agents are left running")
    left = os.listdir(folder)
    check(not left, f"files are left: {left}")


def read_until(stream, text):
    """Reads from a pipe until a text has come."""
    read = ""
    end = time.monotonic() + LONG
    while text not in read:
        check(time.monotonic() < end, f"{text!r} did not come: {read}")
        block = os.read(stream.fileno(), 4096)
        check(block, f"the demo ended before {text!r}: {read}")
        read += block.decode()
    return read


def the_demo_tells_its_whole_story_into_a_pipe(cluster):
    told, _ = (process := demo(cluster, subprocess.PIPE)).communicate(timeout=LONG)
    told = told.decode()
    check(process.returncode == 0, f"the status is {process.returncode}: {told}")
    check("\x1b" not in told and "\r" not in told, f"there are codes for a terminal in it: {told!r}")
    story = ("all 3 see each other", "cod is killed", "suspects cod", "accused by", "declares cod failed",
             "cod starts again", "sees cod alive again", "bream leaves", "sees that bream left",
             "What was measured", "all 3 see each other", "cod killed: suspect", "cod killed: failed",
             "cod restarted: alive", "bream asked to leave: left")
    at = 0
    for part in story:
        at = told.find(part, at) + 1
        check(at > 0, f"{part!r} is not told, or not in its place: {told}")
    check_nothing_left(cluster.folder)


def screen_of(cluster, **variables):
    """What the demo writes to a terminal, from beginning to end."""
    master, slave = pty.openpty()
    process = demo(cluster, slave, **variables)
    os.close(slave)
    written = b""
    try:
        while block := os.read(master, 65536):
            written += block
    except OSError:  # the terminal's other end was closed
        pass
    os.close(master)
    check(process.wait(LONG) == 0, f"the status is {process.returncode}: {written}")
    return written.decode()


def the_demo_is_drawn_in_place_on_a_terminal(cluster):
    written = screen_of(cluster)
    check(re.search(r"\x1b\[\d+A", written), "nothing is drawn in place")
    check(COLOUR.search(written), "there are no colours")
    check(written.rstrip().rfind("\x1b[?25h") > written.rfind("\x1b[?25l"), "the cursor stays hidden")
    check(not COLOUR.search(screen_of(cluster, NO_COLOR="1")), "NO_COLOR does not hold")
    check_nothing_left(cluster.folder)


def a_demo_that_is_interrupted_leaves_nothing_behind(cluster):
    for number in (signal.SIGINT, signal.SIGTERM):
        with demo(cluster, subprocess.PIPE) as process:
            read_until(process.stdout, "suspects cod")
            process.send_signal(number)
            told = process.stdout.read().decode()
            check(process.wait(LONG) == 128 + number, f"the status is {process.returncode}: {told}")
        check_nothing_left(cluster.folder)


def a_demo_whose_agent_dies_shows_the_logs_and_fails(cluster):
    with demo(cluster, subprocess.PIPE) as process:
        read_until(process.stdout, "is killed")
        for agent in processes_of(cluster.folder):
            with contextlib.suppress(ProcessLookupError):  # the one that the demo kills
                os.kill(agent, signal.SIGKILL)
        told = process.stdout.read().decode()
        check(process.wait(LONG) == 1, f"the status is {process.returncode}: {told}")
    check("Step not seen" in told and "the end of its log" in told and "joined" in told,
          f"it does not say what happened: {told}")
    check_nothing_left(cluster.folder)


if __name__ == "__main__":
    main()
