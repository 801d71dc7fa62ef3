"""A cluster that does nothing but the statement protocol, thousands of times a second: for tests of many queries.

Its ids end in letters drawn for each of them, so that none tells whose it is. It denies what is not its own, as Trino does.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.journeys.fake_cluster import INFO

LETTERS = "23456789abcdefghijkmnpqrstuvwxyz"
PAGES = 3
"""Polls until a query has ended."""
PAGE = re.compile(r"/v1/statement/(?:queued|executing)/([0-9a-z_]+)/(x[0-9a-z]+)/([0-9]+)")
DENIED = b"Error 404 Not Found: Query not found"


class PlainCluster:
    def __init__(self, name: str) -> None:
        self.name = name
        self.url = ""
        self.slugs: dict[str, str] = {}
        """By query id."""
        self.denied = 0
        self._chance = random.Random(name)

    def answer(self, method: str, path: str, host: str) -> tuple[int, bytes]:
        if path == "/v1/info":
            return 200, INFO
        if method == "POST":
            return 200, self._page(self._new_id(), 0, host)
        if found := PAGE.fullmatch(path):
            query_id, slug, page = found.groups()
            if self.slugs.get(query_id) == slug:
                return (204, b"") if method == "DELETE" else (200, self._page(query_id, int(page), host))
        self.denied += 1
        return 404, DENIED

    def _new_id(self) -> str:
        query_id = f"20260416_160256_{len(self.slugs) % 100_000:05}_" + "".join(self._chance.choices(LETTERS, k=5))
        self.slugs[query_id] = "x" + "".join(self._chance.choices(LETTERS, k=12))
        return query_id

    def _page(self, query_id: str, page: int, host: str) -> bytes:
        state = "FINISHED" if page >= PAGES else "RUNNING"
        told: dict[str, object] = {"id": query_id, "stats": {"state": state, "nodes": 1}, "data": [[self.name]]}
        if page < PAGES:
            told["nextUri"] = f"http://{host}/v1/statement/executing/{query_id}/{self.slugs[query_id]}/{page + 1}"
        return json.dumps(told).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, cluster: PlainCluster) -> None:
        self._cluster = cluster
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n") + 4) >= 4:
            head = self._data[:end].decode("latin-1")
            length = re.search(r"(?i)content-length: *([0-9]+)", head)
            whole = end + (int(length[1]) if length else 0)
            if len(self._data) < whole:
                return
            self._data = self._data[whole:]
            method, path, _ = head.split(" ", 2)
            host = re.search(r"(?i)x-forwarded-host: *(\S+)", head)
            status, body = self._cluster.answer(method, path, host[1] if host else "nowhere")
            self._transport.write(  # type: ignore[attr-defined] # uvloop's is one by shape
                b"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (status, len(body), b"" if method == "HEAD" else body)
            )


@asynccontextmanager
async def plain_cluster(name: str) -> AsyncIterator[PlainCluster]:
    cluster = PlainCluster(name)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(cluster), "127.0.0.1", 0)
    cluster.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield cluster
    finally:
        server.close()
