# SPDX-License-Identifier: MIT
"""Agents at URLs, and programs that are not ours: curl, openssl, nginx, and clients that only want to be in the way."""
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../net"))
from harness import LOCAL, LONG, Failure, Skip, check, expect_round, main  # noqa: E402
from tls import authority, certificate, openssl, speaks_what_is_good, trust  # noqa: E402

TOKEN = "a-word-that-all-of-them-have"
TYPE = "Content-Type: application/vnd.shoal"
# Probes are many, and nobody is failed for what is done to the others.
PATIENT = (*LOCAL, "--set", "suspicion_mult=100", "--set", "probe_interval_ms=100", "--set", "probe_timeout_ms=50",
           "--set", "leave_timeout_ms=300")


def token_in(folder):
    path = os.path.join(folder, "token")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(TOKEN + "\n")
    return ("--token-file", path)


def ask(url, *options, body=b"x", own=True, sender="http://127.0.0.1:9/curl"):
    """One request by curl: status, what was answered, the head in lower case, and connections that it made."""
    command = ["curl", "-sS", "--max-time", "30", "-X", "POST", "--data-binary", "@-", "-D", "/dev/stderr", "-o", "-",
               "-w", "\n%{http_code} %{num_connects}", "-H", f"Shoal-From: {sender}", "-H", TYPE]
    if own:
        command += ["-H", f"Authorization: Bearer {TOKEN}"]
    done = subprocess.run([*command, *options, url], input=body, capture_output=True, check=False)
    check(done.returncode == 0, f"curl {url} {options}: {done.stderr}")
    content, _, end = done.stdout.rpartition(b"\n")
    status, made = end.split()
    return int(status), content, done.stderr.decode().lower(), int(made)


def curl_is_answered_as_http_has_it(cluster):
    if not shutil.which("curl"):
        raise Skip("curl is not here")
    member = cluster.start("m01", *PATIENT, "--set", "stream_max=1000000", *token_in(cluster.folder), bind="http://127.0.0.1:0/g")
    url = member.address
    cases = (
        (204, "", url + "/datagrams", (), {"body": b"\0\1x"}),
        (400, "", url + "/datagrams", (), {"body": b"\0\2x"}),
        (401, "www-authenticate: bearer", url + "/message", (), {"own": False}),
        (401, "", url + "/message", ("-H", "Authorization: Bearer another"), {"own": False}),
        (404, "", url + "/other", (), {}),
        (405, "allow: post", url + "/message", ("-X", "PUT"), {}),
        (413, "connection: close", url + "/message", (), {"body": bytes(1_000_001)}),
        (415, "accept: application/vnd.shoal", url + "/message", ("-H", "Content-Type: text/plain"), {}),
        (415, "", url + "/message", ("-H", "Content-Encoding: gzip"), {}),
        (400, "", url + "/message", (), {"sender": "nobody"}),
        (431, "", url + "/message", ("-H", "X: " + "y" * 9000), {}),
    )
    for wanted, head, where, options, how in cases:
        status, _, said, _ = ask(where, *options, **how)
        check(status == wanted and head in said, f"{where} {options}: {status} and not {wanted}: {said}")
    # What asks to go on is told so, at once; what says no length is asked for it; several by one connection.
    body = b"\0\x40" + bytes(64)
    status, _, said, _ = ask(url + "/datagrams", "-H", "Expect: 100-continue", "--expect100-timeout", "25", body=body * 100)
    check(status == 204 and "100 continue" in said, f"{status}: {said}")
    status, _, _, _ = ask(url + "/datagrams", "-H", "Transfer-Encoding: chunked", body=body * 100)
    check(status == 411, f"in chunks: {status}")
    status, _, said, made = ask(url + "/datagrams", "-o", "/dev/null", url + "/datagrams", body=body)
    check(status == 204 and made == 0 and said.count(" 204 ") == 2, f"{status}, {made} more connections: {said}")
    # Whoever is refused again and again has to wait; who knows the token does not.
    more = [word for _ in range(40) for word in ("-o", "/dev/null", url + "/message")]
    status, _, said, _ = ask(url + "/message", *more, own=False)
    check(status == 429 and "retry-after: " in said, f"never told to wait: {status} {said}")
    status, _, _, _ = ask(url + "/datagrams", body=body)
    check(status == 204, f"who is allowed was not let in: {status}")


def resident(agent):
    with open(f"/proc/{agent.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def a_thousand_connections_that_trickle_or_are_silent_keep_nobody_out(cluster):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        raise Skip(f"only {hard} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    first = cluster.start("m01", *PATIENT, *token_in(cluster.folder), bind="http://127.0.0.1:0/g")
    second = cluster.start("m02", *PATIENT, *token_in(cluster.folder), bind="http://127.0.0.1:0/g", join=[first.address])
    cluster.expect_all([first, second], {"m01": "alive", "m02": "alive"})
    before = resident(first)
    host, _, port = first.address.removeprefix("http://").removesuffix("/g").rpartition(":")
    head = f"POST /g/message HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {TOKEN}\r\n" \
        f"Shoal-From: http://127.0.0.1:9/c\r\n{TYPE}\r\nContent-Length: 100000\r\n\r\n".encode()
    clients = []
    for number in range(1000):
        # From four addresses of this machine: a quarter of all places is one's.
        client = socket.socket()
        client.bind((f"127.0.0.{2 + number % 4}", 0))
        client.connect((host, int(port)))
        if number % 3:
            client.sendall(head[:20] if number % 3 == 1 else head + bytes(50000))
        clients.append(client)
    goal = first.counters()["probes"] + 3
    heard = second.counters()["probes"] + 3
    cluster.expect(lambda: first.counters()["probes"] >= goal and second.counters()["probes"] >= heard,
                   "both go on to probe each other")
    expect_round(cluster, [first, second])
    cluster.expect_none("failed")
    files = len(os.listdir(f"/proc/{first.process.pid}/fd"))
    check(files < 400, f"{files} descriptors are open")
    more = resident(first) - before
    check(more < 65536, f"it took {more} KiB more")
    # Half open: nothing of this end says so.
    for client in clients[::2]:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    for client in clients:
        client.close()
    expect_round(cluster, [first, second])


class Nginx:
    """One in front of members, with TLS and a path for each; it runs as who runs the test. `other` is the path of a
    certificate and a key, without .crt and .key, of another server at the same port, which who names neither gets. The
    names that were asked for are in names.log."""

    def __init__(self, folder, members, size="4m", other=None):
        self.folder = folder
        self.process = None
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        listener.close()
        self.certificate = os.path.join(folder, "front.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=front", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                        "-keyout", os.path.join(folder, "front.key"), "-out", self.certificate],
                       check=True, capture_output=True)
        places = "".join(f"location /{name}/ {{ proxy_pass http://{at}; proxy_http_version 1.1; "
                         f"proxy_set_header Connection \"\"; proxy_read_timeout 20s; }}\n" for name, at in members.items())
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        first = f"server {{ listen 127.0.0.1:{self.port} ssl; server_name other; ssl_certificate {other}.crt;\n" \
            f"ssl_certificate_key {other}.key; return 421; }}\n" if other else ""
        self.config = os.path.join(folder, "nginx.conf")
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
                       f"events {{ worker_connections 256; }}\n"
                       f"http {{ log_format name $ssl_server_name; access_log {folder}/names.log name;\n"
                       f"client_max_body_size {size};\n{temporary}{first}"
                       f"server {{ listen 127.0.0.1:{self.port} ssl; server_name localhost;\n"
                       f"ssl_certificate {self.certificate}; ssl_certificate_key {folder}/front.key;\n{places}}}\n}}\n")

    def url(self, name, host="127.0.0.1"):
        return f"https://{host}:{self.port}/{name}"

    def start(self, cluster):
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "nginx", "-e", f"{self.folder}/nginx.log", "-p",
                                         self.folder, "-c", self.config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            if self.process.poll() is not None:
                with open(f"{self.folder}/nginx.log", encoding="utf-8") as log:
                    raise Failure("nginx ended: " + log.read())
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        cluster.expect(answers, "nginx listens")

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def bearing(cluster, name, trusted="trusted"):
    """Options of an agent with NAME.crt."""
    path = os.path.join(cluster.folder, "")
    return ("--tls-ca", f"{path}{trusted}.crt", "--tls-cert", f"{path}{name}.crt", "--tls-key", f"{path}{name}.key")


def openssl_is_answered_by_an_agent_at_https(cluster):
    if not shutil.which("openssl"):
        raise Skip("openssl is not here")
    authority(cluster, "ours")
    certificate(cluster, "member", "ours", 30)
    trust(cluster, "ours")
    member = cluster.start("m01", *PATIENT, *token_in(cluster.folder), *bearing(cluster, "member"), "--tls-client-certs",
                           bind="https://127.0.0.1:0/g")
    address = member.address.removeprefix("https://").removesuffix("/g")
    speaks_what_is_good(cluster, address)
    for path, word, status in (("g/datagrams", TOKEN, "204 No Content"), ("g/datagrams", "another", "401 Unauthorized"),
                               ("other", TOKEN, "404 Not Found")):
        request = f"POST /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {word}\r\n{TYPE}\r\n" \
            f"Shoal-From: http://127.0.0.1:9/o\r\nContent-Length: 3\r\nConnection: close\r\n\r\n\0\1x"
        asked = subprocess.run(["openssl", "s_client", "-connect", address, "-CAfile", "ours.crt", "-verify_return_error",
                                "-cert", "member.crt", "-key", "member.key", "-quiet"], cwd=cluster.folder, timeout=LONG,
                               input=request, capture_output=True, text=True, check=False)
        check(asked.stdout.startswith(f"HTTP/1.1 {status}\n"), f"/{path}: {asked.stdout} {asked.stderr}")


def who_joins_says_what_is_wrong_with_a_certificate(cluster):
    """One that ended yesterday, one for another host, one that no authority signed; and who shows none is told so."""
    if not shutil.which("openssl"):
        raise Skip("openssl is not here")
    authority(cluster, "ours")
    authority(cluster, "alone")
    trust(cluster, "ours")
    certificate(cluster, "member", "ours", 30)
    certificate(cluster, "elsewhere", "ours", 30, "IP:127.0.0.9")
    request = openssl(cluster, "req", "-new", "-key", "member.key", "-subj", "/CN=ended", "-out", "ended.csr")
    with open(os.path.join(cluster.folder, "names"), "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    ended = openssl(cluster, "x509", "-req", "-in", "ended.csr", "-CA", "ours.crt", "-CAkey", "ours.key", "-days", "-1",
                    "-extfile", "names", "-out", "ended.crt")
    check(request.returncode == 0 and ended.returncode == 0, request.stderr + ended.stderr)
    shutil.copy(os.path.join(cluster.folder, "member.key"), os.path.join(cluster.folder, "ended.key"))
    late = cluster.spawn("late", *PATIENT, "--tls-ca", os.path.join(cluster.folder, "trusted.crt"), bind="http://127.0.0.1:0/g")
    cases = (("ended", (), "its certificate expired"), ("elsewhere", (), "its certificate is not for 127.0.0.1"),
             ("alone", (), "its certificate is of no authority that is trusted here (tls_ca), or signed by itself"),
             ("member", ("--tls-client-certs",), "it refused the connection: it may want a certificate (tls_cert)"))
    seeds = [cluster.spawn(name, *PATIENT, *bearing(cluster, name), *more, bind="https://127.0.0.1:0/g")
             for name, more, _ in cases]
    cluster.until_ready([late, *seeds])
    for seed, (name, _, words) in zip(seeds, cases):
        joined = cluster.run("join", "--socket", late.socket_path, seed.address)
        check(joined.returncode != 0 and words in joined.stderr, f"{name}: {joined.returncode}: {joined.stderr}")
    check(late.states() == {"late": "alive"}, f"{late.states()}")
    cluster.expect(lambda: "it gave no certificate" in seeds[3].log(), "the seed says why, too")


def nginx_is_told_the_name_that_is_dialled(cluster):
    """Of two servers at one port: who names none, or another one, gets the first, whose certificate is another."""
    for program in ("nginx", "openssl"):
        if not shutil.which(program):
            raise Skip(f"{program} is not here")
    authority(cluster, "other")
    port = free_port()
    nginx = Nginx(cluster.folder, {"m01": f"127.0.0.1:{port}"}, other=os.path.join(cluster.folder, "other"))
    nginx.start(cluster)
    try:
        options = (*PATIENT, *token_in(cluster.folder), "--tls-ca", nginx.certificate)
        url = nginx.url("m01", "localhost")
        first = cluster.start("m01", *options, "--advertise", url, bind=f"http://127.0.0.1:{port}/m01")
        second = cluster.start("m02", *options, bind="http://127.0.0.1:0/g", join=[url])
        cluster.expect_all([first, second], {"m01": "alive", "m02": "alive"})
        with open(os.path.join(cluster.folder, "names.log"), encoding="ascii") as file:
            check(set(file.read().split()) == {"localhost"}, "nginx was asked for another name")
    finally:
        nginx.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def five_members_behind_nginx_with_tls_outlive_its_restart(cluster):
    """Also: what nginx says instead of a member is told in the log, with what to do."""
    for program in ("nginx", "openssl", "curl"):
        if not shutil.which(program):
            raise Skip(f"{program} is not here")
    names = [f"m{n:02}" for n in range(1, 6)]
    ports = {name: free_port() for name in names}
    nginx = Nginx(cluster.folder, {name: f"127.0.0.1:{port}" for name, port in {**ports, "gone": 9}.items()}, "20k")
    own = token_in(cluster.folder)
    nginx.start(cluster)
    try:
        for name in names:
            cluster.spawn(name, *PATIENT, *own, "--advertise", nginx.url(name), "--tls-ca", nginx.certificate,
                          bind=f"http://127.0.0.1:{ports[name]}/{name}", join=[nginx.url("m01")] if name != "m01" else ())
        agents = cluster.every
        cluster.until_ready(agents)
        cluster.expect_all(agents, dict.fromkeys(names, "alive"))
        # It is not there for a while; and nobody of whom it tells.
        nginx.stop()
        made = {a: a.counters()["connections_out"] for a in agents}
        # Of each URL one reason a minute is told, whichever was the first.
        cluster.expect(lambda: all(f"http: {nginx.url('')}" in a.log() for a in agents), "all say that it is not reached")
        nginx.start(cluster)
        cluster.expect(lambda: all(a.counters()["connections_out"] > n for a, n in made.items()), "all reach it again")
        cluster.expect_none("failed")
        cluster.expect_all(agents, dict.fromkeys(names, "alive"))
        status, _, _, _ = ask(nginx.url("gone") + "/message", "--cacert", nginx.certificate)
        check(status == 502, f"nginx says {status} where there is nobody")
        lost = cluster.spawn("m09", *PATIENT, *own, "--tls-ca", nginx.certificate, bind="http://127.0.0.1:0",
                             join=[nginx.url("gone")])
        cluster.expect(lambda: "status 502: what stands before the member does not reach it" in lost.log(),
                       "who joins through nobody says what stands in the way")
        lost.signal(signal.SIGKILL)
        lost.process.wait()
    finally:
        nginx.stop()


if __name__ == "__main__":
    main()
