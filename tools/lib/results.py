# SPDX-License-Identifier: MIT
"""Counts what ctest ran, case by case. Usage: results.py JUNIT LOG COUNTS SKIPPED

JUNIT is the file that `ctest --output-junit` wrote, LOG what ctest itself printed. A program that prints its cases (cmocka's "[       OK ] name", or
"ok - name", "not ok - name", "ok - name # SKIP why") counts as those cases; any other program is one case. A
program that failed without a failed case of its own counts as one failed case more.

Prints each program that failed with its output. Writes "PASSED FAILED" to COUNTS and appends the skipped cases to
SKIPPED, one "program: case<TAB>why" a line."""
import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA = re.compile(r"^\[\s+(OK|FAILED|SKIPPED)\s+\] (\w+)$", re.M)
TAP = re.compile(r"^(ok|not ok)(?: \d+)? - (.*?)(?: # SKIP ?(.*))?$", re.M)
ENDED = re.compile(r"Test +#\d+: (\S+) \.*\s*\*\*\*(.*?) +[\d.]+ sec", re.M)
# Output of a program that fails is long where it is a cluster's log: the first lines shown, and the last.
FIRST, LAST = 40, 120


def cases_of(output):
    """[(name, result, why)] with the results passed, failed and skipped."""
    cmocka = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
    cases = {}
    for match in CMOCKA.finditer(output):
        # cmocka repeats failed and skipped names in its summary.
        cases.setdefault(match.group(2), (cmocka[match.group(1)], ""))
    listed = [(name, result, why) for name, (result, why) in cases.items()]
    for match in TAP.finditer(output):
        verdict, name, why = match.groups()
        result = "failed" if verdict == "not ok" else "passed" if why is None else "skipped"
        listed.append((name, result, why or ""))
    return listed


def read(path):
    """(program, result, output) of each test."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        result = "failed"
        if case.get("status") == "run":
            result = "passed"
        elif case.get("status") == "disabled":
            result = "skipped"
        elif case.get("status") == "notrun" and case.find("skipped").get("message").startswith("SKIP_"):
            result = "skipped"
        yield case.get("name"), result, case.findtext("system-out") or ""


def show(program, how, output):
    lines = output.rstrip().split("\n")
    if len(lines) > FIRST + LAST:
        lines[FIRST:-LAST] = [f"({len(lines) - FIRST - LAST} lines more)"]
    print(f"FAILED {program}: {how}")
    print("\n".join("    " + line for line in lines))


def count(path, ended, skipped):
    passed = failed = 0
    for program, result, output in read(path):
        cases = cases_of(output)
        for name, verdict, why in cases:
            if verdict == "skipped":
                skipped.append(f"{program}: {name}\t{why}")
        passed += sum(verdict == "passed" for _, verdict, _ in cases)
        bad = sum(verdict == "failed" for _, verdict, _ in cases)
        if result == "failed" and bad == 0:
            bad = 1
        if not cases and result == "passed":
            passed += 1
        elif not cases and result == "skipped":
            skipped.append(f"{program}\t{output.strip().split(chr(10))[-1]}")
        if bad:
            show(program, ended.get(program, "Failed"), output)
        failed += bad
    return passed, failed


def main():
    skipped = []
    with open(sys.argv[2], encoding="utf-8", errors="replace") as file:
        ended = dict(ENDED.findall(file.read()))
    passed, failed = count(sys.argv[1], ended, skipped)
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        file.write(f"{passed} {failed}\n")
    with open(sys.argv[4], "a", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in skipped)


if __name__ == "__main__":
    main()
