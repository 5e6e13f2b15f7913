# SPDX-License-Identifier: MIT
"""Memory under valgrind, on the build that users have: what is lost when an agent's whole life is over."""
import os
import re
import signal

from harness import LONG, STEADY, check, main

VALGRIND = ("valgrind", "--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
            "--show-leak-kinds=definite,indirect", "--error-exitcode=9")


def an_agent_leaks_nothing_from_its_start_to_its_leave(cluster):
    """It joins, is described, asked and reloaded, sends and hears messages, loses a member and leaves."""
    report = os.path.join(cluster.folder, "valgrind")
    settings = os.path.join(cluster.folder, "agent.json")
    with open(settings, "w", encoding="utf-8") as file:
        file.write('{"coalesce_ms": 20, "tag": ["red"]}')
    first = cluster.start("m01", *STEADY)
    second = cluster.spawn("m02", *STEADY, "--config", settings, "--state-dir", os.path.join(cluster.folder, "state"),
                           "--record", os.path.join(cluster.folder, "record"), join=[first.address],
                           around=(*VALGRIND, f"--log-file={report}"))
    cluster.until_ready([second], LONG)
    cluster.expect_all([first, second], {"m01": "alive", "m02": "alive"})

    def do(agent, *arguments):
        ended = cluster.run(*arguments, "--socket", agent.socket_path)
        check(ended.returncode == 0, f"{arguments} ended with {ended.returncode}: {ended.stderr}")

    third = cluster.start("m03", *STEADY, join=[second.address])
    for agent in (second, first):
        do(agent, "meta", "set", "role", "web")
        do(agent, "tag", "add", "blue")
        do(agent, "broadcast", "200", "hello", "--reliable")
        do(agent, "broadcast", "200", "hello", "--tag", "blue")
    do(second, "send", "m01", "200", "hello", "--reliable")
    do(first, "send", "m02", "200", "hello")
    cluster.expect(lambda: first.members()["m02"]["meta"] == {"role": "web"}, "metadata has come")
    do(second, "members", "--where", "role=web")
    do(second, "info")
    do(second, "why", "m03")
    do(second, "reload")
    do(second, "rtt", "m01", "m02", "--format", "json")
    third.signal(signal.SIGTERM)
    third.process.wait(LONG)
    cluster.expect(lambda: second.states()["m03"] == "left", "m03 has left")
    do(second, "forget", "m03")
    second.signal(signal.SIGTERM)
    check(second.process.wait(LONG) == 0, f"it ended with {second.process.returncode}")
    with open(report, encoding="utf-8") as file:
        text = file.read()
    check(not re.search(r"\S", text), f"valgrind says: {text[:4000]}")


if __name__ == "__main__":
    main()
