"""What is measured and against what: Warren and nginx as proxies, and the clusters that answer them."""

import http.client
import json
import os
import sys
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from bench import nginx
from bench.processes import BenchFailed, Program, free_port
from bench.traffic import CLIENT_INFO, HEADERS, LARGE_BYTES, PLEASE_KNOWN, POLL, QUERY_ID, SQL, STATEMENT, page

START_SECONDS: Final = 30.0
ASK_SECONDS: Final = 10.0
CLUSTER: Final = "fixed"

BY_DEFAULT: Final[Mapping[str, Any]] = {}
"""Then a gateway keeps its history in SQLite, and knows no Valkey."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A program that listens on a loopback port."""

    name: str
    port: int
    program: Program

    def start_until_answered(self, target: str) -> float:
        """Start it; the seconds until the first 200 for the target."""
        began = time.monotonic()
        self.program.start()
        self.wait_for(target)
        return time.monotonic() - began

    def wait_for(self, target: str) -> None:
        self.program.wait_until(
            lambda: _is_answered(self.port, target), seconds=START_SECONDS, what=f"{self.name} to answer"
        )


def fixed_answers(directory: Path, cores: Set[int], *, stream_bytes: int) -> Subject:
    """nginx as a cluster. Its files are holes: as long as asked for, without taking room on the disk."""
    large, stream = directory / "large", directory / "stream"
    for file, length in ((large, LARGE_BYTES), (stream, stream_bytes)):
        with file.open("wb") as empty:
            empty.truncate(length)
    port = free_port()
    return _nginx("answers", directory, port, cores, nginx.answers(directory, port, large=large, stream=stream))


def held_answers(directory: Path, cores: Set[int]) -> Subject:
    """A cluster that holds each poll for a second."""
    port = free_port()
    command = [sys.executable, "-m", "bench.held", str(port)]
    return Subject("held answers", port, Program(command, log=directory / "held.log", cores=cores))


def nginx_proxy(directory: Path, cores: Set[int], *, cluster: Subject) -> Subject:
    """The yardstick."""
    port = free_port()
    return _nginx("nginx", directory, port, cores, nginx.proxy(directory, port, cluster_port=cluster.port))


def warren(directory: Path, cores: Set[int], sections: Mapping[str, Any] = BY_DEFAULT) -> Subject:
    """A gateway without clusters; `register` gives it one, which stays across restarts. `sections` of its settings are added."""
    port = free_port()
    config = config_file(directory)
    config.write_text(yaml.safe_dump({**_settings(directory, port), **sections}))
    command = [sys.executable, "-m", "warren", "serve", str(config)]
    return Subject("Warren", port, Program(command, log=directory / "gateway.log", cores=cores))


def config_file(directory: Path) -> Path:
    """Of the gateway in that directory."""
    return directory / "config.yaml"


def register(gateway: Subject, cluster: Subject) -> None:
    """Add the cluster by REST and wait until the gateway has found it healthy."""
    row = {"name": CLUSTER, "proxyTo": f"http://127.0.0.1:{cluster.port}", "routingGroup": "adhoc", "active": True}
    status, body = ask(
        gateway.port, "/gateway/backend/modify/add", body=json.dumps(row), headers={"Content-Type": "application/json"}
    )
    if status != 200:
        raise BenchFailed(f"the gateway refused the cluster with {status}: {body[:500]!r}")
    gateway.program.wait_until(
        lambda: _is_healthy(gateway.port), seconds=START_SECONDS, what="the cluster to be healthy"
    )


def place_query(subject: Subject) -> None:
    """Submit the query that is then polled, and see that its pages arrive untouched. Raises BenchFailed."""
    headers = {**dict(HEADERS), CLIENT_INFO: PLEASE_KNOWN}
    expected = page(QUERY_ID).encode()
    for what, answered in (
        ("a statement", ask(subject.port, STATEMENT, body=SQL, headers=headers)),
        ("a poll", ask(subject.port, POLL, headers=dict(HEADERS))),
    ):
        if answered != (200, expected):
            raise BenchFailed(f"{subject.name} answered {what} with {answered[0]}: {answered[1][:500]!r}")


def ask(
    port: int, target: str, *, body: str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body; a POST when there is a body to send. Raises OSError or HTTPException without a whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ASK_SECONDS)
    try:
        connection.request("GET" if body is None else "POST", target, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _nginx(name: str, directory: Path, port: int, cores: Set[int], config: str) -> Subject:
    file = directory / "nginx.conf"
    file.write_text(config)
    command = ["nginx", "-e", str(directory / "error.log"), "-c", str(file), "-p", str(directory)]
    if os.geteuid() == 0:
        # A master that is root gives its worker to nobody, who may not read here.
        command += ["-g", "user root;"]
    return Subject(name, port, Program(command, log=directory / "output.log", cores=cores))


def _settings(directory: Path, port: int) -> dict[str, Any]:
    return {
        "serverConfig": {"http-server.http.port": port, "node.bind-ip": "127.0.0.1"},
        "stateDirectory": str(directory / "state"),
        "shutdownDelay": "0s",
        "drainTimeout": "1s",
    }


def _is_answered(port: int, target: str) -> bool:
    try:
        return ask(port, target, headers=dict(HEADERS))[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def _is_healthy(port: int) -> bool:
    status, body = ask(port, f"/api/public/backends/{CLUSTER}/state")
    return status == 200 and json.loads(body).get("trinoStatus") == "HEALTHY"
