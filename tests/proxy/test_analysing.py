"""Statements on their way to being read: whole or not, short or long, one long one at a time."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

import pytest

from tests.proxy.exchanges import FakeExchange
from warren.facts import QueryProperties
from warren.proxy import analysing as module
from warren.proxy.analysing import Analysing, gathered
from warren.wire.body import Budget, RequestBody
from warren.wire.syntax.heads import CHUNKED, Framing, read_request_fields

LONG = "SELECT * FROM a.b.c WHERE x IN (" + "1234567, " * 30_000 + "1)"
"""Read in several slices."""
TABLES = frozenset({("a", "b", "c")})
FIELDS = {b"x-trino-catalog": [b"lake"], b"x-trino-schema": [b"s"]}
KNOWN = QueryProperties(query_type="Query", is_new_query_submission=True)


class Arriving(FakeExchange):
    """A statement whose body comes as the test sends it."""

    def __init__(
        self, *, length: int | None = None, kept: int = 1024 * 1024, headers: str = "", budget: int = 1024 * 1024
    ) -> None:
        super().__init__("POST", "/v1/statement")
        self.fields = read_request_fields(f"Host: x\r\n{headers}\r\n".encode(), http_1_0=False, max_fields=10)
        self.asked_for_more = 0
        self.body = self._body(length, kept, budget)

    def _body(self, length: int | None, kept: int, budget: int) -> RequestBody:
        body = RequestBody(Framing(length=length) if length is not None else CHUNKED, Budget(budget), self._more)
        body.keep(kept)
        return body

    def _more(self) -> None:
        self.asked_for_more += 1

    async def arrives(self, part: Coroutine[Any, Any, None]) -> None:
        await part

    def send(self, piece: bytes) -> None:
        assert self.body is not None
        self.body.arrived(piece[: self.body.measure(piece, 0.0)], passed_on=False)


def whole(sql: str, headers: str = "", **limits: int) -> Arriving:
    content = sql.encode()
    exchange = Arriving(length=len(content), headers=headers, **limits)
    exchange.send(content)
    return exchange


def analysing(*, max_body_size: int = 1_000_000, v2: bool = False) -> Analysing:
    return Analysing(max_body_size=max_body_size, v2=v2)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_short_statement_is_read_at_once() -> None:
    here = analysing()
    found = await here.properties(whole("SELECT * FROM a.b.c").as_exchange())
    assert (found.query_type, found.tables) == ("Query", TABLES)
    assert (here.counts.read, here.counts.not_understood, here.counts.gave_up) == (1, 0, 0)


async def test_headers_complete_what_the_statement_leaves_out() -> None:
    headers = "X-Trino-Catalog: A\r\nX-Trino-Schema: B\r\n"
    found = await analysing().properties(whole("SELECT * FROM c", headers).as_exchange())
    assert (found.tables, found.default_catalog, found.default_schema) == (TABLES, "A", "B")


@pytest.mark.parametrize("v2", [True, False])
async def test_json_holds_a_statement_where_that_is_switched_on(v2: bool) -> None:
    body = '{"query": "EXECUTE s", "preparedStatements": {"s": "INSERT INTO a.b.c SELECT 1"}}'
    found = await analysing(v2=v2).properties(whole(body).as_exchange())
    assert (found.query_type == "Insert") is v2


async def test_a_statement_that_is_not_understood_is_counted() -> None:
    here = analysing()
    found = await here.properties(whole("SELECT * FROM nowhere").as_exchange())
    assert not found.is_query_parsing_successful
    assert (here.counts.read, here.counts.not_understood) == (1, 1)


async def test_it_waits_until_the_whole_statement_is_here() -> None:
    exchange = Arriving(length=19)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(analysing().properties(exchange.as_exchange()))
        for piece in (b"SELECT * ", b"FROM ", b"a.b.c"):
            await settle()
            assert not reading.done()
            exchange.send(piece)
    assert reading.result().tables == {("a", "b", "c")}
    assert exchange.asked_for_more > 0


async def test_it_waits_for_chunks_as_well() -> None:
    exchange = Arriving()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(analysing().properties(exchange.as_exchange()))
        for piece in (b"e\r\nSELECT * FROM \r\n", b"5\r\na.b.c\r\n", b"0\r\n\r\n"):
            await settle()
            assert not reading.done()
            exchange.send(piece)
    assert reading.result().tables == {("a", "b", "c")}


@pytest.mark.parametrize(("size", "is_read"), [(19, True), (18, False)])
async def test_the_limit_counts_characters(size: int, is_read: bool) -> None:
    found = await analysing(max_body_size=size).properties(whole("SELECT 'é' FROM a.b").as_exchange())
    assert ("longer than" not in (found.error_message or "")) is is_read


async def test_it_waits_for_no_more_than_the_limit() -> None:
    exchange = Arriving(length=1_000_000)
    exchange.send(b"SELECT " + b"1" * 100)
    found = await analysing(max_body_size=10).properties(exchange.as_exchange())
    assert found.is_new_query_submission
    assert (found.query_type, found.is_query_parsing_successful) == ("", False)
    assert "longer than 10 characters" in (found.error_message or "")


@pytest.mark.parametrize(("kept", "budget"), [(10, 1000), (1000, 10)])
async def test_a_body_that_is_not_kept_is_not_waited_for(kept: int, budget: int) -> None:
    exchange = Arriving(length=1_000_000, kept=kept, budget=budget)
    exchange.send(b"SELECT " + b"1" * 100)
    found = await analysing().properties(exchange.as_exchange())
    assert not found.is_query_parsing_successful


async def test_the_front_of_a_body_is_enough_for_who_wants_no_more() -> None:
    exchange = Arriving(length=100)
    exchange.send(b"CALL system")
    assert await gathered(exchange.as_exchange(), 4) == (b"CALL system", False)
    exchange.send(b" " * 89)
    assert await gathered(exchange.as_exchange(), 1000) == (b"CALL system" + b" " * 89, True)


async def test_without_a_body_there_is_nothing_and_that_is_all() -> None:
    assert await gathered(FakeExchange("POST", "/v1/statement").as_exchange(), 4) == (b"", True)


async def test_a_long_statement_lets_others_have_their_turn() -> None:
    here = analysing()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        meanwhile = group.create_task(others())
        found = await here.properties(whole(LONG).as_exchange())
        meanwhile.cancel()
    assert found.tables == {("a", "b", "c")}
    assert turns > 2


def slices(count: int, *, done: list[int] | None = None, number: int = 0) -> Generator[None, None, QueryProperties]:
    for _ in range(count):
        yield
        if done is not None:
            done.append(number)
    return KNOWN


async def test_long_statements_are_read_one_after_the_other_and_short_ones_between() -> None:
    here = analysing()
    done: list[int] = []
    async with asyncio.TaskGroup() as group:
        for number in (1, 2):
            group.create_task(here.read(slices(20, done=done, number=number), FIELDS))
        await settle()
        assert 0 < len(done) < 20
        assert await here.read(slices(0), FIELDS) == KNOWN
        assert len(done) < 20
    assert done == [1] * 20 + [2] * 20
    assert here.counts.read == 3


async def test_whoever_waits_too_long_is_routed_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    here = analysing()
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.0)
    reading = slices(10_000_000)
    found = await here.read(reading, FIELDS)
    assert (found.is_new_query_submission, found.is_query_parsing_successful) == (True, False)
    assert "not analysed" in (found.error_message or "")
    assert (found.default_catalog, found.default_schema) == ("lake", "s"), "the session is known all the same"
    assert (here.counts.gave_up, here.counts.read, here.counts.not_understood) == (1, 1, 1)
    assert list(reading) == []  # it is closed
    monkeypatch.undo()
    assert await here.read(slices(3), FIELDS) == KNOWN


async def test_a_client_that_leaves_gives_the_turn_to_the_next() -> None:
    here = analysing()
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(here.read(slices(10_000_000), FIELDS))
        await settle()
        waiting = group.create_task(here.read(slices(5), FIELDS))
        await settle()
        assert not waiting.done()
        leaving.cancel()
    assert waiting.result() == KNOWN
    assert here.counts.read == 1
