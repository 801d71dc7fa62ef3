"""One query: its state, the secrets in its addresses, its last page."""

import asyncio
import datetime as dt
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from warren.simulator.magic import ORDINARY
from warren.simulator.pages import Page, Progress
from warren.simulator.sql.engine import Run
from warren.simulator.sql.failures import Failure
from warren.simulator.sql.rows import Outcome
from warren.simulator.sql.sessions import Session


class Query:
    """One query. Belongs to the event loop; only `work` and `take` run in threads."""

    def __init__(self, query_id: str, sql: str, session: Session, *, encoding: str | None) -> None:
        self.id = query_id
        self.sql = sql
        self.session = session
        self.encoding = encoding
        self.state = "QUEUED"
        self.polled = False
        self.failure: Failure | None = None
        self.outcome: Outcome | None = None
        self.magic = ORDINARY
        self.run: Run | None = None
        self.created = dt.datetime.now(dt.UTC)
        self.ended: dt.datetime | None = None
        self.seen = time.monotonic()
        self.rows = 0
        self.closed = False
        """Cancelled by its client by its address."""
        self.dispatched = asyncio.Event()
        self.ready = asyncio.Event()
        self.turn = asyncio.Lock()
        self.queued_token = 1
        self.token = -1
        self.page: Page | None = None
        self._secret = secrets.token_bytes(20)
        self._timers: list[asyncio.TimerHandle] = []
        self.loop = asyncio.get_running_loop()

    def slug(self, phase: str, token: int) -> str:
        """What a client must know to ask for that token; another one for each."""
        return "y" + hmac.new(self._secret, f"{phase} {token}".encode(), hashlib.sha1).hexdigest()

    def fits(self, phase: str, token: int, slug: str) -> bool:
        return hmac.compare_digest(self.slug(phase, token).encode(), slug.encode())

    def path(self, phase: str, token: int) -> str:
        return f"/v1/statement/{phase}/{self.id}/{self.slug(phase, token)}/{token}"

    def cancel_path(self, token: int) -> str:
        slug = self.slug("executing", token)
        return f"/v1/statement/executing/partialCancel/{self.id}/0/{slug}/{token}"

    @property
    def has_ended(self) -> bool:
        return self.state in {"FINISHED", "FAILED"}

    @property
    def elapsed_ms(self) -> int:
        return int(((self.ended or dt.datetime.now(dt.UTC)) - self.created).total_seconds() * 1000)

    def progress(self) -> Progress:
        staged = self.state != "QUEUED" and bool(self.outcome and self.outcome.columns)
        return Progress(state=self.state, elapsed_ms=self.elapsed_ms, rows=self.rows, staged=staged)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Act later, unless the query ends before."""
        self._timers.append(asyncio.get_running_loop().call_later(seconds, act))

    def end(self, state: str, failure: Failure | None = None) -> None:
        """The query is over. What still runs for it is stopped."""
        if self.has_ended:
            return
        self.state, self.failure, self.ended = state, failure, dt.datetime.now(dt.UTC)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.dispatched.set()
        self.ready.set()
        if self.run and failure:
            self.run.interrupt()

    def forget_page(self) -> None:
        """The client wants no more: a page that it had cannot be had again, the next one tells the end."""
        self.closed, self.page = True, None

    def stop_early(self) -> None:
        """Run no further; the rows that there are will do."""
        self.dispatched.set()
        self.ready.set()
        if self.run:
            self.run.interrupt()

    def last_page(self) -> Page:
        """The page that ends it."""
        outcome = self.outcome or Outcome()
        return Page(
            progress=self.progress(),
            columns=outcome.columns if self.outcome else None,
            failure=self.failure,
            update_type=outcome.update_type,
            update_count=outcome.update_count,
            headers=() if self.failure else outcome.headers,
        )
