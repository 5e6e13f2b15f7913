# SPDX-License-Identifier: MIT
"""What docs/web.md shows for nginx and Kubernetes: nginx takes the one, the other one holds together, and members run with
what stands there. Five members behind that nginx are in net/transports."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, folder) for folder in ("../net", "../net/transports")]
from blocks import blocks_of  # noqa: E402
from harness import Skip, check, main  # noqa: E402
from nginx import Nginx, page_block, placed  # noqa: E402
from session import Session  # noqa: E402
from certificate import certificate  # noqa: E402

PAGE = "docs/web.md"


def manifests():
    """{(kind, name): document}."""
    try:
        import yaml
    except ImportError:
        raise Skip("no python3-yaml here") from None
    (block,) = blocks_of(PAGE, "yaml")
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(block.text)}


def container(documents):
    (one,) = documents["StatefulSet", "shoal"]["spec"]["template"]["spec"]["containers"]
    return one


def environment(documents, pod):
    """The variables of a pod, as Kubernetes makes them."""
    made = {}
    for each in container(documents)["env"]:
        source = each.get("valueFrom", {})
        if "fieldRef" in source:
            check(source["fieldRef"]["fieldPath"] == "metadata.name", f"{each} is not read here")
            made[each["name"]] = pod
        elif "secretKeyRef" in source:
            made[each["name"]] = documents["Secret", source["secretKeyRef"]["name"]]["stringData"][source["secretKeyRef"]["key"]]
        else:
            made[each["name"]] = re.sub(r"\$\((\w+)\)", lambda name: made[name[1]], each["value"])
    return made


def commands_of_the_page_run(cluster):
    (block,) = blocks_of(PAGE, "sh")
    said = Session(cluster).run(block)
    check(re.search(r"^web-1 .*alive +http://127\.0\.0\.1:\d+/web-1 ", said, re.M), f"it said {said}")


def members_run_with_the_variables_of_the_manifests(cluster):
    """Only places are others: pods have an address each, and dial each other by the ingress."""
    documents = manifests()
    own = f"127.{1 + (os.getpid() >> 16)}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
    pods = ["shoal-0", "shoal-1"]
    key = cluster.run("keygen").stdout.strip()
    for number, pod in enumerate(pods):
        said = {**environment(documents, pod), "SHOAL_KEY": key, "SHOAL_HTTP": own + ":0"}
        bind = said.pop("SHOAL_BIND").replace("0.0.0.0:8001", f"{own}:{8000 + number}")
        for each in ("SHOAL_ADVERTISE", "SHOAL_JOIN"):
            said[each] = re.sub(r"https://[^/]+/shoal-(\d)", rf"http://{own}:800\1/shoal-\1", said[each])
        said.pop("SHOAL_SOCKET")  # it would be that of both
        cluster.start(pod, bind=bind, around=("env", *(f"{name}={value}" for name, value in said.items())))
    cluster.expect_all(cluster.every, dict.fromkeys(pods, "alive"))
    for pod, agent in zip(pods, cluster.every):
        check(agent.get("/v1/info")["encrypted"], f"{pod} does not seal")
        check(agent.address.endswith("/" + pod), f"{pod} is at {agent.address}")


def the_block_of_nginx_is_taken_by_nginx(cluster):
    if Nginx.missing():
        raise Skip(f"not here: {Nginx.missing()}")
    crt, key = certificate(cluster.folder, "gossip", "127.0.0.1")
    Nginx(cluster.folder, placed(page_block(), "127.0.0.1:8443", crt, key, {"a": "127.0.0.1:1", "b": "127.0.0.1:2"})).check()


def each_pod_of_the_manifests_has_a_url_that_leads_to_it_alone(cluster):
    del cluster
    documents = manifests()
    one, spec = container(documents), documents["StatefulSet", "shoal"]["spec"]
    ports = {port["name"]: port["containerPort"] for port in one["ports"]}
    (rule,) = documents["Ingress", "shoal"]["spec"]["rules"]
    paths = {each["path"]: each["backend"]["service"] for each in rule["http"]["paths"]}
    pods = [f"{spec['serviceName']}-{i}" for i in range(spec["replicas"])]
    for pod in pods:
        said = environment(documents, pod)
        scheme, host, port, path = re.fullmatch(r"(http)://([^:/]+):(\d+)(/.+)", said["SHOAL_BIND"]).groups()
        check((scheme, host, int(port)) == ("http", "0.0.0.0", ports["http"]), f"{pod} binds {said['SHOAL_BIND']}")
        check(said["SHOAL_ADVERTISE"] == f"https://{rule['host']}{path}", f"{pod} advertises {said['SHOAL_ADVERTISE']}")
        check(said["SHOAL_ADVERTISE"] in said["SHOAL_JOIN"].split(","), f"{pod} is no seed")
        backend = paths.pop(path)
        service = documents["Service", backend["name"]]["spec"]
        check(service["selector"] == {"statefulset.kubernetes.io/pod-name": pod}, f"{path} leads to {service['selector']}")
        check({p["name"]: p["port"] for p in service["ports"]}[backend["port"]["name"]] == ports["http"], f"{path}: {backend}")
        check(service["publishNotReadyAddresses"], f"{pod} is not reached before it is ready")
    check(not paths, f"nobody is at {paths}")
    labels = spec["template"]["metadata"]["labels"]
    check(spec["selector"]["matchLabels"] == labels == documents["Service", spec["serviceName"]]["spec"]["selector"],
          "the selectors differ")
    hosts = [host for each in documents["Ingress", "shoal"]["spec"]["tls"] for host in each["hosts"]]
    check(hosts == [rule["host"]], f"TLS is for {hosts}")
    for probe in ("startupProbe", "readinessProbe"):
        check(ports[one[probe]["httpGet"]["port"]] == int(environment(documents, "x")["SHOAL_HTTP"].rpartition(":")[2]),
              f"{probe} asks at another port")


if __name__ == "__main__":
    main()
