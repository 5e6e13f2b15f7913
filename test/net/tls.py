# SPDX-License-Identifier: MIT
"""TLS between agents with certificates of the program openssl: a kill is seen as without it, certificates are changed
while agents run, strangers are told why they are none, and old versions and ciphers are refused."""
import json
import os
import subprocess

from harness import LOCAL, LONG, check, main
from watch import killed, links_up

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(cluster, *arguments):
    """Runs it in the cluster's folder."""
    return subprocess.run(["openssl", *arguments], cwd=cluster.folder, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=LONG, check=False)


def authority(cluster, name):
    """NAME.crt and NAME.key, and another authority's name each time."""
    made = openssl(cluster, "req", "-x509", *KEY, "-days", "100", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                   "-out", f"{name}.crt")
    check(made.returncode == 0, made.stderr)


def certificate(cluster, name, by, days, alternative="IP:127.0.0.1"):
    made = openssl(cluster, "req", "-x509", "-CA", f"{by}.crt", "-CAkey", f"{by}.key", *KEY, "-days", str(days),
                   "-subj", f"/CN={name}", "-extensions", "usr_cert", "-addext", f"subjectAltName={alternative}",
                   "-keyout", f"{name}.key", "-out", f"{name}.crt")
    check(made.returncode == 0, made.stderr)


def options(cluster, name="member", trusted="trusted"):
    path = os.path.join(cluster.folder, "")
    return (*LOCAL, "--tls", "--tls-client-certs", "--tls-ca", f"{path}{trusted}.crt", "--tls-cert", f"{path}{name}.crt",
            "--tls-key", f"{path}{name}.key")


def trust(cluster, *names):
    """trusted.crt holds these authorities."""
    texts = []
    for name in names:
        with open(os.path.join(cluster.folder, f"{name}.crt"), encoding="ascii") as file:
            texts.append(file.read())
    with open(os.path.join(cluster.folder, "trusted.crt"), "w", encoding="ascii") as file:
        file.write("".join(texts))


def reload(cluster, agent):
    return cluster.run("reload", "--socket", agent.socket_path)


def reloaded(cluster, agents, said):
    """All of them, and what each says that it took."""
    told = [reload(cluster, agent).stdout.strip() for agent in agents]
    check(told == [said] * len(agents), f"they said {told}")


def days(agent):
    return agent.get("/v1/info")["certificate_days"]


def speaks_what_is_good(cluster, address):
    """By openssl: with a certificate of ours, member.crt; without one; and in ways that are too old."""
    client = ("s_client", "-connect", address, "-CAfile", "trusted.crt", "-verify_return_error", "-brief")
    own = ("-cert", "member.crt", "-key", "member.key")
    good = openssl(cluster, *client, *own, "-tls1_2")
    check(good.returncode == 0, f"{good.returncode}: {good.stderr}")
    for line in ("Protocol version: TLSv1.2", "Ciphersuite: ECDHE-ECDSA-AES256-GCM-SHA384", "Peer certificate: CN = member",
                 "Verification: OK"):
        check(line in good.stderr, f"no \"{line}\": {good.stderr}")
    for wrong, alert in ((("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "protocol version"),
                         (("-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"), "handshake failure"),
                         (("-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"), "handshake failure"),
                         (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"), "handshake failure")):
        refused = openssl(cluster, *client, *own, *wrong)
        check(refused.returncode != 0 and f"alert {alert}" in refused.stderr, f"{wrong}: {refused.stderr}")
    nobody = openssl(cluster, *client, "-tls1_2")
    check("alert handshake failure" in nobody.stderr, f"no certificate: {nobody.stderr}")


def agents_with_tls_see_a_kill_at_once_and_take_new_certificates(cluster):
    authority(cluster, "old")
    certificate(cluster, "member", "old", 30)
    trust(cluster, "old")
    agents = cluster.form(3, *options(cluster))
    links_up(cluster, agents)
    check("refused" in killed(cluster, agents, agents[1]), "nobody was refused")
    agents.pop(1)
    links_up(cluster, agents)

    # Another authority beside the former one, then certificates of it.
    before = [agent.counters()["watch_links_down"] for agent in agents]
    authority(cluster, "new")
    trust(cluster, "old", "new")
    reloaded(cluster, agents, "changed: tls_ca")
    certificate(cluster, "member", "new", 60)
    check([days(agent) in (29, 30) for agent in agents] == [True, True], f"{[days(agent) for agent in agents]} days")
    reloaded(cluster, agents, "changed: tls_cert, tls_key")
    reloaded(cluster, agents, "nothing has changed")
    check([days(agent) in (59, 60) for agent in agents] == [True, True], f"{[days(agent) for agent in agents]} days")
    agents.append(cluster.start("late", *options(cluster), join=[agents[0].address]))
    cluster.expect_all(agents, {agent.name: "alive" for agent in agents})
    after = [agent.counters()["watch_links_down"] for agent in agents[:2]]
    check(after == before, f"links went down: {before}, {after}")

    # A file that cannot be used changes nothing.
    os.unlink(os.path.join(cluster.folder, "member.key"))
    failed = reload(cluster, agents[0])
    check(failed.returncode != 0 and "member.key" in failed.stderr, f"it said {failed.stderr}")
    check(days(agents[0]) in (59, 60), "it has another certificate")


def certificates_stand_for_keys_only_where_both_sides_ask_for_those_of_one_authority(cluster):
    authority(cluster, "ours")
    certificate(cluster, "member", "ours", 30)
    trust(cluster, "ours")
    start = ("agent", "--name", "open", "--bind", "0.0.0.0:0", "--transport", "tcp", *options(cluster))
    insecure = cluster.run(*start, "--tls-insecure")
    check(insecure.returncode == 2 and "give it keys" in insecure.stderr, f"{insecure.returncode}: {insecure.stderr}")
    at = start.index("--tls-ca")
    anybody = cluster.run(*start[:at], *start[at + 2:])
    check(anybody.returncode == 2 and "needs tls_ca" in anybody.stderr, f"{anybody.returncode}: {anybody.stderr}")


def strangers_and_old_versions_are_kept_out_and_told_why(cluster):
    authority(cluster, "ours")
    authority(cluster, "theirs")
    certificate(cluster, "member", "ours", 30)
    certificate(cluster, "stranger", "theirs", 30)
    trust(cluster, "ours")
    # Without datagrams all is inside TLS: no keys are needed beyond this machine.
    agent = cluster.start("member", *options(cluster), "--transport", "tcp", bind="0.0.0.0:0")
    agent.address = "127.0.0.1:" + agent.address.rpartition(":")[2]
    path = os.path.join(cluster.folder, "other.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"transport": "tcp", "tls": True, "tls_client_certs": True,
                   **{f"tls_{key}": os.path.join(cluster.folder, name)
                      for key, name in (("ca", "ours.crt"), ("cert", "member.crt"), ("key", "member.key"))}}, file)
    other = cluster.start("other", *LOCAL, "--config", path, join=[agent.address])
    cluster.expect(lambda: other.states().get("member") == "alive", "they meet by TLS alone")
    stranger = cluster.start("stranger", *options(cluster, "stranger", "ours"), "--transport", "tcp",
                             join=[agent.address])
    cluster.expect(lambda: "is of no authority that is trusted here (tls_ca)" in agent.log(), "the member says why")
    cluster.expect(lambda: "it may want a certificate" in stranger.log(), "the stranger is told why")
    check("stranger" not in agent.states(), f"{agent.states()}")
    speaks_what_is_good(cluster, agent.address)


if __name__ == "__main__":
    main()
