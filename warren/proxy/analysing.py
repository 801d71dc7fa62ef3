"""Reads what statements say without holding up the loop: a long one in slices, one such at a time."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from warren.facts import QueryProperties
from warren.protocol.headers import Fields
from warren.protocol.sql.analysis import Reading, step
from warren.protocol.sql.statement import FRONT, may_kill, statement_properties, without_statement
from warren.wire.exchange import Exchange

WAIT_SECONDS: Final = 3.0
"""How long a statement waits for long ones before it, and for itself, to be read. After that it is routed unread."""
WIDEST_CHARACTER: Final = 4


@dataclass(slots=True)
class AnalysisCounts:
    """What reading statements came to."""

    read: int = 0
    not_understood: int = 0
    """Of them, those whose tables and catalogs are not known."""
    gave_up: int = 0
    """Others before them took too long."""


class Analysing:
    """Statements of this instance."""

    def __init__(self, *, max_body_size: int, v2: bool) -> None:
        """`max_body_size` in characters; `v2`: statements may come in JSON."""
        self.max_body_size = max_body_size
        self._v2 = v2
        self._turn = asyncio.Semaphore(1)
        self.counts = AnalysisCounts()

    async def properties(self, exchange: Exchange) -> QueryProperties:
        """What the exchange's statement says. Waits until its body is here, or too much of it. Never raises."""
        content, is_whole = await gathered(exchange, self.max_body_size * WIDEST_CHARACTER + 1)
        reading = statement_properties(
            content, exchange.fields.named, max_body_size=self.max_body_size, v2=self._v2, is_whole=is_whole
        )
        return await self.read(reading, exchange.fields.named)

    async def read(self, reading: Reading, fields: Fields) -> QueryProperties:
        """The end of a reading of the statement that came with these fields."""
        properties = step(reading)
        if properties is None:
            properties = await self._in_slices(reading, fields)
        self.counts.read += 1
        if not properties.is_query_parsing_successful:
            self.counts.not_understood += 1
        return properties

    async def _in_slices(self, reading: Reading, fields: Fields) -> QueryProperties:
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._turn:
                while (properties := step(reading)) is None:  # noqa: ASYNC110 others have their turn in between
                    await asyncio.sleep(0)
                return properties
        except TimeoutError:
            self.counts.gave_up += 1
            reading.close()
            return replace(
                without_statement(fields),
                is_new_query_submission=True,
                is_query_parsing_successful=False,
                error_message=f"the statement is not analysed: long ones took more than {WAIT_SECONDS:.0f} seconds",
            )


async def gathered(exchange: Exchange, limit: int) -> tuple[bytes, bool]:
    """The content of the request's body as far as it is kept, once `limit` bytes of it are here; and whether that is all."""
    body = exchange.body
    if body is None:
        return b"", True
    if not body.complete:
        await exchange.arrives(body.gathered(limit))
    content, missing = body.front()
    return content, missing == 0


async def may_kill_a_query(exchange: Exchange) -> bool:
    """Whether the statement may be one that kills a query. Waits for no more of it than its first word."""
    body, wanted = exchange.body, 1
    while body is not None:
        front, is_whole = await gathered(exchange, wanted)
        if not may_kill(front):
            return False
        if is_whole or len(body.content) < wanted or len(front) >= FRONT:
            return True
        wanted = len(body.content) + 1  # its first word is not here yet
    return False
