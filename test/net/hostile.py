# SPDX-License-Identifier: MIT
"""An agent of a cluster under garbage: it keeps serving, nobody takes it for failed, a new member can
join through it meanwhile, and everything that was sent to it is counted."""
import os
import random
import signal
import socket
import struct
import threading
import time

from harness import LOCAL, check, main

LABEL = f"hostile-{os.getpid()}"
OPTIONS = (*LOCAL, "--label", LABEL)
DATAGRAMS = 10000
CONNECTIONS = 500
# Counters of what was received and not used; what the kernel dropped never reached the agent.
DROPS = ("drop_malformed", "drop_checksum", "drop_version", "drop_label", "drop_sealed", "drop_too_big",
         "drop_unknown_kind", "drop_misdirected", "kernel_drops")
PING = 2


def crc32c(data):
    """Castagnoli, bit by bit: the packets are short."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def packet(messages, flags=0, label=LABEL.encode()):
    """A clear packet as docs/protocol.md draws it."""
    body = bytes([0xc1, flags, len(label)]) + label + messages
    return body + struct.pack(">I", crc32c(body))


def ping(chance, target=None, sender=None):
    """A well-formed ping; without a sender from nobody, without a target to nobody."""
    body = (chance.randbytes(8) + (sender or chance.randbytes(16)) + chance.randbytes(8)
            + (target or chance.randbytes(16)) + b"\0")
    return bytes([PING, len(body)]) + body


def random_bytes(chance):
    return chance.randbytes(chance.randrange(1, 1400))


def truncated_packet(chance):
    whole = packet(ping(chance))
    return whole[:chance.randrange(len(whole))]


def wrong_checksum(chance):
    whole = bytearray(packet(ping(chance)))
    whole[chance.randrange(3, len(whole))] ^= 1 << chance.randrange(8)
    return bytes(whole)


def cut_message(chance):
    """The checksum is right, the message inside ends early or claims to be longer than it is."""
    message = bytearray(ping(chance))
    if chance.randrange(2):
        message[1] = chance.randrange(len(message) - 1, 128)
    else:
        message = message[:chance.randrange(1, len(message))]
        message[1:2] = bytes([len(message) - 2]) if len(message) > 2 else message[1:2]
    return packet(bytes(message))


def other_version(chance):
    return bytes([chance.randrange(0, 0xc1)]) + packet(ping(chance))[1:]


def other_label(chance):
    return packet(ping(chance), label=b"elsewhere")


def sealed(chance):
    return bytes([0xc1, 1, 0, 1]) + chance.randbytes(16 + chance.randrange(200))


def overlong(chance):
    return chance.randbytes(chance.randrange(2000, 9000))


GARBAGE = (random_bytes, truncated_packet, wrong_checksum, cut_message, other_version, other_label,
           sealed, overlong)


def dropped(agent):
    counters = agent.counters()
    return sum(counters[name] for name in DROPS)


def expect_serving(cluster, agents, victim, newcomer):
    """What holds for an agent that was attacked: it is alive to all, and takes in a new member."""
    acked = victim.counters()["pings_in"]
    cluster.expect(lambda: victim.counters()["pings_in"] >= acked + len(agents),
                   "the attacked agent is still probed")
    cluster.expect_all(agents + [newcomer], {a.name: "alive" for a in agents + [newcomer]})
    cluster.expect_none("failed")


def ten_thousand_garbage_datagrams_are_counted_and_do_no_harm(cluster):
    agents = cluster.form(4, *OPTIONS)
    victim = agents[1]
    chance = random.Random(2)
    before = dropped(victim)
    newcomer = None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", victim.port))
        for sent in range(1, DATAGRAMS + 1):
            sender.send(GARBAGE[sent % len(GARBAGE)](chance))
            if sent % 100 == 0:  # let it read, so that most are judged by it and not by the kernel
                cluster.expect(lambda: dropped(victim) >= before + sent * 9 // 10,
                               f"{sent} garbage datagrams are counted as dropped")
            if sent == DATAGRAMS // 2:
                newcomer = cluster.start("newcomer", *OPTIONS, join=[victim.address])
    cluster.expect(lambda: dropped(victim) >= before + DATAGRAMS, "every one is counted")
    counters = victim.counters()
    for name in DROPS[:6]:
        check(counters[name] > 0, f"{name} is 0")
    expect_serving(cluster, agents, victim, newcomer)
    cluster.expect(lambda: newcomer.members()[victim.name]["state"] == "alive", "the newcomer joined")


def id_bytes(agent):
    return bytes.fromhex(agent.id.replace("-", ""))


def a_ping_from_a_strange_address_gets_at_most_as_much_as_it_sent(cluster):
    """Also in the name of a member, and of a dead one, who would be told what is believed of it."""
    victim, live, dead = cluster.form(3, *OPTIONS)
    dead.signal(signal.SIGKILL)
    cluster.expect_all([victim], {dead.name: "dead"})
    chance = random.Random(3)
    answered = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.settimeout(1)
        for claimed in (None, live, dead) * 10:
            datagram = packet(ping(chance, id_bytes(victim), claimed and id_bytes(claimed)))
            sender.sendto(datagram, ("127.0.0.1", victim.port))
            try:
                answer = sender.recv(65536)
            except TimeoutError:
                continue
            answered += 1
            check(len(answer) <= len(datagram),
                  f"{len(datagram)} bytes in the name of {claimed and claimed.name} were answered "
                  f"with {len(answer)}")
    check(answered > 0, "no ping was answered")
    cluster.expect_all([victim, live], {victim.name: "alive", live.name: "alive", dead.name: "dead"})


def flood(victim, over):
    """Well-formed pings of nobody's, as fast as one process sends them, until `over` is set; at most two minutes."""
    chance = random.Random(4)
    datagrams = [packet(ping(chance, id_bytes(victim))) for _ in range(100)]
    until = time.monotonic() + 120
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        while not over.is_set() and time.monotonic() < until:
            for datagram in datagrams:
                try:
                    sender.sendto(datagram, ("127.0.0.1", victim.port))
                except (BlockingIOError, ConnectionRefusedError):
                    pass


def a_crash_is_found_by_an_agent_that_a_stranger_floods(cluster):
    agents = cluster.form(4, *OPTIONS)
    victim, dead = agents[1], agents[3]
    alive = [a for a in agents if a is not dead]
    over = threading.Event()
    flooder = threading.Thread(target=flood, args=(victim, over))
    before = victim.counters()["datagrams_in"]
    flooder.start()
    try:
        cluster.expect(lambda: victim.counters()["datagrams_in"] >= before + 20000, "the flood arrives")
        dead.signal(signal.SIGKILL)
        cluster.expect_all(alive, {**{a.name: "alive" for a in alive}, dead.name: "dead"})
    finally:
        over.set()
        flooder.join()
    cluster.expect_all(alive, {**{a.name: "alive" for a in alive}, dead.name: "dead"})


def nonsense(chance, number):
    """What one of the connections says; every second one says nothing. None completes a frame."""
    hello = b"SHOAL\0\0\0"
    kinds = (chance.randbytes(chance.randrange(8, 4000)),
             b"GET / HTTP/1.1\r\nHost: shoal\r\n\r\n",
             hello[:chance.randrange(1, 8)],
             hello + struct.pack(">IBQ", 0x7fffffff, 1, 1) + chance.randbytes(100),
             hello + struct.pack(">IBQ", 200, 1, 1) + chance.randbytes(100),
             hello + struct.pack(">IBQ", 200, 77, 1) + chance.randbytes(100))
    return kinds[number // 2 % len(kinds)] if number % 2 else b""


def five_hundred_garbage_or_silent_connections_are_counted_and_do_no_harm(cluster):
    agents = cluster.form(4, *OPTIONS)
    victim = agents[1]
    chance = random.Random(4)
    names = ("connections_in", "connections_refused", "connections_abused")
    before = {n: victim.counters()[n] for n in names}
    links = []
    try:
        for number in range(CONNECTIONS):
            link = socket.create_connection(("127.0.0.1", victim.port), timeout=30)
            links.append(link)
            try:
                link.sendall(nonsense(chance, number))
            except ConnectionError:
                pass  # closed at once, which is one of the right answers
            if number == CONNECTIONS // 2:
                newcomer = cluster.start("newcomer", *OPTIONS, join=[victim.address])
        expect_serving(cluster, agents, victim, newcomer)

        def more(name):
            return victim.counters()[name] - before[name]

        cluster.expect(lambda: more("connections_in") + more("connections_refused") >= CONNECTIONS,
                       "every connection is counted, taken or refused")
        cluster.expect(lambda: more("connections_refused") + more("connections_abused") >= CONNECTIONS,
                       "each is closed, for its nonsense, its silence or its number")
    finally:
        for link in links:
            link.close()


def garbage_inside_frames_that_are_well_formed_is_counted_and_does_no_harm(cluster):
    agents = cluster.form(3, *OPTIONS)
    victim = agents[1]
    chance = random.Random(5)
    before = dropped(victim)
    frames = 200
    for number in range(1, frames + 1):
        body = GARBAGE[number % 7](chance)
        with socket.create_connection(("127.0.0.1", victim.port), timeout=30) as link:
            link.sendall(b"SHOAL\0\0\0" + struct.pack(">IBQ", len(body), 3, number) + body)
            check(link.recv(1) == b"", "its connection goes on")
    cluster.expect(lambda: dropped(victim) >= before + frames, "every one is counted")
    newcomer = cluster.start("newcomer", *OPTIONS, join=[victim.address])
    expect_serving(cluster, agents, victim, newcomer)


if __name__ == "__main__":
    main()
