"""Servers on a free port of this machine, for as long as a `with` lasts."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager


@contextmanager
def server(log, ready_at, *command):
    """Runs a command with ADDRESS in it replaced, and gives its URL once the path `ready_at` answers there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    with open(log, "w") as stream:
        process = subprocess.Popen([str(word).replace("ADDRESS", address) for word in command], stdout=stream,
                                   stderr=subprocess.STDOUT)
        try:
            until(lambda: answers(process, address + ready_at, log), lambda: f"{command[0]} does not listen; see {log}")
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait()


def answers(process, url, log):
    if process.poll() is not None:
        raise SystemExit(f"FAILED: ended with {process.returncode}; see {log}")
    try:
        urllib.request.urlopen(f"http://{url}").read()
        return True
    except urllib.error.URLError:
        return False


def until(condition, otherwise, seconds=180):
    """Waits for something that is to come; the bound is there for a failure to end."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"FAILED: {otherwise()}")
        time.sleep(0.1)


class Refused(Exception):
    """Prometheus does not take a query."""


def ask(base, path, **parameters):
    """The data of an answer of Prometheus's HTTP API."""
    url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
    try:
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        raise Refused(error.read().decode()) from error
