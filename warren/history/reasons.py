"""Why each statement went where it went: a table of ours beside upstream's, which stays as it is."""

import time
from collections.abc import Callable, Sequence

from warren.drivers.sql import Database, NewRows, Row
from warren.history.record import Record

TABLE = "warren_routing_reasons"
INSERT = NewRows(TABLE, "query_id", {"query_id": str, "created": int, "reason": str})
LOOK_AGAIN_SECONDS = 60.0
"""After the table was not there: somebody may run the migration by hand."""


class Reasons:
    """The table, or nothing in a database whose migrations are not run by Warren and have not been run by hand."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells monotonic seconds."""
        self._database = database
        self._clock = clock
        self._is_there = False
        self._looked = float("-inf")

    async def is_there(self) -> bool:
        """Raises StoreUnavailable."""
        if not self._is_there and self._clock() - self._looked >= LOOK_AGAIN_SECONDS:
            self._is_there = await self._database.has_table(TABLE)
            self._looked = self._clock()
        return self._is_there

    async def step(self, records: Sequence[Record]) -> tuple[NewRows, Sequence[Row]]:
        """What stores the reasons of these records, which are clean: one step of a batch. Raises StoreUnavailable."""
        if not await self.is_there():
            return INSERT, ()
        return INSERT, [_row_of(record) for record in records if record.routing_reason]


def _row_of(record: Record) -> Row:
    return {"query_id": record.query_id, "created": record.created, "reason": record.routing_reason}
