# SPDX-License-Identifier: MIT
"""What agents keep in a state directory: they find each other again without seeds, the file is whole
whenever they die, and one that is not theirs is refused with a word on what to do."""
import os
import shutil
import signal
import subprocess
import time

from harness import LOCAL, Skip, check, main

OFTEN = (*LOCAL, "--set", "state_interval_ms=10")


def place(cluster, name):
    return os.path.join(cluster.folder, name + ".state")


def start(cluster, name, *options, **how):
    return cluster.start(name, *OFTEN, "--state-dir", place(cluster, name), *options, **how)


def file_of(cluster, name):
    return os.path.join(place(cluster, name), "state")


def end(cluster, agent, number):
    agent.signal(number)
    cluster.expect(lambda: not agent.running, f"{agent.name} ends")


def refused(cluster, name, *options):
    """Starts an agent that must not start; what it says."""
    agent = cluster.spawn(name, *OFTEN, "--state-dir", place(cluster, name), *options)
    agent.expected_to_end = True
    cluster.expect(lambda: not agent.running, "the agent gives up")
    check(agent.process.returncode == 1, f"it ended with {agent.process.returncode}")
    line = agent.log().strip().splitlines()[-1]
    check(line.startswith("shoal: state_dir "), line)
    cluster.every.remove(agent)
    return line


def remembers(cluster, name, others):
    """Whether the file names these members."""
    with open(file_of(cluster, name), "rb") as file:
        data = file.read()
    return all(other.encode() in data for other in others)


def a_restarted_agent_finds_the_others_without_seeds(cluster):
    first = start(cluster, "one")
    second = start(cluster, "two", join=[first.address])
    cluster.expect_all([first, second], {"one": "alive", "two": "alive"})
    for number in (signal.SIGTERM, signal.SIGKILL):
        cluster.expect(lambda: remembers(cluster, "two", ["one"]), "two has written down one")
        end(cluster, second, number)
        again = start(cluster, "two")
        check(again.id == second.id, "it has another id")
        cluster.expect_all([first, again], {"one": "alive", "two": "alive"})
        second = again


def agents_that_were_all_killed_find_each_other_again(cluster):
    names = ["one", "two", "three"]
    agents = [start(cluster, names[0])]
    agents += [start(cluster, n, join=[agents[0].address]) for n in names[1:]]
    cluster.expect_all(agents, {n: "alive" for n in names})
    cluster.expect(lambda: all(remembers(cluster, n, names) for n in names), "all are written down")
    addresses = [a.address for a in agents]
    for agent in agents:
        cluster.kill_and_hold(agent)
    # A busy machine starts them seconds apart, and who is up early doubts the others.
    agents = [start(cluster, n, "--set", "suspicion_mult=100", bind=a) for n, a in zip(names, addresses)]
    cluster.expect_all(agents, {n: "alive" for n in names})
    cluster.expect_none("failed", observers=agents)


def whom_it_meets_first_is_written_down_before_the_interval_is_over(cluster):
    first = cluster.start("one", *LOCAL)
    cluster.start("two", *LOCAL, "--set", "state_interval_ms=3600000", "--state-dir", place(cluster, "two"),
                  join=[first.address])
    cluster.expect(lambda: remembers(cluster, "two", ["one"]), "two has written down one")


def without_a_name_the_id_is_that_of_the_directory(cluster):
    command = [cluster.program, "agent", "--bind", "127.0.0.1:0", "--socket", os.path.join(cluster.folder, "s"),
               "--state-dir", place(cluster, "nameless")]
    ids = set()
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as agent:
            ids.add(agent.stdout.readline().split("id=")[1].split()[0])
            agent.terminate()
            agent.wait(60)
    check(len(ids) == 1, f"two ids: {ids}")


def whenever_it_is_killed_the_file_is_whole(cluster):
    seed = cluster.start("seed", *LOCAL)
    ids = set()
    for turn in range(25):
        agent = start(cluster, "victim", join=[seed.address])
        ids.add(agent.id)
        time.sleep(turn % 5 * 0.007)  # another moment each time; whichever it is, the file is whole
        end(cluster, agent, signal.SIGKILL)
        check(os.stat(file_of(cluster, "victim")).st_mode & 0o777 == 0o600, "others may read the file")
    check(len(ids) == 1, f"several ids: {ids}")


def two_agents_do_not_share_a_directory(cluster):
    first = start(cluster, "one")
    line = refused(cluster, "one", "--socket", os.path.join(cluster.folder, "other.sock"))
    check("in use by another member" in line and str(first.process.pid) in line, line)
    end(cluster, first, signal.SIGKILL)
    start(cluster, "one")


def spoil(cluster, name, change):
    path = file_of(cluster, name)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    data = change(data)
    with open(path, "wb") as file:
        file.write(data)


def a_file_that_is_damaged_is_refused_and_left_alone(cluster):
    end(cluster, start(cluster, "one"), signal.SIGTERM)
    shutil.copy(file_of(cluster, "one"), file_of(cluster, "one") + ".good")

    def flip(data):
        data[len(data) // 2] ^= 1
        return data

    def other_version(data):
        data[11] += 1
        return data

    for change, word in ((lambda data: data[:-1], "damaged"), (lambda data: data[:20], "damaged"),
                         (lambda data: data[:5], "no state file"), (lambda data: b"", "no state file"),
                         (flip, "damaged"), (other_version, "another release"),
                         (lambda data: b"#!/bin/sh\necho no\n", "no state file")):
        shutil.copy(file_of(cluster, "one") + ".good", file_of(cluster, "one"))
        spoil(cluster, "one", change)
        with open(file_of(cluster, "one"), "rb") as file:
            before = file.read()
        line = refused(cluster, "one")
        check(word in line and "move it away" in line and place(cluster, "one") in line, line)
        with open(file_of(cluster, "one"), "rb") as file:
            check(file.read() == before, "the refused file was changed")
    shutil.copy(file_of(cluster, "one") + ".good", file_of(cluster, "one"))
    start(cluster, "one")


def a_file_of_another_member_or_cluster_is_refused(cluster):
    agent = start(cluster, "one", "--label", "blue")
    end(cluster, agent, signal.SIGTERM)
    line = refused(cluster, "one", "--label", "green")
    check('"blue"' in line, line)
    line = refused(cluster, "one", "--label", "blue", "--id", "11111111-2222-4333-8444-555555555555")
    check(agent.id in line, line)
    start(cluster, "one", "--label", "blue", "--id", agent.id)


def a_clock_that_was_set_back_does_not_set_the_incarnation_back(cluster):
    seed = cluster.start("seed", *LOCAL)
    agent = start(cluster, "one", join=[seed.address])
    before = int(agent.members()["one"]["incarnation"])
    end(cluster, agent, signal.SIGTERM)

    def ahead(data):
        """A start two hours from now, with its checksum. Before it: head, version, label and its length, id."""
        at = 8 + 4 + 1 + data[12] + 16
        epoch = int.from_bytes(data[at:at + 8], "big") + 7200
        data[at:at + 8] = epoch.to_bytes(8, "big")
        crc = 0xffffffff
        for byte in data[:-4]:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
        data[-4:] = (crc ^ 0xffffffff).to_bytes(4, "big")
        return data

    spoil(cluster, "one", ahead)
    agent = start(cluster, "one", join=[seed.address])
    after = int(agent.members()["one"]["incarnation"])
    check(after >> 32 == (before >> 32) + 7201, f"{after >> 32} after {before >> 32}")
    check("was it set back" in agent.log(), "no warning")
    cluster.expect_all([seed, agent], {"seed": "alive", "one": "alive"})


def a_full_disk_keeps_the_old_file_and_warns(cluster):
    """The directory lies on a file system of 64 KiB in a mount namespace of its own."""
    inside = ["unshare", "--mount", "--map-root-user", "--user"] if os.geteuid() else ["unshare", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode:
        raise Skip("no right to make a mount namespace")
    mount = os.path.join(cluster.folder, "small")
    os.mkdir(mount)
    script = f'mount -t tmpfs -o size=64k tmpfs {mount} && exec "$@"'
    agent = cluster.start("one", *OFTEN, "--state-dir", os.path.join(mount, "dir"),
                          around=(*inside, "sh", "-c", script, "sh"))
    # As the agent sees it, from outside of its namespace.
    seen = f"/proc/{agent.process.pid}/root{mount}"
    path = os.path.join(seen, "dir", "state")
    cluster.expect(lambda: os.path.exists(path), "the file is written")
    filling = os.path.join(seen, "fill")

    def fill():
        """A file that is written meanwhile takes the place of another one, which then is free until the next fill."""
        try:
            with open(filling, "ab", buffering=0) as file:
                while True:
                    file.write(b"x" * 512)
        except OSError:
            pass

    def holds(name):
        with open(path, "rb") as file:
            return name.encode() in file.read()

    began = time.monotonic()
    held = []
    for name in ("two", "three", "four", "five", "six"):
        other = cluster.start(name, *LOCAL, join=[agent.address])
        cluster.expect(lambda: fill() or "cannot be written" in agent.log() or holds(name),
                       "the log says that the disk is full, or there was room once more")
        if "cannot be written" in agent.log():
            break
        held.append(name)
    check("cannot be written" in agent.log(), "there is room for ever")
    check(not holds(name) and all(map(holds, held)), "the old file has changed")
    other.signal(signal.SIGTERM)
    cluster.expect(lambda: agent.states().get(name) == "left", "the agent lives on")
    minutes = int(time.monotonic() - began) // 60
    check(agent.log().count("cannot be written") <= 1 + minutes, "more than one warning a minute")
    os.remove(filling)
    late = cluster.start("late", *LOCAL, join=[agent.address])
    cluster.expect(lambda: holds("late"), "it is written again")
    cluster.expect_all([agent, late], {"one": "alive", "late": "alive"})


def a_write_that_fails_late_is_told_and_tried_again(cluster):
    """A pipe in the place of the new file keeps the writer waiting, for longer than the interval, and has no fsync."""
    agent = start(cluster, "one")
    aside = file_of(cluster, "one") + ".new"

    def made():
        try:
            os.mkfifo(aside)
        except FileExistsError:  # a write of the first moments is under way
            return False
        return True

    cluster.expect(made, "the pipe takes the place")
    cluster.start("two", *LOCAL, join=[agent.address])
    cluster.expect_all([agent], {"two": "alive"})
    time.sleep(0.5)
    check("cannot be written" not in agent.log() and not remembers(cluster, "one", ["two"]), "the writer did not wait")
    with open(aside, "rb") as pipe:
        pipe.read()
    cluster.expect(lambda: "cannot be written" in agent.log(), "the log says that it cannot be written")
    cluster.expect(lambda: remembers(cluster, "one", ["two"]), "it is written after all")


def a_directory_that_cannot_be_written_is_refused_at_the_start(cluster):
    os.mkdir(place(cluster, "file"), 0o700)
    with open(os.path.join(cluster.folder, "plain"), "wb"):
        pass
    plain = {k: v for k, v in os.environ.items() if not k.startswith("SHOAL_")}
    for path in (os.path.join(cluster.folder, "plain"), os.path.join(cluster.folder, "no", "such"), "/proc/self"):
        run = subprocess.run([cluster.program, "agent", "--name", "one", "--bind", "127.0.0.1:0", "--socket",
                              os.path.join(cluster.folder, "s"), "--state-dir", path],
                             capture_output=True, text=True, timeout=60, check=False, env=plain)
        check(run.returncode == 1 and path in run.stderr and run.stderr.startswith("shoal: state_dir"),
              f"{run.returncode}: {run.stderr}")


if __name__ == "__main__":
    main()
