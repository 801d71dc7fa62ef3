"""Two simulated clusters and a gateway in front of them: a first query, where it went and why, and what to try next."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console
from rich.table import Table

CLUSTERS: Final = ("blue", "green")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
QUERY: Final = "SELECT name, regionkey FROM tpch.tiny.nation ORDER BY name LIMIT 5"


class DemoFailed(Exception):
    """The demo cannot go on. Says why, and what to do."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM came while something was waited for."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the demo and the file with what it says."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def run_demo(*, port: int, once: bool) -> int:
    """Run the demo until Ctrl-C or SIGTERM; the exit code."""
    console = Console(highlight=False)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with tempfile.TemporaryDirectory(prefix="warren-demo-") as directory, contextlib.suppress(Stopped):
            _show(console, Path(directory), port, stop, once=once)
    except DemoFailed as error:
        console.print(f"[red]The demo stopped:[/red] {error}")
        return 1
    console.print("Stopped; nothing is left behind.")
    return 0


def _show(console: Console, directory: Path, port: int, stop: threading.Event, *, once: bool) -> None:
    with contextlib.ExitStack() as stack:
        ports = {name: free_port() for name in CLUSTERS}
        port = wanted_port(port, console)
        console.print("Starting two simulated Trino clusters and a gateway (a few seconds) …")
        children = [
            stack.enter_context(running(name, directory, "simulate", "--port", str(at))) for name, at in ports.items()
        ]
        config = write_config(directory, port)
        gateway = stack.enter_context(running("gateway", directory, "serve", str(config)))
        url = f"http://127.0.0.1:{port}"
        children.append(gateway)
        for at in ports.values():
            wait_until_answered(f"http://127.0.0.1:{at}/v1/info", children, stop)
        wait_until_answered(f"{url}/trino-gateway/readyz", children, stop)
        for name, at in ports.items():
            send(
                f"{url}/gateway/backend/modify/add",
                {"name": name, "proxyTo": f"http://127.0.0.1:{at}", "routingGroup": "adhoc"},
            )
        wait_until_healthy(url, children, stop)
        show_query(console, url, gateway.log)
        show_next(console, url, ports)
        while not (once or stop.wait(0.5)):
            complain_if_ended(children)
        console.print("Stopping …")


def show_query(console: Console, url: str, log: Path) -> None:
    """Run the first query through the gateway; print its rows, and what the gateway's log says about it."""
    columns, rows, query_id = run_query(url, QUERY)
    console.print(QUERY, style="bold", soft_wrap=True)
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(value) for value in row))
    console.print(table)
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event.get("event") == "statement" and event.get("query_id") == query_id:
            console.print(f"Query [bold]{query_id}[/bold] ran on cluster [bold]{event['cluster']}[/bold],")
            console.print(f"  because: {event['because']}.\n", soft_wrap=True)


def show_next(console: Console, url: str, ports: dict[str, int]) -> None:
    some_port = next(iter(ports.values()))
    connect = f"trino.dbapi.connect(host='127.0.0.1', port={url.rpartition(':')[2]}, user='me')"
    lines = (
        "Try, in another terminal:",
        f"  curl -s {url}/api/public/backends                          # which clusters there are",
        f"  curl -s {url}/v1/statement -H 'X-Trino-User: me' -d 'SELECT 1'",
        f"  trino --server {url} --user me                             # the Trino CLI, when you have it",
        f"  python -c \"import trino; print({connect}.cursor().execute('SELECT 1').fetchall())\"",
        f"  curl -s {url}/gateway/backend/modify/add -H 'Content-Type: application/json' \\",
        f"""       -d '{{"name": "again", "proxyTo": "http://127.0.0.1:{some_port}", "routingGroup": "etl"}}'""",
        f"  curl -s -X POST {url}/gateway/backend/deactivate/blue      # new statements go to green",
        f"In a browser: {url}/trino-gateway",
        "Ctrl-C ends everything.",
    )
    console.print("\n".join(lines), soft_wrap=True, markup=False)


@contextlib.contextmanager
def running(name: str, directory: Path, *arguments: str) -> Iterator[Child]:
    """`warren ARGUMENTS` as a process of its own, ended at the end, whatever happens."""
    log = directory / f"{name}.log"
    with log.open("wb") as file:
        # A session of its own: Ctrl-C is for the demo, which then ends its children in order.
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "warren", *arguments], stdout=file, stderr=file, start_new_session=True
        )
    try:
        yield Child(name, process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def write_config(directory: Path, port: int) -> Path:
    config = {
        "serverConfig": {"http-server.http.port": port, "node.bind-ip": "127.0.0.1"},
        "stateDirectory": str(directory / "state"),
        "monitor": {"taskDelay": "5s"},
        "shutdownDelay": "0s",
        "drainTimeout": "5s",
    }
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def wanted_port(port: int, console: Console) -> int:
    if port:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                console.print(f"Port {port} is in use by another program; the demo takes a free one.")
            else:
                return port
    return free_port()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_answered(url: str, children: list[Child], stop: threading.Event) -> None:
    wait_until(lambda: is_answered(url), children, stop, what=url)


def wait_until_healthy(url: str, children: list[Child], stop: threading.Event) -> None:
    def healthy() -> bool:
        states = [fetch(f"{url}/api/public/backends/{name}/state")["trinoStatus"] for name in CLUSTERS]
        return states == ["HEALTHY"] * len(CLUSTERS)

    wait_until(healthy, children, stop, what="the clusters to be healthy")


def wait_until(condition: Callable[[], bool], children: list[Child], stop: threading.Event, *, what: str) -> None:
    end = time.monotonic() + START_SECONDS
    while not condition():
        complain_if_ended(children)
        if time.monotonic() > end:
            raise DemoFailed(f"waited {START_SECONDS:g} s for {what}")
        if stop.wait(0.1):
            raise Stopped


def complain_if_ended(children: list[Child]) -> None:
    for child in children:
        if child.process.poll() is not None:
            said = child.log.read_text(errors="replace").strip().splitlines()[-10:]
            raise DemoFailed(f"{child.name} ended by itself; it said:\n" + "\n".join(said))


def is_answered(url: str) -> bool:
    try:
        fetch(url)
    except (DemoFailed, OSError, ValueError):
        return False
    return True


def run_query(url: str, sql: str) -> tuple[list[str], list[list[Any]], str]:
    """Column names, rows and query id, by Trino's statement protocol."""
    page = send(f"{url}/v1/statement", sql)
    columns: list[str] = []
    rows: list[list[Any]] = []
    while True:
        if "error" in page:
            raise DemoFailed(f"the query failed: {page['error']['message']}")
        columns = [column["name"] for column in page.get("columns", [])] or columns
        rows.extend(page.get("data", []))
        if "nextUri" not in page:
            return columns, rows, page["id"]
        page = fetch(page["nextUri"])


def send(url: str, body: object) -> Any:
    is_text = isinstance(body, str)
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = (
        {"X-Trino-User": "demo", "X-Trino-Source": "warren-demo"} if is_text else {"Content-Type": "application/json"}
    )
    return fetch(urllib.request.Request(url, data=data, headers=headers))  # noqa: S310 - http on loopback


def fetch(url: str | urllib.request.Request) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - http on loopback
            body = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
    except urllib.error.HTTPError as error:
        said = error.read(500).decode("utf-8", "replace").strip()
        raise DemoFailed(f"{error.url} answered {error.code}: {said}") from error
    except OSError as error:
        address = url if isinstance(url, str) else url.full_url
        raise DemoFailed(f"{address} gave no answer: {getattr(error, 'reason', error)}") from error
    return json.loads(body) if is_json else body
