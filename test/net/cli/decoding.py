# SPDX-License-Identifier: MIT
"""`shoal decode`: packets of agents and made ones, in files of every kind that it takes."""
import json
import os
import random
import socket
import struct
import subprocess

from command import LOCAL, LONG, check, complaint, expect_in, main, shoal
from hostile import crc32c
from seal import Tap, place

GREETING = b"SHOAL\0\0\0"
CHANCE = random.Random(1)


def packet(messages):
    body = b"\xc1\0\0" + messages
    return body + struct.pack(">I", crc32c(body))


# seq, id, salt, target, no origin, mark
PING = packet(bytes([2, 53]) + b"\0" * 7 + b"\1" + b"\x11" * 16 + b"\xaa" * 8 + b"\x22" * 16 + b"\0" + b"\xcc" * 4)


def written(cluster, data, name="packets"):
    path = os.path.join(cluster.folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def decoded(cluster, data, *options, status=0):
    """The objects that decode prints, the summary last."""
    ended = shoal(cluster, "decode", written(cluster, data), "--format", "json", *options)
    check(ended.returncode == status, f"ended with {ended.returncode}: {ended.stderr} {ended.stdout[-500:]}")
    return [json.loads(line) for line in ended.stdout.splitlines()]


def udp(payload, ports=(7946, 7947)):
    return struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload


def tcp(payload, ports=(7946, 7947)):
    return struct.pack(">HHIIBBHHH", *ports, 1, 2, 6 << 4, 0x18, 65535, 0, 0) + b"\1\1\1\1" + payload


def ipv4(protocol, payload, fragment=0, back=False):
    head = struct.pack(">BBHHHBBH", 0x46, 0, 24 + len(payload), 7, fragment, 64, protocol, 0)
    ends = [bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])]
    return head + ends[back] + ends[not back] + b"\x94\4\0\0" + payload


def ipv6(protocol, payload, extra=b""):
    head = struct.pack(">IHBB", 6 << 28, len(extra) + len(payload), protocol, 64)
    return head + bytes.fromhex("fd00" + "00" * 13 + "01") + bytes.fromhex("fd00" + "00" * 13 + "02") + extra + payload


def ethernet(ethertype, payload, vlan=b""):
    return b"\2" * 12 + vlan + struct.pack(">H", ethertype) + payload


def capture(frames, link=1, order="<", magic=0xa1b2c3d4, cut=0):
    """A file of pcap. A frame is its bytes, or its bytes and how many were captured."""
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    for i, frame in enumerate(frames):
        frame, kept = frame if isinstance(frame, tuple) else (frame, len(frame))
        data += struct.pack(order + "IIII", 1800000000 + i, 500000, kept, len(frame)) + frame[:kept]
    return data[:len(data) - cut]


def pings(objects):
    return [o for o in objects[:-1] if o["packet"] and [m["message"] for m in o["packet"]["messages"]] == ["ping"]]


def one_packet_is_printed_from_a_file_and_from_standard_input(cluster):
    ended = shoal(cluster, "decode", written(cluster, PING))
    check(ended.returncode == 0 and ended.stderr == "", ended.stderr)
    expect_in(["packet version=1 flags=none label=\"\" bytes=62 checksum=ok\n", "\n  ping seq=0x0000000000000001",
               " id=11111111-1111-1111-1111-111111111111 ", "origin=none", "\npackets: 1\n"], ended.stdout)
    with open(written(cluster, PING), "rb") as file:
        again = subprocess.run([cluster.program, "decode", "-"], stdin=file, capture_output=True, text=True,
                               timeout=LONG, check=False)
    check(again.stdout == ended.stdout, again.stdout)
    got, summary = decoded(cluster, PING)
    check(got["packet"]["messages"][0]["fields"]["target"] == "22222222-2222-2222-2222-222222222222", got)
    check(summary["packets"] == 1 and summary["wrong"] == 0, summary)


def hexadecimal_lines_are_a_packet_each(cluster):
    text = PING.hex() + "\n\n  " + PING.hex(" ").upper() + " \r\n" + " ".join(f"0x{b:02x}" for b in PING)
    objects = decoded(cluster, text.encode(), "--hex")
    check([o["line"] for o in pings(objects)] == [1, 3, 4], objects)
    path = written(cluster, b"00 1\n00 0g\n" + PING.hex().encode())
    ended = shoal(cluster, "decode", "--hex", path)
    expect_in(["line 1: no hexadecimal digit in column 5\n", "line 2: no hexadecimal digit in column 5\n",
               "line 3: packet version=1", "packets: 3, unreadable: 2"], ended.stdout)
    expect_in([path, "2 of 3 packets cannot be read"], complaint(ended, 1))


def what_is_wrong_is_said_with_its_byte(cluster):
    ended = shoal(cluster, "decode", written(cluster, PING[:20] + bytes([PING[20] ^ 1]) + PING[21:]))
    expect_in(["  checksum at byte 58: the checksum"], ended.stdout)
    complaint(ended, 1)
    got, summary = decoded(cluster, packet(PING[3:53] + b"\7" + b"\xcc" * 4), status=1)
    check(got["packet"]["errors"] == [{"code": "malformed", "at": 53, "what": "ping.origin"}], got)
    check(summary["wrong"] == 1, summary)
    for wrong in (b"", b"\7", os.urandom(100)):
        complaint(shoal(cluster, "decode", written(cluster, wrong)), 1)


def a_sealed_packet_shows_its_header_and_is_no_failure(cluster):
    got, summary = decoded(cluster, bytes([0xc1, 1, 0, 5]) + bytes(range(24)) + os.urandom(60))
    check(got["packet"]["key_id"] == 5 and got["packet"]["counter"] == "0x08090a0b0c0d0e0f", got)
    check(got["packet"]["errors"][0]["code"] == "auth" and summary["sealed"] == 1, summary)


def captures_of_both_byte_orders_and_every_link_are_read(cluster):
    four, six = ipv4(17, udp(PING)), ipv6(17, udp(PING))
    cooked = struct.pack(">HHH8sH", 0, 1, 6, b"\2" * 8, 0x0800)
    cooked2 = struct.pack(">HHIHBB8s", 0x86dd, 0, 1, 1, 0, 6, b"\2" * 8)
    for link, frames in ((1, [ethernet(0x0800, four), ethernet(0x86dd, six),
                              ethernet(0x0800, four, b"\x81\0\0\5"),
                              ethernet(0x0800, four, b"\x88\xa8\0\1\x81\0\0\5"),
                              ethernet(0x0800, four + b"\0" * 10)]),
                         (101, [four, six]), (228, [four]), (229, [six]),
                         (0, [b"\2\0\0\0" + four, b"\0\0\0\x1e" + six]), (108, [b"\0\0\0\2" + four]),
                         (113, [cooked + four]), (276, [cooked2 + six])):
        for order in "<>":
            for magic in (0xa1b2c3d4, 0xa1b23c4d):
                objects = decoded(cluster, capture(frames, link, order, magic))
                check(len(pings(objects)) == len(frames), f"link {link}: {objects}")
                fraction = ".500Z" if magic == 0xa1b2c3d4 else ".000Z"
                check(objects[0]["time"] == "2027-01-15T08:00:00" + fraction, objects[0])
    objects = decoded(cluster, capture([four, six], 101))
    check((objects[0]["from"], objects[0]["to"]) == ("10.0.0.1:7946", "10.0.0.2:7947"), objects[0])
    check((objects[1]["from"], objects[1]["to"]) == ("[fd00::1]:7946", "[fd00::2]:7947"), objects[1])


def what_carries_no_packet_is_counted(cluster):
    skipped = bytes([17, 0]) + b"\0" * 6  # a hop-by-hop header before UDP
    frames = [ipv4(17, udp(PING)), ipv6(0, udp(PING), skipped), ipv4(1, b"\x08\0\0\0"), ipv4(6, tcp(b"")),
              ipv4(17, udp(PING), fragment=0x2000), ipv4(17, PING, fragment=5),
              ipv6(44, udp(PING), bytes([17, 0, 0, 9, 0, 0, 0, 1])), b"\x45", b"", ipv4(17, b"\0\1")]
    objects = decoded(cluster, capture(frames, 101))
    summary = objects[-1]
    check(len(pings(objects)) == 2, objects)
    check((summary["packets"], summary["fragments"], summary["others"]) == (2, 3, 5), summary)
    cut = shoal(cluster, "decode", written(cluster, capture([(ipv4(17, udp(PING)), 80)], 101)))
    expect_in(["(14 bytes were not captured) packet version=1"], cut.stdout)
    complaint(cut, 1)


def frames_of_streams_are_read_where_a_segment_holds_them_whole(cluster):
    framed = struct.pack(">IBQ", len(PING), 1, 77) + PING
    frames = [ipv4(6, tcp(GREETING + framed)), ipv4(6, tcp(framed + framed)), ipv4(6, tcp(GREETING)),
              ipv4(6, tcp(framed[:-5])), ipv4(6, tcp(framed[-5:])), ipv4(6, tcp(framed + framed[:20]))]
    objects = decoded(cluster, capture(frames, 101))
    check([(o["frame"], o["stream"], o["exchange"]) for o in pings(objects)] ==
          [(1, "request", "77"), (2, "request", "77"), (2, "request", "77"), (6, "request", "77")], objects)
    check([(o["frame"], o["part"]) for o in objects[:-1] if "part" in o] ==
          [(4, len(framed) - 5), (5, 5), (6, 20)], objects)
    check(objects[-1]["parts"] == 3 and objects[-1]["wrong"] == 0, objects[-1])
    text = shoal(cluster, "decode", written(cluster, capture(frames, 101))).stdout
    expect_in(["frame 1 2027-01-15T08:00:00.500Z tcp 10.0.0.1:7946 > 10.0.0.2:7947: request, exchange 77: packet",
               "frame 5 2027-01-15T08:00:04.500Z tcp 10.0.0.1:7946 > 10.0.0.2:7947: 5 bytes of a stream that are no "
               "whole packet\n"], text)


def files_that_cannot_be_read_say_why(cluster):
    whole = capture([ipv4(17, udp(PING))], 101)
    torn = shoal(cluster, "decode", written(cluster, whole[:-1]))
    expect_in(["not a whole capture: its frame at byte 24 is cut"], complaint(torn, 1))
    expect_in(["link of type 147"], complaint(shoal(cluster, "decode", written(cluster, capture([], 147))), 1))
    expect_in(["pcapng", "tcpdump"], complaint(shoal(cluster, "decode", written(
        cluster, b"\x0a\x0d\x0d\x0a" + b"\0" * 100)), 1))
    expect_in(["No such file"], complaint(shoal(cluster, "decode", os.path.join(cluster.folder, "none")), 1))
    expect_in(["csv"], complaint(shoal(cluster, "decode", "x", "--format", "csv"), 2))
    complaint(shoal(cluster, "decode"), 2)


def damaged_captures_never_crash_it(cluster):
    whole = capture([ethernet(0x0800, ipv4(17, udp(PING))), ethernet(0x86dd, ipv6(6, tcp(GREETING + PING)))])
    for _ in range(30):
        data = bytearray(whole)
        for _ in range(CHANCE.randrange(1, 6)):
            data[CHANCE.randrange(len(data))] = CHANCE.randrange(256)
        ended = shoal(cluster, "decode", written(cluster, bytes(data[:CHANCE.randrange(len(data) + 1)])))
        check(ended.returncode in (0, 1) and ended.stderr.count("\n") <= 1, ended.stderr)


def what_an_agent_sends_can_be_read(cluster):
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    agent = cluster.spawn("m01", *LOCAL, join=[address])
    stream = listener.accept()[0].makefile("rb")
    check(stream.read(8) == GREETING, "no greeting")
    head = stream.read(13)
    data = stream.read(struct.unpack(">I", head[:4])[0])
    got = decoded(cluster, data)[0]["packet"]
    check([m["message"] for m in got["messages"]] == ["join", "member"], got)
    check(got["messages"][1]["fields"]["name"] == "m01" and got["errors"] == [], got)
    cluster.until_ready([agent], LONG)


def what_agents_with_keys_send_is_opened_with_the_key(cluster):
    ring = os.path.join(cluster.folder, "keyring")
    with open(os.open(ring, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    agent = cluster.start("m01", *LOCAL, "--keyring", ring)
    tap = Tap()
    tap.target = place(agent)
    other = cluster.start("m02", *LOCAL, "--keyring", ring, join=[f"127.0.0.1:{tap.address[1]}"])
    cluster.expect_all([agent, other], {"m01": "alive", "m02": "alive"})
    tap.close()
    ends = [(7946, 7947), (7947, 7946)]
    frames = [ipv4(6, tcp(data, ends[way]), back=way == 1) for way, data in tap.streams]
    objects = decoded(cluster, capture([frames[0]], 101))
    check(objects[-1]["sealed"] >= 1 and objects[-1]["opened"] == 0, objects)
    objects = decoded(cluster, capture(frames, 101), "--key", ring)
    heard = [(o["stream"], o["packet"]["messages"][0]["message"]) for o in objects[:-1]
             if o["packet"] and o["packet"]["messages"]]
    check(heard[:4] == [("request", "join"), ("reply", "answer"), ("request", "join"), ("reply", "answer")], objects)
    check(objects[0]["opened"]["was"] == "sealed" and objects[-1]["sealed"] == 0, objects)
    check(any(m["fields"].get("name") == "m02" for m in objects[2]["packet"]["messages"]), objects[2])
    text = shoal(cluster, "decode", "--key", ring, written(cluster, capture(frames, 101))).stdout
    expect_in(["request, exchange ", ": (sealed, bytes=", ") packet version=1 flags=none", "\n  join id="], text)
    alone = shoal(cluster, "decode", "--key", ring, written(cluster, tap.streams[0][1][21:]))
    expect_in(["(sealed, bytes=", "\n  join id=", "opened: 1"], alone.stdout)
    os.chmod(ring, 0o644)
    expect_in(["chmod 600"], complaint(shoal(cluster, "decode", "--key", ring, written(cluster, PING)), 1))


def a_compressed_packet_is_shown_as_what_is_in_it(cluster):
    # The snappy of 80 pings: 4,400 bytes, of which the first 55 are literal, and the others are copied from there.
    body = PING[3:-4]
    block = bytes([0xb0, 0x22, (len(body) - 1) << 2]) + body
    left = 80 * len(body) - len(body)
    while left > 0:
        n = min(left, 64)
        block += bytes([(n - 1) << 2 | 2, len(body), 0])
        left -= n
    head = b"\xc1\2\0" + block
    whole = head + struct.pack(">I", crc32c(head))
    got, summary = decoded(cluster, whole)
    check(len(got["packet"]["messages"]) == 80 and got["packet"]["errors"] == [], got)
    check(got["opened"] == {"was": "compressed", "bytes": len(whole)} and summary["opened"] == 1, got)
    got, summary = decoded(cluster, whole[:30] + whole[34:], status=1)
    check(got["packet"]["errors"] and summary["wrong"] == 1, got)


if __name__ == "__main__":
    main()
