"""Two gateways before two simulated clusters, one memory between them: what happens to a query, also when Valkey is gone."""

import contextlib
import json
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console
from rich.table import Table

from warren.demo.asking import Answered, Gateway, fetch, followed, is_answered, send, submit
from warren.demo.processes import (
    Child,
    DemoFailed,
    Stopped,
    embedded_valkey,
    free_port,
    is_free,
    running,
    wait_until,
    warren,
)

CLUSTERS: Final = ("blue", "green")
QUERY: Final = "SELECT name, regionkey FROM tpch.tiny.nation ORDER BY name LIMIT 5"


def run_demo(*, port: int, once: bool) -> int:
    """Run the demo until Ctrl-C or SIGTERM; the exit code."""
    console = Console(highlight=False)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with (
            tempfile.TemporaryDirectory(prefix="warren-demo-") as directory,
            contextlib.suppress(Stopped),
            contextlib.ExitStack() as stack,
        ):
            Demo(console, Path(directory), stop, stack, wanted_port(port, console)).run(once=once)
    except DemoFailed as error:
        console.print(f"[red]The demo stopped:[/red] {error}")
        return 1
    console.print("Stopped; nothing is left behind.")
    return 0


class Demo:
    """What is running, and what is shown of it."""

    def __init__(
        self, console: Console, directory: Path, stop: threading.Event, stack: contextlib.ExitStack, port: int
    ) -> None:
        """Everything that is started ends with the stack."""
        self._console = console
        self._directory = directory
        self._stop = stop
        self._stack = stack
        self._children: list[Child] = []
        self._clusters = {name: free_port() for name in CLUSTERS}
        self._valkey_port = free_port()
        self._gateways = (
            Gateway("gateway-1", f"http://127.0.0.1:{port}"),
            Gateway("gateway-2", f"http://127.0.0.1:{free_port()}"),
        )

    def run(self, *, once: bool) -> None:
        self._console.print(
            "Starting two simulated Trino clusters, a Valkey and two gateways (a few seconds) …", soft_wrap=True
        )
        valkey = self._start_all()
        self._show_query()
        self._show_outage(valkey)
        self._show_next()
        while not (once or self._stop.wait(0.5)):
            for child in self._children:
                child.complain_if_ended()
        self._console.print("Stopping …")

    def _start_all(self) -> Child:
        """Everything, each part answering; the Valkey."""
        valkey = self._start(embedded_valkey(self._directory, self._valkey_port))
        for name, port in self._clusters.items():
            # Ids that tell nothing are the hardest case: each instance must have been told where a query lives.
            self._start(warren(name, self._directory, "simulate", "--port", str(port), "--scattered-ids"))
        # The first of them makes the tables of the database that both share.
        for gateway in self._gateways:
            self._start(warren(gateway.name, self._directory, "serve", str(self._written_config(gateway))))
            self._wait(partial(is_answered, f"{gateway.url}/trino-gateway/readyz"), gateway.name)
        for name, port in self._clusters.items():
            self._wait(partial(is_answered, f"http://127.0.0.1:{port}/v1/info"), name)
            backend = {"name": name, "proxyTo": f"http://127.0.0.1:{port}", "routingGroup": "adhoc"}
            send(f"{self._gateways[0].url}/gateway/backend/modify/add", backend)
        for gateway in self._gateways:
            self._wait(partial(are_healthy, gateway.url), f"the clusters to be healthy at {gateway.name}")
        return valkey

    def _show_query(self) -> None:
        """A first query: its rows, where it went and why, and how each instance knew that."""
        console = self._console
        query = submit(self._gateways[0], QUERY)
        answers, rows = followed(query, self._gateways)
        console.print(QUERY, style="bold", soft_wrap=True)
        table = Table("name", "regionkey")
        for row in rows:
            table.add_row(*(str(value) for value in row))
        console.print(table)
        line = self._line_of(query["id"])
        console.print(f"Query [bold]{query['id']}[/bold] ran on cluster [bold]{line['cluster']}[/bold],")
        console.print(f"  because: {line['because']}.\n", soft_wrap=True)
        console.print("It was submitted at gateway-1 and followed at both in turn.")
        console.print(table_of(answers))

    def _show_outage(self, valkey: Child) -> None:
        """The same without Valkey, and with it again."""
        console = self._console
        console.print("Now Valkey is stopped. Queries go on:")
        valkey.stop()
        console.print(table_of(followed(submit(self._gateways[0], QUERY), self._gateways)[0]))
        console.print("Valkey is started again, empty. It is used again, without help:")
        valkey.start()
        for gateway in self._gateways:
            self._wait(partial(gateway.cache_is, "closed"), f"{gateway.name} to use Valkey again")
        console.print(table_of(followed(submit(self._gateways[0], QUERY), self._gateways)[0]))

    def _show_next(self) -> None:
        url, other = (gateway.url for gateway in self._gateways)
        some_port = next(iter(self._clusters.values()))
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
            f"  curl -s -H 'Accept: application/json' {other}/trino-gateway/readyz   # how the other gateway is",
            f"In a browser: {url}/trino-gateway",
            "Ctrl-C ends everything.",
        )
        self._console.print("\n".join(lines), soft_wrap=True, markup=False)

    def _start(self, child: Child) -> Child:
        self._children.append(self._stack.enter_context(running(child)))
        return child

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, self._children, self._stop, what=what)

    def _line_of(self, query_id: str) -> Any:
        """What the log of the first gateway says of the statement."""
        for line in (self._directory / "gateway-1.log").read_text().splitlines():
            event = json.loads(line)
            if event.get("event") == "statement" and event.get("query_id") == query_id:
                return event
        raise DemoFailed(f"the log of gateway-1 has no line about {query_id}")

    def _written_config(self, gateway: Gateway) -> Path:
        config = {
            "serverConfig": {"http-server.http.port": int(gateway.url.rpartition(":")[2]), "node.bind-ip": "127.0.0.1"},
            "instanceName": gateway.name,
            "dataStore": {"jdbcUrl": f"jdbc:sqlite:{self._directory / 'gateways.sqlite'}"},
            "valkeyConfiguration": {"enabled": True, "host": "127.0.0.1", "port": self._valkey_port},
            "stateDirectory": str(self._directory / gateway.name),
            "monitor": {"taskDelay": "5s"},
            "shutdownDelay": "0s",
            "drainTimeout": "5s",
        }
        path = self._directory / f"{gateway.name}.yaml"
        path.write_text(yaml.safe_dump(config))
        return path


def table_of(answers: Sequence[Answered]) -> Table:
    table = Table("request", "answered by", "knew the cluster from")
    for each in answers:
        table.add_row(each.what, each.gateway.name, each.known_from)
    return table


def are_healthy(url: str) -> bool:
    known = {each["name"] for each in fetch(f"{url}/api/public/backends")}
    if not known.issuperset(CLUSTERS):
        return False  # it was told at the other one a moment ago
    states = [fetch(f"{url}/api/public/backends/{name}/state")["trinoStatus"] for name in CLUSTERS]
    return states == ["HEALTHY"] * len(CLUSTERS)


def wanted_port(port: int, console: Console) -> int:
    if port and is_free(port):
        return port
    if port:
        console.print(f"Port {port} is in use by another program; the demo takes a free one.")
    return free_port()
