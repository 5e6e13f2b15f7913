#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests what tools/test stands on: the installer (with an apt, a dpkg and a sudo of its own in the PATH) and the count
of cases. Usage: tools_test.py ROOT. One line a test; exit status 1 where one failed."""
import os
import stat
import subprocess
import sys
import tempfile

ROOT = os.path.abspath(sys.argv[1])

JUNIT = """<?xml version="1.0"?>
<testsuite>
<testcase name="cases" status="fail"><failure message=""/><system-out>[       OK ] one
[  SKIPPED ] two
[  FAILED  ] three
[  FAILED  ] three
</system-out></testcase>
<testcase name="crash" status="fail"><failure message=""/><system-out>[       OK ] four
</system-out></testcase>
<testcase name="lines" status="run"><system-out>ok - five
ok 2 - six # SKIP no way
</system-out></testcase>
<testcase name="plain" status="run"><system-out></system-out></testcase>
<testcase name="skip" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out>why
</system-out></testcase>
<testcase name="gone" status="notrun"><skipped message="Unable to find executable"/></testcase>
</testsuite>
"""

# Stand-ins. What is installed and what was called lie in files of the folder $FAKE.
FAKES = {
    "dpkg-query": 'grep -qx "$4" "$FAKE/installed" && echo installed',
    "apt-get": 'echo "apt-get $*" >>"$FAKE/calls"; case "$*" in *" broken"*) echo "E: no such"; exit 100 ;; esac',
    "id": 'cat "$FAKE/uid"',
    "sudo": '[ -e "$FAKE/sudo" ] || exit 1; [ "$1" != -n ] || shift; echo sudo >>"$FAKE/calls"; exec "$@"',
}
failures = 0


def expect(what, fact, seen=""):
    global failures
    print(("ok - " if fact else "not ok - ") + what)
    if not fact:
        failures += 1
        print("    " + str(seen).replace("\n", "\n    "))


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def install(folder, needs, uid=0, sudo=False):
    """(status, what was printed, calls of apt-get) of install_needed."""
    write(folder + "/uid", f"{uid}\n")
    write(folder + "/installed", "cmake\n")
    write(folder + "/calls", "")
    if sudo:
        write(folder + "/sudo", "")
    script = ". " + ROOT + "/tools/lib/install.sh\n" + needs + "\ninstall_needed\n"
    run = subprocess.run(["sh", "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                         env={"PATH": folder + "/bin:" + os.environ["PATH"], "FAKE": folder})
    return run.returncode, run.stdout + run.stderr, read(folder + "/calls")


def installer(folder):
    os.mkdir(folder + "/bin")
    for name, text in FAKES.items():
        write(f"{folder}/bin/{name}", "#!/bin/sh\n" + text + "\n", stat.S_IRWXU)

    status, said, calls = install(folder, 'need cmake "builds"')
    expect("the installer says and does nothing where all is there", (status, said, calls) == (0, "", ""), said + calls)

    status, said, calls = install(folder, 'need cmake "builds"\nneed gcc "compiles"\nneed curl "asks"')
    expect("it says what and why, a line each", status == 0 and "  gcc: compiles\n  curl: asks\n" in said, said)
    expect("it installs what is missing, and no more", "gcc curl" in calls and "cmake" not in calls, calls)

    status, said, calls = install(folder, 'need broken "breaks"')
    expect("it reads the lists again before it gives up", "update" in calls and calls.count(" broken") >= 1, calls)
    expect("where apt fails it fails and shows why", status != 0 and "E: no such" in said, said)

    status, said, calls = install(folder, 'need gcc "compiles"', uid=1000)
    expect("without root and sudo it says what to type", status != 0 and calls == "" and
           "apt-get install gcc" in said, said)

    status, said, calls = install(folder, 'need gcc "compiles"', uid=1000, sudo=True)
    expect("without root it goes through sudo", status == 0 and "sudo\napt-get" in calls, calls)


def counter(folder):
    write(folder + "/junit", JUNIT)
    write(folder + "/log", "1/6 Test #2: crash ......***Exception: SegFault  0.01 sec\n")
    run = subprocess.run([sys.executable, "-B", ROOT + "/tools/lib/results.py", "junit", "log", "counts", "skips"],
                         cwd=folder, capture_output=True, text=True)
    expect("cases are counted; a crash, and a program that is not there, are failures",
           read(folder + "/counts") == "4 3\n", read(folder + "/counts") + run.stderr)
    expect("skipped cases are named with their reason",
           read(folder + "/skips") == "cases: two\t\nlines: six\tno way\nskip\twhy\n", read(folder + "/skips"))
    expect("what failed is shown, with how", "FAILED crash: Exception: SegFault\n    [       OK ] four" in run.stdout and
           "FAILED cases" in run.stdout and "FAILED gone" in run.stdout and "plain" not in run.stdout, run.stdout)


with tempfile.TemporaryDirectory() as place:
    installer(place)
    counter(place)
sys.exit(1 if failures else 0)
