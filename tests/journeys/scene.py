"""A whole gateway in the test's own loop, with real sockets on every side: quick to start, its parts within reach."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import urlsplit

import h11
import yaml

from tests.fixtures.asking import Page
from warren.app import Instance
from warren.doors import Doors, Listening
from warren.drivers.sql import Database
from warren.places import socket_directory
from warren.process import DATABASE_FILE, database_of, open_socket, prepared_state_directory
from warren.settings.load import load
from warren.settings.stores.jdbc import DatabaseUrl
from warren.siblings import Siblings
from warren.telemetry.told import Alone

PATIENCE = 20.0
"""Seconds after which whatever is waited for is taken to fail. Only failing tests wait that long."""
ABOUT_A_SECOND = 3.0
"""Seconds that what is promised within a second may take on a busy machine."""
LOOK_AGAIN = 0.02
USER = {"X-Trino-User": "test"}
GROUP = "adhoc"
MADE_UP = "20200101_000000_00001_zzzzz"
"""A query id that no cluster has: coordinators do not draw a z five times, and none ran in 2020."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in small letters."""
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of the one field of that name; None when there is none."""
        found = [value for field, value in self.headers if field == name.lower()]
        assert len(found) < 2, f"{name} stands there twice: {found}"
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def page(self) -> Page:
        """Raises AssertionError when it is no page of a query."""
        assert self.status == 200, f"{self.status}: {self.text[:500]}"
        found = self.json()
        rows = tuple(tuple(row) for row in found.get("data", ()))
        error = found["error"]["message"] if "error" in found else None
        return Page(found["id"], found.get("nextUri"), found["stats"]["state"], rows, error)


class Cut(Exception):
    """The connection ended before its answer was whole."""


class Connection:
    """One connection of a client. Nothing is repeated, and what breaks the rules of HTTP is an error."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=1024 * 1024)

    @classmethod
    async def to(cls, url: str) -> Self:
        parts = urlsplit(url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):  # the other side was first
            await self.writer.wait_closed()

    async def ask(
        self, method: str, target: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request and its answer. Raises Cut when that does not come whole."""
        self.begin(method, target, body, headers)
        return await self.answer()

    def begin(
        self, method: str, target: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        content = body.encode() if isinstance(body, str) else body
        peer = self.writer.get_extra_info("peername")
        if peer is None:
            raise ConnectionResetError("the peer was gone as soon as the connection was there")
        fields = {"Host": ":".join(map(str, peer[:2])), **(headers or {})}
        if content is not None:
            fields["Content-Length"] = str(len(content))
        self._send(h11.Request(method=method, target=target, headers=list(fields.items())))
        if content:
            self._send(h11.Data(data=content))
        self._send(h11.EndOfMessage())

    def begin_raw(self, head: bytes) -> None:
        """The head of a GET, sent as it is: for what no library would send."""
        self._state.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
        self._state.send(h11.EndOfMessage())
        self.writer.write(head)

    async def answer(self) -> Answer:
        async with asyncio.timeout(PATIENCE):
            head: h11.Response | None = None
            body = b""
            while True:
                event = await self._next()
                if isinstance(event, h11.Response):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    break
        assert head is not None
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
        return Answer(head.status_code, fields, body)

    async def head(self) -> dict[bytes, bytes]:
        """The fields of the next answer; its body is for `some`."""
        async with asyncio.timeout(PATIENCE):
            block = await self._reader.readuntil(b"\r\n\r\n")
        return {
            name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in block.split(b"\r\n"))
        }

    async def some(self) -> bytes:
        """What there is now of the bytes that follow a `head`, once there are any; empty at their end."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read(1024 * 1024)

    async def first_line(self) -> bytes:
        """Of whatever comes next."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.readline()

    async def is_closed_by_peer(self) -> bool:
        """Whether the other side ends the connection now, without a word."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True

    def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        self.writer.write(self._state.send(event) or b"")

    async def _next(self) -> Any:
        data = b"?"
        while True:
            try:
                event = self._state.next_event()
            except h11.RemoteProtocolError as error:
                if data:
                    raise
                raise Cut(str(error)) from error
            if event is not h11.NEED_DATA:
                return event
            try:
                data = await self._reader.read(256 * 1024)
            except ConnectionError as error:
                raise Cut("the connection was reset") from error
            self._state.receive_data(data)


async def ask(
    method: str, url: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own. Raises Cut, and ConnectionError when there is none."""
    async with await Connection.to(url) as connection:
        parts = urlsplit(url)
        return await connection.ask(
            method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers
        )


async def submit(url: str, sql: str, headers: Mapping[str, str] | None = None) -> Page:
    return (await ask("POST", f"{url}/v1/statement", sql, {**USER, **(headers or {})})).page()


async def to_its_end(page: Page) -> Page:
    """Follow a query from this page on. The page that is returned holds all rows."""
    rows = page.rows
    while page.next_uri:
        page = (await ask("GET", page.next_uri)).page()
        rows += page.rows
    return Page(page.query_id, None, page.state, rows, page.error)


async def run(url: str, sql: str, headers: Mapping[str, str] | None = None) -> Page:
    return await to_its_end(await submit(url, sql, headers))


async def until(ready: Callable[[], bool], what: str) -> None:
    """Raises AssertionError when it does not come true in time."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while not ready():
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(LOOK_AGAIN)


async def eventually(ready: Callable[[], Awaitable[bool]], what: str, *, within: float = PATIENCE) -> None:
    """As `until`, for what has to be asked for."""
    end = asyncio.get_running_loop().time() + within
    while not await ready():
        assert asyncio.get_running_loop().time() < end, f"waited in vain for {what}"
        await asyncio.sleep(LOOK_AGAIN)


async def statement_status(url: str) -> int:
    """What a statement that is never polled is answered with."""
    return (await ask("POST", f"{url}/v1/statement", "SELECT 1", USER)).status


class Gateway:
    """A running instance, as its clients and operators see it."""

    def __init__(self, instance: Instance, port: int, state: Path) -> None:
        self.instance = instance
        self.port = port
        self.state = state
        self.url = f"http://127.0.0.1:{port}"

    async def api(self, method: str, path: str, body: bytes | str | None = None) -> Answer:
        return await ask(method, self.url + path, body, {"Content-Type": "application/json"} if body else {})

    async def change(self, verb: str, name: str, url: str, *, group: str = GROUP, active: bool = True) -> Answer:
        """`verb`: add or update."""
        row = {"name": name, "proxyTo": url, "routingGroup": group, "active": active}
        answer = await self.api("POST", f"/gateway/backend/modify/{verb}", json.dumps(row))
        assert answer.status == 200, f"{verb} {name}: {answer.status} {answer.text}"
        return answer

    async def add(self, name: str, url: str, *, group: str = GROUP, active: bool = True) -> None:
        """Returns when its health is known."""
        await self.change("add", name, url, group=group, active=active)
        await self.wait_for_status(name, "HEALTHY")

    async def status_of(self, name: str) -> str:
        status: str = (await self.api("GET", f"/api/public/backends/{name}/state")).json()["trinoStatus"]
        return status

    async def wait_for_status(self, name: str, status: str) -> None:
        async def has_it() -> bool:
            return await self.status_of(name) == status

        await eventually(has_it, f"{name} to be {status}")


@asynccontextmanager
async def gateway(
    directory: Path,
    clusters: Mapping[str, str] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    ready: int = 200,
) -> AsyncIterator[Gateway]:
    """A started gateway that has found each of the clusters (name → URL) healthy. Ended at once with the block.

    `settings` is laid over the file that it reads, key by key of the top level. `ready` is what `readyz` says to that.
    """
    config = _written(directory, settings or {})
    loaded = load(config, {}).settings
    state = prepared_state_directory(loaded, config=config, environment={})
    if loaded.data_store is None:
        await asyncio.to_thread(_prepare_tables, state / DATABASE_FILE)
    listening = Listening(open_socket("127.0.0.1", 0, key="http-server.http.port"), secure=False)
    port = listening.socket.getsockname()[1]
    instance = Instance(
        loaded,
        state=state,
        database=database_of(loaded, state=state, config=config),
        doors=Doors.alone((listening,)),
        siblings=Siblings(socket_directory(state)),
        told=Alone(),
        max_connections=10_000,
    )
    here = Gateway(instance, port, state)
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group:
        running = group.create_task(instance.run())
        try:
            await _answers(here, running, ready)
            for name, url in (clusters or {}).items():
                await here.add(name, url)
            yield here
        except Exception as error:  # raised below: the group would cancel the gateway, and wrap it
            failure = error
        finally:
            instance.stop()
            instance.stop()
    if failure is not None:
        raise failure


def _prepare_tables(path: Path) -> None:
    """A copy of tables that were made once: making them is tested elsewhere, and takes half of a start's time."""
    if not path.exists():
        path.write_bytes(_tables())


@cache
def _tables() -> bytes:
    async def make(path: Path) -> bytes:
        database = Database(DatabaseUrl(dialect="sqlite", path=path))
        await database.migrate()
        await database.close()
        return await asyncio.to_thread(path.read_bytes)

    with TemporaryDirectory() as directory:
        return asyncio.run(make(Path(directory) / DATABASE_FILE))


def _written(directory: Path, settings: Mapping[str, Any]) -> Path:
    always = {"monitor": {"taskDelay": "1s"}, "shutdownDelay": "0s", "drainTimeout": "0s", "instanceName": "here"}
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "config.yaml"
    config.write_text(yaml.safe_dump({**always, **settings}))
    return config


async def _answers(here: Gateway, running: "asyncio.Task[None]", status: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while not running.done():
            try:
                if (await ask("GET", f"{here.url}/trino-gateway/readyz")).status == status:
                    return
            except ConnectionError:
                pass  # it does not listen yet
            await asyncio.sleep(LOOK_AGAIN)
