# SPDX-License-Identifier: MIT
"""`shoal rtt`: the round trip between two members, as one of them measured it."""
import csv
import json
import signal

from command import FAST, ask, check, complaint, expect_in, main, shoal


def measured(cluster, agent, *members):
    """The answer, once there is one."""
    answer = {}

    def there():
        answer.update(json.loads(ask(cluster, agent, "rtt", *members, "--format", "json")))
        return answer["rtt_ms"] is not None

    cluster.expect(there, f"rtt of {members} is known")
    return answer


def a_round_trip_is_told_by_who_measured_it(cluster):
    first, second, third = cluster.form(3, *FAST)
    one = measured(cluster, first, "m03")
    check(one["from"] == {"id": first.id, "name": "m01"} and one["to"] == {"id": third.id, "name": "m03"}, f"it is {one}")
    two = measured(cluster, first, second.id[:12], "m03")
    check(two["from"] == {"id": second.id, "name": "m02"} and two["to"]["name"] == "m03", f"it is {two}")
    check(0 < two["rtt_ms"] < 60000, f"it is {two}")
    own = measured(cluster, first, "m01", "m03")
    check(own["from"]["name"] == "m01", f"it is {own}")
    expect_in(["m02 to m01: ", " ms\n"], ask(cluster, third, "rtt", "m02", "m01"))
    rows = list(csv.DictReader(ask(cluster, third, "rtt", "m02", "m01", "--format", "csv").splitlines()))
    check(len(rows) == 1 and rows[0]["from"] == "m02" and rows[0]["to"] == "m01" and float(rows[0]["rtt_ms"]) > 0,
          f"the rows are {rows}")


def who_cannot_be_asked_or_measured_is_said(cluster):
    first, second = cluster.form(2, *FAST)
    where = ("--socket", first.socket_path)
    expect_in(["no such member"], complaint(shoal(cluster, "rtt", "nobody", *where), 1))
    expect_in(["no such member"], complaint(shoal(cluster, "rtt", "nobody", "m02", *where), 1))
    expect_in(["itself"], complaint(shoal(cluster, "rtt", "m01", *where), 1))
    expect_in(["itself"], complaint(shoal(cluster, "rtt", "m02", "m02", *where), 1))
    expect_in(["duration"], complaint(shoal(cluster, "rtt", "m02", "--timeout", "soon", *where), 2))
    expect_in(["A [B]"], complaint(shoal(cluster, "rtt", *where), 2))
    second.signal(signal.SIGKILL)
    cluster.expect(lambda: first.states()["m02"] == "dead", "m02 is dead")
    expect_in(["dead"], complaint(shoal(cluster, "rtt", "m02", "m01", *where), 1))


if __name__ == "__main__":
    main()
