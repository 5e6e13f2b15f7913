# SPDX-License-Identifier: MIT
"""The control socket as HTTP: its answers, and what strangers may do to it."""
import contextlib
import http.client
import json
import os
import random
import re
import resource
import signal
import socket
import time

from command import (FAST, LONG, STEADY, check, complaint, cpu_seconds, expect_in, following,
                     main, pause, shoal)
from agents import exchange


def send(agent, data, end=True):
    """Writes bytes to the control socket and returns all that comes back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(LONG)
        link.connect(agent.socket_path)
        answer = b""
        with contextlib.suppress(ConnectionError):
            link.sendall(data)
        with contextlib.suppress(ConnectionError):
            if end:
                link.shutdown(socket.SHUT_WR)
            while block := link.recv(65536):
                answer += block
        return answer


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


def request(method, target, body=b"", headers=()):
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close",
             f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection(http.client.HTTPConnection):
    """HTTP as any program speaks it, over the agent's socket."""

    def __init__(self, agent):
        super().__init__("shoal", timeout=LONG)
        self._path = agent.socket_path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def any_http_client_is_served(cluster):
    agents = cluster.form(2, *STEADY)
    body = json.dumps({"addresses": [agents[1].address]})
    with contextlib.closing(Connection(agents[0])) as link:
        for method, target, sent, words in (
                ("GET", "/v1/members?state=alive", None, ["m01", "m02"]),
                ("GET", "/v1/info", None, [agents[0].id]),
                ("POST", "/v1/join", body, ['"reached":1']),
                ("POST", "/v1/join", iter([body[:9].encode(), body[9:].encode()]), ['"reached":1'])):
            link.request(method, target, body=sent)
            answer = link.getresponse()
            text = answer.read().decode()
            check(answer.status == 200, f"{method} {target} gave {answer.status}: {text}")
            check(answer.headers["Content-Type"] == "application/json", f"{answer.headers}")
            expect_in(words, text)


def a_connection_serves_several_requests(cluster):
    agent = cluster.start("m01", *STEADY)
    first = b"GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = send(agent, first * 3 + request("GET", "/v1/members"), end=False)
    check(answer.count(b"HTTP/1.1 200 OK") == 4, f"the answers are {answer[:2000]!r}")


def errors_are_json_with_a_fitting_status(cluster):
    agent = cluster.start("m01", *FAST)
    for method, target, body, status in (
            ("GET", "/", b"", 404), ("GET", "/v1/members/x", b"", 404),
            ("POST", "/v1/members", b"", 405), ("GET", "/v1/leave", b"", 405),
            ("GET", "/v1/members?state=gone", b"", 400), ("GET", "/v1/members?state=%zz", b"", 400),
            ("POST", "/v1/join", b"", 400), ("POST", "/v1/join", b"[1]", 400),
            ("POST", "/v1/join", b'{"addresses": []}', 400),
            ("POST", "/v1/join", b'{"addresses": [5]}', 400),
            ("POST", "/v1/join", b'{"addresses": ["127.0.0.1:1"], "timeout_ms": 0}', 400),
            ("POST", "/v1/join", b'{"addresses": ["1:99999"]}', 400),
            ("POST", "/v1/join", b'{"addresses": ["srv+example:1"]}', 400),
            ("PUT", "/v1/info", b"", 405), ("OPTIONS", "/v1/join", b"", 405),
            ("BREW", "/v1/info", b"", 405), ("BREW", "/tea", b"", 404), ("CONNECT", "x:1", b"", 404),
            ("POST", "/v1/join", b'{"addresses": ["127.0.0.1:1"], "timeout_ms": 500}', 502),
            ("POST", "/v1/join", json.dumps({"addresses": ["127.0.0.1:1"] * 65}).encode(), 400),
            ("POST", "/v1/leave", b'{"timeout_ms": "soon"}', 400),
            ("POST", "/v1/leave", b"leave!", 400),
            ("POST", "/v1/meta", b"[]", 400), ("POST", "/v1/meta", b'{"set": 1}', 400),
            ("POST", "/v1/meta", b'{"set": {"a": []}}', 400), ("POST", "/v1/meta", b'{"set": {"": 1}}', 400),
            ("POST", "/v1/meta", b'{"unset": [1]}', 400), ("GET", "/v1/meta", b"", 405),
            ("GET", "/v1/members?where=,", b"", 400), ("GET", "/v1/events?logs=all", b"", 400),
            ("GET", "/v1/events?messages=no", b"", 400), ("GET", "/v1/events?events=yes", b"", 400), ("GET", "/v1/members?frob=x", b"", 400),
            ("GET", "/v1/members?state=alive&frob=x", b"", 400), ("GET", "/v1/info?verbose=1", b"", 400),
            ("POST", "/v1/leave?now=1", b"", 400),
            ("POST", "/v1/send", b'{"member": "m01", "type": 200, "data": "a", "data_hex": "00"}', 400)):
        answer = send(agent, request(method, target, body))
        check(status_of(answer) == status, f"{method} {target} {body!r} gave {answer!r}")
        document = json.loads(answer.partition(b"\r\n\r\n")[2])
        check(set(document) == {"error", "code"} and document["error"], f"it is {document}")
    check(agent.get("/v1/info")["state"] == "running", "it does not run any more")


def what_is_wrong_is_named(cluster):
    agent = cluster.start("m01", *FAST)
    for target, body, words in (
            ("/v1/send", b'{"member": "m01",\n "type": }', ["line 2, column 10"]),
            ("/v1/meta", b'{"set": {"a": 1', ["no JSON", "column 15"]), ("/v1/rtt", b"[]", ["JSON object"]),
            ("/v1/forget", b'{"member": "a", "member": "b"}', ["no JSON", "member"]),
            ("/v1/forget", b'{"member": ""}', ["member: say a name"]),
            ("/v1/meta", b'{"set": {"w": {"type": "int64", "value": "12x"}}}', ["w: ", "'12x'", "whole number"]),
            ("/v1/meta", b'{"set": {"w": {"type": "int", "value": "1"}}}', ["w: ", "'int'", "int64"]),
            ("/v1/meta", b'{"set": {"w": [1]}}', ["w: ", "list"]),
            ("/v1/broadcast", b'{"type": 200, "data": "", "reliable": true, "forward": false}', ["forward"]),
            ("/v1/broadcast", b'{"type": 200, "data": "", "hops": 65}', ["hops", "1 to 64"]),
            ("/v1/broadcast", b'{"type": 200, "data": "", "ttl_ms": 4294967296}', ["ttl_ms", "4294967295"]),
            ("/v1/info?frob=1", None, ["/v1/info", "'frob'"]), ("/v1/members?frob=1", None, ["'frob'", "where"])):
        answer = send(agent, request("GET" if body is None else "POST", target, body or b""))
        check(status_of(answer) == 400, f"{target} {body!r} gave {answer!r}")
        expect_in(words, json.loads(answer.partition(b"\r\n\r\n")[2])["error"])
    answer = send(agent, request("GET", "/health?from=balancer"))
    check(status_of(answer) == 200, f"it is {answer!r}")


def head_is_get_without_the_body(cluster):
    agent = cluster.start("m01", *FAST)
    with contextlib.closing(Connection(agent)) as link:
        for target, status in (("/v1/info", 200), ("/v1/members", 200), ("/v1/members?state=gone", 400),
                               ("/v1/events", 405), ("/v1/join", 405), ("/", 404)):
            link.request("HEAD", target)  # on one connection: a body would be taken for the next answer
            answer = link.getresponse()
            check(answer.status == status and answer.read() == b"", f"HEAD {target}: {answer.status}")
            check(int(answer.headers["Content-Length"]) > 0, f"HEAD {target}: {answer.headers}")


def a_busy_agent_is_not_taken_for_dead(cluster):
    agent = cluster.start("m01", *FAST)
    pause(cluster, agent)  # so that the queue stays full once it is
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(BlockingIOError):
            while True:
                link = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                link.setblocking(False)
                link.connect(agent.socket_path)
        ended = shoal(cluster, "info", "--socket", agent.socket_path)
        agent.signal(signal.SIGCONT)
    expect_in([agent.socket_path, "is busy: try again"], complaint(ended, 1))

    def answers():
        with contextlib.suppress(BlockingIOError):  # until it has worked off the queue
            return agent.get("/v1/info")["state"] == "running"

    cluster.expect(answers, "it answers again")


def events_are_server_sent_events(cluster):
    agent = cluster.start("m01", *FAST)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(LONG)
        link.connect(agent.socket_path)
        link.sendall(b"GET /v1/events HTTP/1.0\r\n\r\n")
        text = b""
        while b"\r\n\r\n" not in text:
            text += link.recv(65536)
        other = cluster.start("m02", *FAST, join=[agent.address])
        while b"\n\n" not in text.partition(b"event: join\n")[2]:
            text += link.recv(65536)
    check(status_of(text) == 200 and b"Content-Type: text/event-stream" in text, f"it is {text!r}")
    data = text.partition(b"event: join\ndata: ")[2].partition(b"\n\n")[0]
    check(json.loads(data)["id"] == other.id, f"the data is {data!r}")
    cluster.expect(lambda: following(agent) == 0, "the subscriber is forgotten")


def open_files(agent):
    return len(os.listdir(f"/proc/{agent.process.pid}/fd"))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def a_tcp_address_serves_to_read_and_changes_nothing(cluster):
    families = [("127.0.0.1", socket.AF_INET), ("[::1]", socket.AF_INET6)]
    for host, family in families if has_ipv6() else families[:1]:
        agent = cluster.start(f"at-{family.name}", *FAST, "--http", f"{host}:0")
        port = int(re.search(rf"http: listens on {re.escape(host)}:(\d+)", agent.log())[1])

        def ask(method, path):
            connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=LONG)
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()

        status, body = ask("GET", "/v1/members")
        check(status == 200 and [m["name"] for m in json.loads(body)] == [agent.name], body)
        status, body = ask("GET", "/health")
        check(status == 200 and json.loads(body) == {"ok": True, "state": "running", "health": 0}, body)
        check(ask("GET", "/metrics")[0] == 200, "no metrics")
        for path in ("/v1/leave", "/v1/join"):
            status, body = ask("POST", path)
            check(status == 403 and b"control socket" in body, f"{path}: {status} {body}")
        status, body = ask("GET", "/v1/events?logs=info")
        check(status == 403 and b"control socket" in body, f"the log: {status} {body}")
        check(agent.running, "it left")
        with socket.socket(family) as taken:
            taken.bind((host.strip("[]"), 0))
            taken.listen()
            text = f"{host}:{taken.getsockname()[1]}"
            expect_in(["--http", text, "in use"], complaint(shoal(cluster, "agent", "--bind", "127.0.0.1:0",
                                                                  "--http", text), 1))


def a_wrong_address_for_http_is_refused(cluster):
    for text in ("localhost:80", "127.0.0.1", "8080", ":8080", "127.0.0.1:99999", ""):
        expect_in(["--http", text], complaint(shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--http", text), 2))


def garbage_does_no_harm(cluster):
    agents = cluster.form(2, *STEADY)
    chaos = random.Random(1)
    before = open_files(agents[0])
    half = b"POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"addr"
    pieces = [b"", b"\r\n", b"\0" * 100, b"GET", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n" * 100, half,
              b"GET /v1/info HTTP/1.1\r\nHost: " + b"x" * 100000 + b"\r\n\r\n",
              b"GET /" + b"y" * 100000 + b" HTTP/1.1\r\n\r\n",
              request("POST", "/v1/join", b"[" * 60000), request("POST", "/v1/join", b"z" * 1000000),
              b"POST /v1/join HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
              b"POST /v1/join HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
              b"POST /v1/join HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" +
              b"q" * 200000,
              b"GET /v1/info HTTP/1.1\r\nHost: x\r\n\r\n" * 200 + b"garbage",
              b"GET http://[::/v1/info HTTP/1.1\r\n\r\n", b"GET * HTTP/1.1\r\n\r\n"]
    for piece in pieces + [chaos.randbytes(chaos.randrange(4000)) for _ in range(200)]:
        send(agents[0], piece)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as hasty:
            hasty.connect(agents[0].socket_path)
            with contextlib.suppress(ConnectionError):
                hasty.sendall(piece[:50000])
    check(len(agents[0].members()) == 2, "it lost its members")
    cluster.expect_none("suspect")
    cluster.expect(lambda: agents[0].get("/v1/info")["state"] == "running" and
                   open_files(agents[0]) <= before + 64, "the descriptors are bounded")


def more_connections_than_places_wait(cluster):
    agent = cluster.start("m01", *FAST)
    before = open_files(agent)
    with contextlib.ExitStack() as stack:
        idle = []
        for _ in range(100):
            link = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            link.connect(agent.socket_path)
            idle.append(link)
        # All places are taken, one of them by the harness; whoever comes now waits for one.
        cluster.expect(lambda: open_files(agent) >= before + 63, "the places are taken")
        check(open_files(agent) <= before + 66, f"{open_files(agent)} descriptors")
        for link in idle[:50]:
            link.close()
        status, _ = exchange(agent.socket_path, "/v1/info", timeout=LONG)
        check(status == 200, f"the status is {status}")


def an_agent_out_of_descriptors_waits_and_goes_on(cluster):
    agent = cluster.start("m01", *FAST)
    resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            link = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            link.connect(agent.socket_path)
        cluster.expect(lambda: open_files(agent) >= 39, "its descriptors are used up")
        before, since = cpu_seconds(agent), time.monotonic()
        cluster.until(lambda: False, 1)
        used, passed = cpu_seconds(agent) - before, time.monotonic() - since
        check(used < passed / 2, f"it used {used:.2f} s of {passed:.2f} s, with nothing to do")
    cluster.expect(lambda: agent.get("/v1/info")["state"] == "running", "it answers again")


def a_subscriber_that_sends_for_ever_is_not_kept_in_memory(cluster):
    agent = cluster.start("m01", *FAST)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect(agent.socket_path)
        link.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        link.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            cluster.expect(lambda: following(agent) == 1, "it follows")
            while sent < 64 << 20:
                sent += link.send(b"x" * 65536)
                agent.get("/v1/info")  # the agent had its turn
        check(sent < 8 << 20, f"the agent took {sent} bytes that nobody asked for")
        cluster.start("m02", *FAST, join=[agent.address])
        link.setblocking(True)
        link.settimeout(LONG)
        text = b""
        while b"event: join" not in text:
            text += link.recv(65536)


def too_many_subscribers_are_refused(cluster):
    agent = cluster.start("m01", *FAST)
    with contextlib.ExitStack() as stack:
        for _ in range(32):
            link = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            link.connect(agent.socket_path)
            link.sendall(b"GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        cluster.expect(lambda: agent.get("/v1/info")["subscribers"] == 32, "all places are taken")
        answer = send(agent, request("GET", "/v1/events"))
        check(status_of(answer) == 503, f"the answer is {answer!r}")
    cluster.expect(lambda: following(agent) == 0, "the places are free again")


def many_may_wait_for_one_leave(cluster):
    # The other one cannot confirm the leave until all have asked.
    agent, other = cluster.form(2, *FAST, "--set", "leave_timeout_ms=600000", "--set",
                                "suspicion_mult=100")
    pause(cluster, other)
    with contextlib.ExitStack() as stack:
        links = [stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                 for _ in range(5)]
        for link in links:
            link.settimeout(LONG)
            link.connect(agent.socket_path)
        for link in links:
            link.sendall(request("POST", "/v1/leave"))
        cluster.expect(lambda: agent.get("/v1/info")["state"] == "leaving", "it leaves")
        other.signal(signal.SIGCONT)
        answers = []
        for link in links:
            answer = b""
            with contextlib.suppress(ConnectionError):
                while block := link.recv(65536):
                    answer += block
            answers.append(answer)
    check(agent.process.wait(LONG) == 0, "it did not end well")
    for answer in answers:
        check(status_of(answer) == 200 and b'"left":true' in answer, f"the answers are {answers}")


if __name__ == "__main__":
    main()
