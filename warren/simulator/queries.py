"""The coordinator's book of queries: registered, started by a poll, run, answered page by page, ended."""

import asyncio
import datetime as dt
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

from warren.simulator.magic import magic_in
from warren.simulator.pages import Page, Progress
from warren.simulator.query import Query
from warren.simulator.spooling import Storage
from warren.simulator.sql.columns import Column, varchar
from warren.simulator.sql.engine import Engine
from warren.simulator.sql.failures import Failure
from warren.simulator.sql.metadata import Facts
from warren.simulator.sql.rows import Outcome
from warren.simulator.sql.sessions import Session, Transactions, run_time_limit
from warren.simulator.sql.statements import Statement

COORDINATOR_ID_LETTERS = "23456789abcdefghijkmnpqrstuvwxyz"
INTERRUPT_SECONDS = 0.05
"""Between interruptions of a statement that is to end: one that comes before the engine begins is lost on it."""
HUGE_COLUMNS = (Column("_col0", varchar()),)


class Gone(Exception):
    """The token was answered before and is over: 410."""


class NotFound(Exception):
    """No such query, slug or token: 404."""


class Broken(Exception):
    """The query was cancelled, and its pages with it: Trino answers 500 and a stack trace."""


class TooMany(Exception):
    """The book is full of queries that run."""


@dataclass(frozen=True, slots=True)
class Huge:
    """A page's data: one row with one value of so many characters."""

    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long things take and how much is kept."""

    long_poll_seconds: float = 1.0
    """How long a poll waits for data."""
    page_bytes: int = 1_000_000
    """About how large a page of rows is."""
    client_timeout_seconds: float = 300.0
    """A query that is not polled for so long is abandoned; one never polled is forgotten."""
    most_run_seconds: float = 300.0
    """How long one statement may run on the engine."""
    kept_queries: int = 10_000
    threads: int = 4
    """Statements that run on the engine at once; others wait."""


class Queries:
    """The queries of one coordinator, oldest first; at most `kept_queries`."""

    def __init__(self, ending: Callable[[], str], limits: Limits, *, facts: Callable[["Queries"], Facts]) -> None:
        self.limits = limits
        self.storage = Storage()
        self.transactions = Transactions()
        self._ending = ending
        self._facts = facts
        self._engine = Engine()
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="simulator")
        self._kept: OrderedDict[str, Query] = OrderedDict()
        self._working: dict[Query, Future[Outcome]] = {}
        self._count = 0
        self._day = ""

    def end_all(self) -> None:
        """End every query; statements that run are interrupted."""
        for query in self._kept.values():
            query.end("FAILED", Failure("GENERIC_INTERNAL_ERROR", "the simulator is stopping"))

    def _interrupt_ended(self) -> None:
        for query in self._working:
            if query.run and query.has_ended:
                query.run.interrupt()

    def close(self) -> None:
        """Wait for the threads, which have nothing left to do after `end_all`, and let go of the data."""
        unfinished = set(self._working.values())
        while unfinished:
            self._interrupt_ended()
            unfinished = wait(unfinished, INTERRUPT_SECONDS).not_done
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._engine.close()

    def __iter__(self) -> Iterator[Query]:
        """The queries that were polled at least once, oldest first: the others do not exist yet."""
        return iter([query for query in list(self._kept.values()) if query.polled])

    def find(self, query_id: str) -> Query | None:
        return self._kept.get(query_id)

    def started(self, query_id: str) -> Query | None:
        query = self._kept.get(query_id)
        return query if query and query.polled else None

    def register(self, sql: str, session: Session, *, encoding: str | None) -> Query:
        """Note a statement; nothing runs. Raises TooMany."""
        self._make_room()
        query = Query(self._new_id(), sql, session, encoding=encoding)
        self._kept[query.id] = query
        return query

    def _new_id(self) -> str:
        now = dt.datetime.now(dt.UTC)
        if self._day != (today := now.strftime("%Y%m%d")):
            self._day, self._count = today, 0
        made = f"{now:%Y%m%d_%H%M%S}_{self._count:05}_{self._ending()}"
        self._count = (self._count + 1) % 100_000
        return made

    def _make_room(self) -> None:
        if len(self._kept) < self.limits.kept_queries:
            return
        oldest = next((q for q in self._kept.values() if q.has_ended or not q.polled), None)
        if oldest is None:
            raise TooMany(f"{self.limits.kept_queries} queries are running; the simulator keeps no more")
        del self._kept[oldest.id]

    def sweep(self) -> None:
        """Forget what was never polled, end what is not polled any more."""
        self._interrupt_ended()
        limit = self.limits.client_timeout_seconds
        for query in list(self._kept.values()):
            idle = time.monotonic() - query.seen
            if idle < limit or query.has_ended:
                continue
            if not query.polled:
                del self._kept[query.id]
                continue
            message = (
                f"Query {query.id} was abandoned by the client, as it may have exited or stopped checking for query"
                f" results. Query results have not been accessed for {idle:.1f} seconds"
            )
            query.end("FAILED", Failure("ABANDONED_QUERY", message))

    def start(self, query: Query) -> None:
        """The first poll, of any kind, starts it; later ones change nothing."""
        query.seen = time.monotonic()
        if query.polled:
            return
        query.polled = True
        try:
            query.magic = magic_in(query.sql)
        except Failure as failure:
            query.end("FAILED", failure)
            return
        if limit := run_time_limit(query.session):
            words = f"Query exceeded maximum time limit of {limit:.2f}s"
            query.after(limit, partial(query.end, "FAILED", Failure("EXCEEDED_TIME_LIMIT", words)))
        if query.magic.queued_seconds:
            query.after(query.magic.queued_seconds, partial(self._begin, query))
        else:
            self._begin(query)

    def _begin(self, query: Query) -> None:
        if query.has_ended:
            return
        query.state = "RUNNING"
        query.dispatched.set()
        due = time.monotonic() + query.magic.seconds
        if query.magic.bytes is not None:
            query.outcome = Outcome(columns=HUGE_COLUMNS)
            self._ready(query, due)
            return
        too_long = Failure(
            "EXCEEDED_TIME_LIMIT", f"Query exceeded maximum time limit of {self.limits.most_run_seconds:.2f}s"
        )
        query.after(self.limits.most_run_seconds + query.magic.seconds, partial(query.end, "FAILED", too_long))
        self._working[query] = work = self._pool.submit(self._work, query)
        asyncio.wrap_future(work).add_done_callback(partial(self._worked, query, due))

    def _work(self, query: Query) -> Outcome:
        query.run = self._engine.run()
        if query.has_ended:
            query.run.interrupt()
        statement = Statement(
            query.run,
            query.session,
            self.transactions,
            facts=partial(self._facts, self),
            kill=partial(self._kill_from_thread, query.loop),
        )
        return statement.outcome(query.sql)

    def _worked(self, query: Query, due: float, work: "asyncio.Future[Outcome]") -> None:
        self._working.pop(query, None)
        if work.cancelled():
            return
        error = work.exception()
        if query.has_ended or query.ready.is_set():
            return
        if error is None:
            query.outcome = work.result()
            self._ready(query, due)
        else:
            query.end("FAILED", error if isinstance(error, Failure) else _unexpected(error))

    @staticmethod
    def _ready(query: Query, due: float) -> None:
        wait = due - time.monotonic()
        if wait > 0:
            query.after(wait, query.ready.set)
        else:
            query.ready.set()

    def kill(self, query_id: str, message: str, *, preempt: bool = False) -> None:
        """End a query on an administrator's word. Raises Failure when it is unknown or has ended."""
        query = self.started(query_id)
        if query is None:
            raise Failure("NOT_FOUND", f"Target query not found: {query_id}")
        if query.has_ended:
            raise Failure("NOT_SUPPORTED", f"Target query is not running: {query_id}")
        done = "preempted" if preempt else "killed"
        told = f"Query {done}. Message: {message}" if message else f"Query {done}. No message provided."
        query.end("FAILED", Failure(f"ADMINISTRATIVELY_{done.upper()}", told))

    def _kill_from_thread(self, loop: asyncio.AbstractEventLoop, query_id: str, message: str) -> None:
        done: Future[None] = Future()

        def act() -> None:
            try:
                self.kill(query_id, message)
            except Failure as failure:
                done.set_exception(failure)
            else:
                done.set_result(None)

        loop.call_soon_threadsafe(act)
        done.result(timeout=10)

    async def queued(self, query: Query, token: int) -> Page:
        """The page of a queued token. Raises Gone for one that is over, NotFound for one too far ahead."""
        if token < query.queued_token:
            raise Gone("Invalid token")
        if token > query.queued_token + 1:
            raise NotFound
        query.queued_token = token
        self.start(query)
        await _wait(query.dispatched, self.limits.long_poll_seconds)
        if query.failure:
            return query.last_page()
        following = query.path("executing", 0) if query.dispatched.is_set() else query.path("queued", token + 1)
        progress = Progress(state="QUEUED", elapsed_ms=query.elapsed_ms)
        return Page(progress=progress, next_path=following)

    async def executing(self, query: Query, token: int) -> Page:
        """The page of a token, the same for a repeated one. Raises Gone, NotFound and Broken."""
        query.seen = time.monotonic()
        async with query.turn:
            if token == query.token and query.page:
                return query.page
            if token <= query.token and query.closed:
                raise Broken("Expected token to equal next token")
            if token <= query.token:
                raise Gone("HTTP 410 Gone")
            if token != query.token + 1:
                raise NotFound
            page = await self._next_page(query, token)
            query.token, query.page = token, page
            return page

    async def _next_page(self, query: Query, token: int) -> Page:
        await _wait(query.ready, self.limits.long_poll_seconds)
        following, cancelling = query.path("executing", token + 1), query.cancel_path(token + 1)
        if not query.ready.is_set():
            return Page(progress=query.progress(), next_path=following, cancel_path=cancelling)
        outcome = query.outcome
        if query.has_ended or outcome is None:
            return query.last_page()
        data = await self._data(query, outcome)
        if data is None:
            query.end("FINISHED")
            return query.last_page()
        return Page(
            progress=query.progress(),
            next_path=following,
            cancel_path=cancelling,
            columns=outcome.columns,
            data=data,
            update_type=outcome.update_type,
            update_count=outcome.update_count,
            headers=outcome.headers,
        )

    async def _data(self, query: Query, outcome: Outcome) -> object:
        if query.magic.bytes is not None:
            first, query.rows = query.rows == 0, 1
            return Huge(query.magic.bytes) if first else None
        if outcome.rows is None:
            return None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._take, query, outcome)
        except Failure as failure:
            query.end("FAILED", failure)
            return None

    def _take(self, query: Query, outcome: Outcome) -> object:
        batch = outcome.rows.take(self.limits.page_bytes) if outcome.rows else None
        if batch is None:
            return None
        offset, query.rows = query.rows, query.rows + batch.count
        if query.encoding is None or outcome.update_type:
            return batch.json
        return self.storage.segment(batch.json, batch.count, offset, query.encoding)


def _unexpected(error: BaseException) -> Failure:
    return Failure("GENERIC_INTERNAL_ERROR", f"the simulator failed: {type(error).__name__}: {error}")


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
