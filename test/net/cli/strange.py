# SPDX-License-Identifier: MIT
"""Commands that talk to something else than a well-behaved agent: a server of this test's own."""
import contextlib
import json
import os
import socket
import threading

from command import Beside, check, complaint, expect_in, main, shoal

MEMBER = {"id": "0" * 36, "name": "m\x1b[2J", "address": "a", "state": "alive", "self": True,
          "incarnation": "1", "state_age_ms": 5, "rtt_ms": None}
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: x\r\n\r\n"


class Server:
    """Answers each request, by its path, with the next of the byte strings given for it; the last one is repeated. None
    keeps the connection open without an answer."""

    def __init__(self, cluster, **answers):
        self.path = os.path.join(cluster.folder, "strange.sock")
        self.asked = []
        self._answers = {f"/v1/{path}": list(texts) for path, texts in answers.items()}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(self.path)
        self._socket.listen()
        self._kept = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._socket.accept()
                head = link.recv(65536)
                if not head:
                    link.close()
                    continue
                path = head.split(b" ", 2)[1].decode()
                self.asked.append(path)
                answers = self._answers[path]
                answer = answers[0] if len(answers) == 1 else answers.pop(0)
                if answer is None:
                    link.sendall(HEAD + b": open\n\n")
                    self._kept.append(link)
                    continue
                with contextlib.suppress(ConnectionError):
                    link.sendall(answer)
                link.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)
        for link in self._kept:
            link.close()


def a_monitor_that_lagged_says_so_and_follows_again(cluster):
    lagged = HEAD + b': open\n\nevent: lagged\ndata: {"n": 12}\n\n'
    with Server(cluster, events=[lagged, None]) as server, \
            Beside(cluster, "monitor", "--format", "json", "--socket", server.path) as monitor:
        cluster.expect(lambda: server.asked == ["/v1/events"] * 2, "it follows again")
        cluster.expect(lambda: monitor.lines, "an event")
        event = json.loads(monitor.lines[0])
        check(event["event"] == "overflow" and event["id"] is None, f"it is {event}")
        expect_in(["12 events were lost"], event["cause"]["detail"])
        check(monitor.end() == 0, "Ctrl-C is no failure")


def a_watch_that_lagged_follows_and_asks_again(cluster):
    lagged = HEAD + b': open\n\nevent: lagged\ndata: {"n": 1}\n\n'
    members = HEAD + json.dumps([MEMBER]).encode()
    with Server(cluster, events=[lagged, None], members=[members]) as server, \
            Beside(cluster, "members", "--watch", "--format", "csv", "--socket", server.path) as watch:
        cluster.expect(lambda: server.asked.count("/v1/events") == 2 and
                       server.asked[-1] == "/v1/members", "it follows and asks again")
        check(watch.end() == 0, "Ctrl-C is no failure")


def an_answer_that_is_no_document_is_a_clear_failure(cluster):
    for answer, words in (
            (b"", ["broke off"]), (b"nonsense\r\n\r\n", ["broke off"]),
            (HEAD + b"{", ["no JSON"]), (HEAD, ["no JSON"]),
            (b"HTTP/1.1 500 Sorry\r\n\r\n", ["500"]),
            (b'HTTP/1.1 400 Bad\r\n\r\n{"error": "say\\nmore"}', ["say; more"]),
            (b'HTTP/1.1 400 Bad\r\n\r\n{"error": 5}', ["400"]),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[", ["broke off"])):
        with Server(cluster, members=[answer]) as server:
            expect_in(words, complaint(shoal(cluster, "members", "--socket", server.path), 1))
        os.unlink(server.path)


def documents_of_another_shape_are_shown_as_far_as_they_go(cluster):
    for document in ([MEMBER, {}, 5, None, [], {"name": 5, "state_age_ms": "x", "rtt_ms": {}}], {}, 5):
        for form in ("table", "csv", "json"):
            with Server(cluster, members=[HEAD + json.dumps(document).encode()],
                        info=[HEAD + json.dumps(document).encode()]) as server:
                for command in ("members", "info"):
                    ended = shoal(cluster, command, "--format", form, "--socket", server.path)
                    check(ended.returncode in (0, 1) and "Sanitizer" not in ended.stderr,
                          f"{command} {form} {document}: {ended}")
                    check(form != "table" or "\x1b" not in ended.stdout, "it steers the terminal")
            os.unlink(server.path)


def an_event_that_is_no_document_is_a_clear_failure(cluster):
    with Server(cluster, events=[HEAD + b"event: join\ndata: nonsense\n\n"]) as server:
        expect_in(["no JSON", "nonsense"],
                  complaint(shoal(cluster, "monitor", "--socket", server.path), 1))
    os.unlink(server.path)
    refused = b'HTTP/1.1 503 Full\r\n\r\n{"error": "too many follow the events already"}'
    with Server(cluster, events=[refused]) as server:
        for command in (("monitor",), ("members", "--watch")):
            expect_in(["too many follow"], complaint(
                shoal(cluster, *command, "--socket", server.path), 1))


if __name__ == "__main__":
    main()
