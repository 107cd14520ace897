"""Holds what kustomize makes of the overlays against what docs/cluster.md says of them.

    check.py manifests DIRECTORY SCENARIO    DIRECTORY/OVERLAY.yaml against the containers that the machine makes
    check.py debug MADE                      the last pod that kubectl debug made
    check.py image ARCHIVE VERSION PROGRAM   an OCI archive
"""

import hashlib
import io
import json
import re
import sys
import tarfile
from pathlib import Path

import yaml

TRACING = {
    "/sys/kernel/tracing": "/sys/kernel/tracing",
    "/sys/kernel/debug": "/sys/kernel/debug",
    "/run/ip6drop": "/run/ip6drop",
}


def hold(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}")


def mounts(spec):
    """Mount points of the container, by what of the node is there; an empty directory is None."""
    volumes = {volume["name"]: volume.get("hostPath", {}).get("path") for volume in spec["volumes"]}
    mounted = {mount["mountPath"]: volumes.pop(mount["name"]) for mount in spec["containers"][0]["volumeMounts"]}
    hold(not volumes, "every volume is mounted")
    return mounted


def overlay(name, path, granted):
    documents = list(yaml.safe_load_all(path.read_text()))
    hold([d["kind"] for d in documents] == ["Namespace", {"once": "Job"}.get(name, "DaemonSet")], f"{name}: what it makes")
    namespace, workload = documents
    hold(
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
        and workload["metadata"]["namespace"] == namespace["metadata"]["name"],
        f"{name}: in a namespace that takes it",
    )
    template = workload["spec"]["template"]
    spec = template["spec"]
    (container,) = spec["containers"]
    security = container["securityContext"]
    is_traced = name != "textfile"
    hold(spec["hostPID"] is True, f"{name}: hostPID")
    hold(spec.get("hostNetwork", False) is is_traced, f"{name}: hostNetwork {is_traced}")
    hold(spec["automountServiceAccountToken"] is False, f"{name}: no token")
    hold(spec["tolerations"] == [{"operator": "Exists"}], f"{name}: on every node")
    hold(security["capabilities"]["drop"] == ["ALL"], f"{name}: all capabilities dropped")
    wanted = granted if is_traced else {"SYS_ADMIN", "SYS_PTRACE"}
    hold(set(security["capabilities"]["add"]) == wanted, f"{name}: {len(wanted)} capabilities added")
    hold(
        security["privileged"] is False and security["readOnlyRootFilesystem"] is True and security["runAsUser"] == 0,
        f"{name}: not privileged, a read-only root, user 0",
    )
    hold({"cpu", "memory"} <= container["resources"]["limits"].keys(), f"{name}: limits")
    extra = {
        "once": {"/tmp": None},
        "daemonset": {"/var/lib/ip6drop": "/var/lib/ip6drop"},
        "textfile": {"/textfile": "/var/lib/node_exporter/textfile_collector"},
    }[name]
    hold(mounts(spec) == {**(TRACING if is_traced else {}), **extra}, f"{name}: mounts")
    unconfined = f"container.apparmor.security.beta.kubernetes.io/{container['name']}"
    hold(template["metadata"]["annotations"][unconfined] == "unconfined", f"{name}: AppArmor, of that container")
    hold(container["image"].startswith("registry.example.org/ip6drop:"), f"{name}: the image")
    hold("command" not in container, f"{name}: the image's own program")
    if name != "once":
        labels = template["metadata"]["labels"].items()
        hold(workload["spec"]["selector"]["matchLabels"].items() <= labels, f"{name}: selects its pods")


def manifests(directory, scenario):
    text = Path(scenario).read_text()
    granted = {word.upper() for word in re.search(r'^GRANTED="(.*)"$', text, re.M)[1].split()}
    volumes = set(re.search(r'export VOLUMES="(.*)"$', text, re.M)[1].split())
    hold(volumes == {*TRACING, "/tmp"}, "the machine's containers have the mounts of the manifests")
    for name in ("once", "daemonset", "textfile"):
        overlay(name, Path(directory) / f"{name}.yaml", granted)


def debug(made):
    pod = json.loads(Path(made).read_text().splitlines()[-1])
    spec = pod["spec"]
    (container,) = spec["containers"]
    hold(spec["nodeName"] == "node7" and spec["hostNetwork"] and spec["hostPID"], "kubectl debug: of the node")
    hold(container["securityContext"]["privileged"] is True, "kubectl debug: privileged")
    hold([mount["mountPath"] for mount in container["volumeMounts"]] == ["/host"], "kubectl debug: the node at /host")
    hold(container["command"][:2] == ["/ip6drop", "diagnose"] and not container.get("args"), "kubectl debug: the command")


def image(archive, version, program):
    with tarfile.open(archive) as tar:

        def blob(entry):
            return tar.extractfile("blobs/" + entry["digest"].replace(":", "/")).read()

        index = json.load(tar.extractfile("index.json"))
        manifest = json.loads(blob(index["manifests"][0]))
        config = json.loads(blob(manifest["config"]))["config"]
        (layer,) = manifest["layers"]
        with tarfile.open(fileobj=io.BytesIO(blob(layer))) as files:
            (file,) = (member for member in files if not member.isdir())
            content = files.extractfile(file).read()
    hold(file.name == "ip6drop" and file.mode & 0o777 == 0o755, "the image: one file, which can be run")
    wanted = hashlib.sha256(Path(program).read_bytes()).digest()
    hold(hashlib.sha256(content).digest() == wanted, "the image: the program, byte for byte")
    hold(config["Entrypoint"] == ["/ip6drop"] and config["User"] == "0:0", "the image: entry point and user")
    labels = config["Labels"]
    hold(labels["org.opencontainers.image.version"] == version, f"the image: labelled {version}")


{"manifests": manifests, "debug": debug, "image": image}[sys.argv[1]](*sys.argv[2:])
