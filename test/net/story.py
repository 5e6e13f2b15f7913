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

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools")
DEMO = os.path.join(TOOLS, "lib/demo.py")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def demo(cluster, output, way="socket", **variables):
    """Starts the demo with three agents; its folder lies in the test's."""
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    environment.update(variables, TMPDIR=cluster.folder, TERM="xterm")
    return subprocess.Popen([sys.executable, "-B", DEMO, cluster.program, "3", "0", way],
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


def the_command_demo_refuses_wrong_usage_before_it_does_anything(cluster):
    for words in (["--nodes", "2"], ["--nodes", "51"], ["--nodes"], ["--nodes=five"], ["--node", "5"], ["5"],
                  ["--transport", "udp"], ["--transport"]):
        ended = subprocess.run([f"{TOOLS}/demo", *words], stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, timeout=LONG, check=False)
        lines = ended.stderr.splitlines()
        check(ended.returncode == 2 and len(lines) == 1 and ended.stdout == "",
              f"{words}: {ended.returncode}, {ended.stderr!r}, {ended.stdout!r}")
    ended = subprocess.run([f"{TOOLS}/demo", "--help"], capture_output=True, text=True, check=False)
    check(ended.returncode == 0 and all(f"--{option}" in ended.stdout for option in ("nodes", "keep", "transport")),
          f"--help says {ended.stdout!r}")


def the_demo_tells_its_whole_story_into_a_pipe(cluster):
    told, _ = (process := demo(cluster, subprocess.PIPE)).communicate(timeout=LONG)
    told = told.decode()
    check(process.returncode == 0, f"the status is {process.returncode}: {told}")
    check("\x1b" not in told and "\r" not in told, f"there are codes for a terminal in it: {told!r}")
    story = ("all 3 see each other", "each watches 2 others", "cod is killed", "declares cod failed", "cod starts again",
             "sees cod alive again", "bream leaves", "sees that bream left",
             "What was measured", "all 3 see each other", "cod killed: failed", "cod restarted: alive",
             "bream asked to leave: left")
    at = 0
    for part in story:
        at = told.find(part, at) + 1
        check(at > 0, f"{part!r} is not told, or not in its place: {told}")
    check_nothing_left(cluster.folder)


def the_demo_tells_the_same_over_https(cluster):
    told, _ = (process := demo(cluster, subprocess.PIPE, "https")).communicate(timeout=LONG)
    told = told.decode()
    check(process.returncode == 0, f"the status is {process.returncode}: {told}")
    for part in ("https://127.0.0.1:", "all 3 see each other", "suspects cod", "cod killed: failed", "cod restarted: alive",
                 "bream asked to leave: left"):
        check(part in told, f"{part!r} is not told: {told}")
    check("watches" not in told, f"it tells of watch links: {told}")
    check_nothing_left(cluster.folder)


def screen_of(cluster, until=None, **variables):
    """What the demo writes to a terminal; ended by a signal once a text was written."""
    master, slave = pty.openpty()
    process = demo(cluster, slave, **variables)
    os.close(slave)
    written, interrupted = "", False
    with contextlib.suppress(OSError):  # the other end of the terminal was closed
        while block := os.read(master, 65536):
            written += block.decode(errors="replace")
            if until and until in written:
                process.send_signal(signal.SIGTERM)
                until, interrupted = None, True
    os.close(master)
    ended = process.wait(LONG)
    allowed = [143] if interrupted else [0]
    if "What was measured" in written:  # all was told before the signal came
        allowed.append(0)
    check(ended in allowed, f"the status is {ended}: {written}")
    check(re.search(r"\x1b\[\d+A", written), "nothing is drawn in place")
    check(written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l"), "the cursor stays hidden")
    return written


def the_demo_is_drawn_in_place_on_a_terminal(cluster):
    check(COLOUR.search(screen_of(cluster)), "there are no colours")
    check_nothing_left(cluster.folder)


def a_demo_on_a_terminal_heeds_no_color_and_leaves_the_cursor_when_interrupted(cluster):
    written = screen_of(cluster, until="is killed", NO_COLOR="1")
    check(not COLOUR.search(written), "NO_COLOR does not hold")
    check_nothing_left(cluster.folder)


def a_demo_that_is_interrupted_leaves_nothing_behind(cluster):
    for number in (signal.SIGINT, signal.SIGTERM):
        with demo(cluster, subprocess.PIPE) as process:
            read_until(process.stdout, "cod is killed")
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
