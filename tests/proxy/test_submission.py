"""Reading the id of a new query, and the one deadline of a statement. How it travels past failing clusters is told in
tests/journeys.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.proxy.exchanges import FakeExchange
from warren.errors import ClusterMisbehaved, NoClusterAvailable
from warren.history.history import NoHistory
from warren.model import Cluster, ClusterName, ClusterUrl, Decision, GroupName, Placement
from warren.proxy.deciding import Decided
from warren.proxy.submission import SHORTEST_TRY, WHOLE, SubmissionLimits, Submissions, query_named
from warren.routing.routers import Choice
from warren.wire.body import Budget, RequestBody
from warren.wire.held import HeldAnswer
from warren.wire.outbound import ClusterConnection
from warren.wire.syntax.heads import Framing

ID = "20260416_160256_03078_6b4yt"
PAGE = b'{"id":"20260416_160256_03078_6b4yt","infoUri":"http://blue/ui/query.html?20200101_000000_00000_aaaaa"}'


class Paused:
    """A connection that has nothing more to say than the test gives to the answer itself."""

    def resume(self) -> None: ...

    def pause(self) -> None: ...

    def drop(self, _receiver: object) -> None: ...


def held() -> HeldAnswer:
    connection = Paused()
    answer = HeldAnswer(cast(ClusterConnection, connection), connection)
    answer.answered(answer.connection, b"HTTP/1.1 200 OK\r\n\r\n", 200, None, 19)
    return answer


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (PAGE, ID),
        (b" \r\n" + PAGE, ID),
        (b'{"infoUri":"x","id" : "' + ID.encode() + b'"}', ID),
        (b'{"stats":{' + b" " * 3000 + b'},"id":"' + ID.encode() + b'"}', ID),
        (b'{"stats":{' + b" " * 5000 + b'},"id":"' + ID.encode() + b'"}', None),
        (b"<html>" + PAGE, None),
        (b"\x1f\x8b\x08" + PAGE, None),
        (b'{"error":"\\"id\\":\\"' + ID.encode() + b'\\""}', None),
        (b'{"id":"no such thing"}', None),
        (b"{}", None),
        (b"", None),
    ],
)
@pytest.mark.parametrize("size", [1, 50, 100_000])
async def test_the_id_is_read_however_the_answer_comes(body: bytes, found: str | None, size: int) -> None:
    answer = held()
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(query_named(answer, within=60))
        for start in range(0, len(body), size):
            await asyncio.sleep(0)
            answer.body_of_answer(body[start : start + size])
        answer.ended()
    assert reading.result() == found


async def test_of_a_long_answer_only_the_front_is_waited_for() -> None:
    answer = held()
    answer.body_of_answer(PAGE + b" " * WHOLE)
    assert await query_named(answer, within=60) == ID
    assert not answer.is_over


async def test_an_answer_that_breaks_off_has_no_id() -> None:
    answer = held()
    answer.body_of_answer(PAGE)
    answer.failed(ClusterMisbehaved("it broke"))
    assert await query_named(answer, within=60) is None


async def test_an_answer_that_stops_is_discarded_in_time() -> None:
    answer = held()
    answer.body_of_answer(PAGE)
    with pytest.raises(TimeoutError):
        await query_named(answer, within=0.0)
    assert answer.is_over


ETL = GroupName("etl")
LIMITS = SubmissionLimits(try_timeout=8.0, timeout=25.0)


class Spending(FakeExchange):
    """A statement on its way to clusters that all take the whole time they have, and then fail."""

    def __init__(self) -> None:
        super().__init__("POST", "/v1/statement")
        self.now = 100.0
        self.body = RequestBody(Framing(length=10), Budget(100), lambda: None)
        self.body.keep(100)
        self.patience: list[float] = []

    def send(self, piece: bytes) -> None:
        assert self.body is not None
        if self.body.complete:
            return
        self.body.arrived(piece[: self.body.measure(piece, self.now)], passed_on=False)

    def is_replayable(self) -> bool:
        return True

    async def ask(self, _upstream: object, patience: float) -> HeldAnswer:
        self.patience.append(patience)
        self.now += patience
        raise ClusterMisbehaved("it broke")


class Choosing:
    """Always another cluster."""

    def is_undecided(self, _decision: Decision) -> bool:
        return False

    def choose(self, _decision: Decision, _exclude: frozenset[ClusterUrl] = frozenset()) -> Choice:
        url = ClusterUrl(f"http://c{len(_exclude)}")
        return Choice(Cluster(name=ClusterName(url), proxy_to=url, external_url="", group=ETL, active=True), ETL, "")

    def default_group(self) -> GroupName:
        return ETL


def submissions(
    of_statement: Callable[[object], Awaitable[Decided]], recall: object, clock: Callable[[], float]
) -> Submissions:
    return Submissions(
        cast(Any, SimpleNamespace(of_statement=of_statement)),
        cast(Any, Choosing()),
        cast(Any, SimpleNamespace(of=lambda url: url)),
        cast(Any, recall),
        history=NoHistory(),
        limits=LIMITS,
        clock=clock,
        unix=lambda: 0.0,
        names_cluster=False,
    )


class Taken(Spending):
    """A statement that its cluster takes at once."""

    async def ask(self, _upstream: object, _patience: float) -> HeldAnswer:
        answer = held()
        answer.body_of_answer(PAGE)
        answer.ended()
        return answer


@pytest.mark.parametrize("stores_asked", [False, True])
async def test_a_client_waits_for_the_stores_once(stores_asked: bool) -> None:
    """Before its statement is sent, when that kills a query that they may know; else after it is taken."""
    placed: list[tuple[str, bool]] = []

    async def of_statement(_exchange: object) -> Decided:
        return Decided(Decision(ETL, ""), "me", stores_asked=stores_asked)

    async def place(placement: Placement, *, is_awaited: bool) -> None:
        placed.append((placement.query_id, is_awaited))

    exchange = Taken()
    exchange.send(b"SELECT 123")
    recall = SimpleNamespace(place=place)
    await submissions(of_statement, recall, lambda: exchange.now).submit(exchange.as_exchange())
    assert (exchange.done, placed) == ([200], [(ID, not stores_asked)])


async def spent(exchange: Spending, *, deciding: float) -> list[float]:
    """What each cluster was given of the statement's time, when the decision took so long."""

    async def of_statement(_exchange: object) -> Decided:
        exchange.now += deciding
        exchange.send(b"SELECT 123")
        exchange.now += deciding
        return Decided(Decision(ETL, ""), "me")

    with pytest.raises(NoClusterAvailable):
        await submissions(of_statement, None, lambda: exchange.now).submit(exchange.as_exchange())
    return exchange.patience


@pytest.mark.parametrize(
    ("deciding", "tries"),
    [(0.0, [8.0, 8.0, 8.0, 1.0]), (10.0, [8.0, 7.0]), (24.0, [1.0]), (24.9, [SHORTEST_TRY]), (60.0, [SHORTEST_TRY])],
)
async def test_the_decision_and_all_tries_have_one_deadline_from_the_end_of_the_statement(
    deciding: float, tries: list[float]
) -> None:
    assert await spent(Spending(), deciding=deciding) == pytest.approx(tries)


async def test_a_statement_that_was_here_at_once_has_its_time_from_then_on() -> None:
    exchange = Spending()
    exchange.send(b"SELECT 123")
    exchange.now += (
        0.5  # the time of its end is that of a coarse clock: what it shows may be earlier than its beginning
    )
    assert await spent(exchange, deciding=5.0) == pytest.approx([8.0, 7.0])
