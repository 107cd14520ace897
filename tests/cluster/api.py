"""A stand-in for the API server of a cluster whose nodes have nothing but names: keeps what is created, and answers
for the pods of jobs and daemon sets, which have logs from files.

    api.py DIRECTORY NODE...

writes the port that it listens on to DIRECTORY/port, and each object made to DIRECTORY/made, a line each; the log of
the pod on a node is DIRECTORY/NODE.log.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

directory, nodes = Path(sys.argv[1]), sys.argv[2:]
pods = {}
GROUPS = {"apps": {"daemonsets": "DaemonSet"}, "batch": {"jobs": "Job"}}
CORE = {"namespaces": "Namespace", "nodes": "Node", "pods": "Pod"}


def resources(version, kinds):
    verbs = ["create", "get", "list", "patch"]
    rows = [
        {"name": name, "singularName": "", "kind": kind, "verbs": verbs, "namespaced": kind not in ("Namespace", "Node")}
        for name, kind in kinds.items()
    ]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": rows}


def discovery():
    def group(name):
        version = {"groupVersion": f"{name}/v1", "version": "v1"}
        return {"name": name, "versions": [version], "preferredVersion": version}

    yield "/api", {"kind": "APIVersions", "versions": ["v1"]}
    yield "/apis", {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in GROUPS]}
    yield "/api/v1", resources("v1", CORE)
    for name, kinds in GROUPS.items():
        yield f"/apis/{name}/v1", resources(f"{name}/v1", kinds)
    yield "/version", {"major": "1", "minor": "23", "gitVersion": "v1.23.0"}


KNOWN = dict(discovery())


# The fields of a pod that are looked at, by their numbers in Kubernetes' api/core/v1/generated.proto: name and
# kind; a list where there may be several.
META = {1: ("name", str), 3: ("namespace", str)}
MOUNT = {1: ("name", str), 2: ("readOnly", bool), 3: ("mountPath", str)}
SECURITY = {2: ("privileged", bool)}
CONTAINER = {
    1: ("name", str), 2: ("image", str), 3: ("command", [str]), 4: ("args", [str]),
    9: ("volumeMounts", [MOUNT]), 15: ("securityContext", SECURITY),
}
VOLUME = {1: ("name", str), 2: ("source", {1: ("hostPath", {1: ("path", str)})})}
SPEC = {
    1: ("volumes", [VOLUME]), 2: ("containers", [CONTAINER]), 10: ("nodeName", str),
    11: ("hostNetwork", bool), 12: ("hostPID", bool), 13: ("hostIPC", bool),
}
POD = {1: ("metadata", META), 2: ("spec", SPEC)}


def fields(data):
    """The fields of a message of protocol buffers: numbers and values, an int or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        number = varint()
        if key & 7 == 0:
            yield key >> 3, number
        elif key & 7 == 2:
            yield key >> 3, data[at : at + number]
            at += number
        else:
            raise ValueError(f"wire type {key & 7}")


def read(data, known):
    if known in (str, bool):
        return data.decode() if known is str else bool(data)
    found = {}
    for number, value in fields(data):
        name, inner = known.get(number, (None, None))
        if isinstance(inner, list):
            found.setdefault(name, []).append(read(value, inner[0]))
        elif name:
            found[name] = read(value, inner)
    return found


def pod(body):
    """A pod as newer clients send it: behind four bytes its kind (1) and itself (2)."""
    assert body[:4] == b"k8s\0", body[:4]
    return {"kind": "Pod", "apiVersion": "v1", **read(dict(fields(body[4:]))[2], POD)}


def listed(kind, items):
    return {"kind": kind, "apiVersion": "v1", "metadata": {}, "items": items}


def node(name):
    return {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name}}


def named(name):
    metadata = {"name": name, "namespace": "ip6drop", **pods[name]["metadata"]}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": pods[name]["spec"]}


def selected(template, query):
    wanted = [value for key, value in parse_qsl(query) if key == "labelSelector"]
    labels = [f"{key}={value}" for key, value in template["metadata"]["labels"].items()]
    return all(part in labels for value in wanted for part in value.split(","))


class Api(BaseHTTPRequestHandler):
    def answer(self, status, body):
        is_log = isinstance(body, str)
        text = (body if is_log else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if is_log else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path in KNOWN:
            self.answer(200, KNOWN[path])
        elif path == "/api/v1/nodes":
            self.answer(200, listed("NodeList", [node(name) for name in nodes]))
        elif path.startswith("/api/v1/nodes/"):
            self.answer(200, node(path.rsplit("/", 1)[1]))
        elif path == "/api/v1/namespaces/ip6drop/pods":
            self.answer(200, listed("PodList", [named(name) for name in pods if selected(pods[name], query)]))
        elif path.endswith("/log"):
            self.answer(200, (directory / f"{pods[path.split('/')[-2]]['spec']['nodeName']}.log").read_text())
        elif path.startswith("/api/v1/namespaces/ip6drop/pods/"):
            self.answer(200, named(path.rsplit("/", 1)[1]))
        else:
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            self.answer(404, missing)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(body) if "json" in self.headers["Content-Type"] else pod(body)
        with open(directory / "made", "a", encoding="utf-8") as file:
            file.write(json.dumps(body) + "\n")
        if body["kind"] in ("Job", "DaemonSet"):
            template, name = body["spec"]["template"], body["metadata"]["name"]
            for on in [template["spec"]["nodeName"]] if body["kind"] == "Job" else nodes:
                spec = {**template["spec"], "nodeName": on}
                pods[f"{name}-on-{on}"] = {**template, "spec": spec}
        self.answer(201, body)

    def do_DELETE(self):
        pods.clear()
        self.answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
(directory / "port.new").write_text(str(server.server_address[1]))
(directory / "port.new").rename(directory / "port")
server.serve_forever()
