"""A client for tests of the protocol: one request, one answer, nothing repeated and nothing hidden."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDictProxy

ALICE = {"X-Trino-User": "alice"}
UNIMPORTANT = {"date", "connection", "keep-alive"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def header_names(self) -> set[str]:
        return {name.lower() for name in self.headers} - UNIMPORTANT


class Client:
    """Asks one coordinator, as nobody in particular: identity is in the headers of each request."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: str | bytes | None = None
    ) -> Answer:
        """`target`: a path, or an address whose path is asked of this coordinator, whatever its host."""
        parts = urlsplit(target)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        told = {"Accept-Encoding": "identity", **(headers or {})}
        sent = self._session.request(method, self.url + path, headers=told, data=body, allow_redirects=False)
        async with sent as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def submit(self, sql: str, headers: Mapping[str, str] | None = None) -> Any:
        """The page that a POST answers."""
        answer = await self.ask("POST", "/v1/statement", {**ALICE, **(headers or {})}, sql)
        assert answer.status == 200, answer.text
        return answer.json()

    async def pages(self, sql: str, headers: Mapping[str, str] | None = None) -> list[tuple[Any, Answer]]:
        """Every page of a statement, from the POST's on."""
        first = await self.ask("POST", "/v1/statement", {**ALICE, **(headers or {})}, sql)
        found = [(first.json(), first)]
        while "nextUri" in found[-1][0]:
            # A prefix is the gateway's to take off again.
            path = "/v1/" + found[-1][0]["nextUri"].split("/v1/", 1)[1]
            answer = await self.ask("GET", path, {**ALICE, **(headers or {})})
            assert answer.status == 200, answer.text
            found.append((answer.json(), answer))
        return found

    async def run(self, sql: str, headers: Mapping[str, str] | None = None) -> "Result":
        """The statement's whole life as one result."""
        pages = await self.pages(sql, headers)
        rows = [row for page, _ in pages for row in page.get("data", [])]
        last, _ = pages[-1]
        told = [(k, v) for _, answer in pages[1:] for k, v in answer.headers.items() if k.startswith("X-Trino-")]
        return Result(
            last["id"], rows, last.get("columns"), last.get("error"), last.get("updateType"), dict(told), last
        )

    async def until_executing(self, sql: str, headers: Mapping[str, str] | None = None) -> Any:
        """The first page of a statement whose `nextUri` is an executing one."""
        page = await self.submit(sql, headers)
        while "/executing/" not in page["nextUri"]:
            answer = await self.ask("GET", page["nextUri"])
            page = answer.json()
        return page


@dataclass(frozen=True, slots=True)
class Result:
    query_id: str
    rows: list[Any]
    columns: Any
    error: Any
    update_type: str | None
    headers: dict[str, str]
    last: Any


async def until(condition: Callable[[], bool]) -> None:
    """Return once it holds. For what nobody announces; the test's own deadline ends a wait in vain."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    # A connection for each request: a server that closes one must not spoil the next.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield Client(url, session)
