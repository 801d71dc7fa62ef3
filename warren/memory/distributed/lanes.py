"""The way to one Valkey server: open or closed, for reading and for writing, and mended by itself."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from warren.drivers.valkey.pool import Command
from warren.drivers.valkey.replies import ELSEWHERE, WRONG_TYPE, Refusal, Reply
from warren.drivers.valkey.topology import Server
from warren.errors import StoreSilent, StoreUnavailable
from warren.memory.distributed.breaker import Breaker
from warren.telemetry.few_lines import FewLines

log = structlog.get_logger()

PROBE_SECONDS = 2.0
"""The longest that a probe waits, but for a budget that is longer: where packets are swallowed, a new connection must be
tried soon."""


class Lane:
    """Calls to one server, as long as it is well. When it is not, calls fail at once, and a probe in the background asks.

    Two breakers: a server that is full, read-only or grants no writing is still read.
    """

    def __init__(
        self,
        server: Server,
        *,
        clock: Callable[[], float],
        budget_seconds: float,
        timeout_seconds: float,
        health_seconds: float,
        lines: FewLines,
        trouble: Callable[[], None],
        mended: Callable[[], None],
    ) -> None:
        """`lines` keeps the log short; `trouble` is called when somebody should `mend`, `mended` when writing has become possible again.

        Seconds: `budget` of a client's request, `timeout` of what nobody waits for, `health` between two looks at a server
        that is well.
        """
        self.server = server
        self._clock = clock
        self._budget = budget_seconds
        self._timeout = timeout_seconds
        self._probe = min(timeout_seconds, max(PROBE_SECONDS, budget_seconds))
        self._trouble = trouble
        self._mended = mended
        self.calls = Breaker(clock, longest_pause_seconds=health_seconds)
        self.writes = Breaker(clock, longest_pause_seconds=health_seconds)
        self._lines = lines
        self._doubted = False
        self._refused: Sequence[Command] = ()
        self.is_being_mended = False
        self.is_gone = False
        """The server is none of ours any more."""

    @property
    def is_ill(self) -> bool:
        return (self.calls.is_open or self.writes.is_open or self._doubted) and not self.is_gone

    @property
    def concern(self) -> Breaker:
        """The one to tell people of: that which is open, the calls' first."""
        return self.writes if self.writes.is_open and not self.calls.is_open else self.calls

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def takes_writes(self) -> bool:
        return not (self.calls.is_open or self.writes.is_open)

    async def read(self, commands: Sequence[Command]) -> list[Reply]:
        """The replies, within the budget. Raises StoreUnavailable, at once while the breaker is open.

        A value of the wrong type is a reply like any other; any other refusal means that nothing can be read.
        """
        replies = await self._ask(commands, self._budget)
        for reply in replies:
            if isinstance(reply, Refusal) and reply.code != WRONG_TYPE:
                if reply.code not in ELSEWHERE and (more := self._lines.one_more()) is not None:
                    log.warning("distributed_cache_refuses_reads", server=self.name, because=reply.words, **more)
                raise StoreUnavailable(f"{self.name}: {reply.words}")
        return replies

    async def write(self, commands: Sequence[Command], *, is_awaited: bool) -> list[Reply]:
        """As `read`. Raises StoreUnavailable also when the server refuses to write.

        What is on its way to another node of the Cluster (ELSEWHERE) is a Refusal among the replies.
        """
        if self.writes.is_open:
            raise StoreUnavailable(self.writes.error)
        replies = await self._ask(commands, self._budget if is_awaited else self._timeout)
        refused = next((reply for reply in replies if isinstance(reply, Refusal) and reply.code not in ELSEWHERE), None)
        if refused is not None:
            self._is_refused(refused, commands)
            raise StoreUnavailable(refused.words)
        return replies

    async def look(self, *, fill: bool) -> None:
        """See whether it is well, though nobody has asked it anything; `fill`: with as many connections as are to be kept."""
        if self.calls.is_open:
            return
        try:
            await self.server.ask([(b"PING",)], within=self._probe)
            if fill:  # now that closed ones do not count as open any more
                await self.server.fill(within=self._probe)
        except StoreUnavailable as error:
            if not self.calls.is_open:
                self.calls.trip(str(error))
                self._is_lost()

    async def _ask(self, commands: Sequence[Command], within: float) -> list[Reply]:
        if self.calls.is_open:
            raise StoreUnavailable(self.calls.error)
        try:
            return await self.server.ask(commands, within=within)
        except StoreUnavailable as error:
            self._failed(error)
            raise

    async def mend(self) -> None:
        """Ask until it is well again, for reading and for writing. Returns at once when it is."""
        self.is_being_mended = True
        try:
            while self.is_ill:
                if self.calls.is_open:
                    await self._try_calls()
                elif self.writes.is_open:
                    await self._try_writes()
                else:
                    self._doubted = False
                    await self.look(fill=False)
        finally:
            self.is_being_mended = False

    # --- trouble

    def _failed(self, error: StoreUnavailable) -> None:
        if self.calls.failed(error):
            self._is_lost()
        elif isinstance(error, StoreSilent) and not self.calls.is_open:
            # Where little is asked, three silences within a second may never come.
            self._doubted = True
            self._trouble()

    def _is_lost(self) -> None:
        if (more := self._lines.one_more()) is not None:
            log.warning("distributed_cache_lost", server=self.name, because=self.calls.error, **more)
        self._trouble()

    def _is_refused(self, refused: Refusal, commands: Sequence[Command]) -> None:
        if self.writes.is_open:
            return
        self._refused = commands
        self.writes.trip(refused.words)
        if (more := self._lines.one_more()) is not None:
            log.warning("distributed_cache_refuses_writes", server=self.name, because=refused.words, **more)
        self._trouble()

    async def _try_calls(self) -> None:
        await asyncio.sleep(self.calls.next_pause())
        # Kept connections may lead to a host that is dead: each would cost a whole time-out to find that out.
        await self.server.pool.close_idle()
        try:
            # It is well when it answers within a request's budget, in which no connection should have to be opened.
            await self.server.fill(within=self._probe)
            await self.server.ask([(b"PING",)], within=self._probe)
            await self.server.ask([(b"PING",)], within=self._budget)
        except StoreUnavailable as error:
            self.calls.error = str(error)
            return
        seconds = self._clock() - self.calls.since
        self._doubted = False
        self.calls.close()
        if (more := self._lines.one_more()) is not None:
            log.info("distributed_cache_back", server=self.name, seconds=round(seconds, 1), **more)
        self._mended()

    async def _try_writes(self) -> None:
        """Try again what was refused. Meanwhile the server is read."""
        await asyncio.sleep(self.writes.next_pause())
        # Kept connections may lead to the former primary, where a name or a proxy leads to the new one.
        await self.server.pool.close_idle()
        try:
            replies = await self._ask(self._refused, self._timeout)
        except StoreUnavailable:
            return
        if any(isinstance(reply, Refusal) and reply.code not in ELSEWHERE for reply in replies):
            return
        self.writes.close()
        if (more := self._lines.one_more()) is not None:
            log.info("distributed_cache_takes_writes", server=self.name, **more)
        self._mended()
