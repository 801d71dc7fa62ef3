"""Writes rows of `query_history`; finds those that a database refuses, and writes them in a form that it takes."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from warren.drivers.sql import Database, NewRows, Row
from warren.errors import RowsRefused, StoreUnavailable
from warren.history.counts import Counts
from warren.history.reasons import Reasons
from warren.history.record import COLUMNS, Correction, Entry, Record, briefest, cleaned, milder

INSERT = NewRows("query_history", "query_id", {**dict.fromkeys(COLUMNS, str), "created": int})
CORRECT = (
    "UPDATE query_history SET backend_url = :backend_url, routing_group = :routing_group, external_url = :external_url"
    " WHERE query_id = :query_id"
)
WHOLE = (
    "UPDATE query_history SET query_text = :query_text, user_name = :user_name, source = :source"
    " WHERE query_id = :query_id"
)

BATCH_SECONDS = 10.0
"""How long the database may take for a batch: nobody waits for it."""

SetAside = Callable[[Entry, str], Awaitable[None]]
"""Keeps an entry that no table takes, with the reason."""


class Table:
    """Rows that are there already stay as they are, so any batch may be written again."""

    def __init__(self, database: Database, set_aside: SetAside, counts: Counts) -> None:
        self._database = database
        self._reasons = Reasons(database)
        self._set_aside = set_aside
        self._counts = counts

    async def write(self, entries: Sequence[Entry], *, deadline: float = BATCH_SECONDS) -> None:
        """Store the rows; those that are refused for what they hold are stored in a milder form, or set aside.

        Raises StoreUnavailable; some may be stored all the same. `deadline`, in seconds, is for each attempt.
        """
        try:
            await self._send(entries, deadline)
        except RowsRefused as refused:
            await self._one_by_one(entries, refused, deadline)

    async def write_warily(self, entries: Sequence[Entry], *, deadline: float = BATCH_SECONDS) -> None:
        """As `write`, for rows that could not be stored before: perhaps there is something wrong with one of them.

        Not every fault of a row is called one. A packet that is too long for the server ends the connection, as an
        outage does. So when the database answers, the rows are tried in ever smaller parts. A database may answer and
        yet take nothing, such as one that is locked: a row is to blame only when others are taken at that moment.
        """
        try:
            await self.write(entries, deadline=deadline)
        except StoreUnavailable as unavailable:
            await self._database.ping()
            records = [entry for entry in entries if isinstance(entry, Record)]
            corrections = [entry for entry in entries if isinstance(entry, Correction)]
            if not records:
                raise
            if corrections:
                await self.write_warily(records, deadline=deadline)
                await self._correct_warily(corrections, records[0], deadline)
            else:
                await self._one_by_one(records, unavailable, deadline)

    async def _correct_warily(self, corrections: Sequence[Correction], witness: Record, deadline: float) -> None:
        """`witness` has been written; written again, it shows whether anything is taken."""
        try:
            await self.write(corrections, deadline=deadline)
        except StoreUnavailable as unavailable:
            with suppress(RowsRefused):
                await self._database.write((INSERT, [_row_of(briefest(cleaned(witness)))]), deadline=deadline)
            if len(corrections) == 1:
                await self._set_aside(corrections[0], str(unavailable))
                return
            half = len(corrections) // 2
            await self._correct_warily(corrections[:half], witness, deadline)
            await self._correct_warily(corrections[half:], witness, deadline)

    async def _one_by_one(self, entries: Sequence[Entry], error: Exception, deadline: float) -> None:
        if len(entries) == 1:
            await self._alone(entries[0], error, deadline)
            return
        again = self.write if isinstance(error, RowsRefused) else self.write_warily
        half = len(entries) // 2
        await again(entries[:half], deadline=deadline)
        await again(entries[half:], deadline=deadline)

    async def _alone(self, entry: Entry, error: Exception, deadline: float) -> None:
        """Raises StoreUnavailable when it is the table that takes nothing, whatever it is."""
        if isinstance(entry, Record):
            store = self._milder if isinstance(error, RowsRefused) else self._again
            if await store(cleaned(entry), deadline):
                return
        await self._set_aside(entry, str(error))

    async def _milder(self, record: Record, deadline: float) -> bool:
        """Whether the record is stored in some form."""
        for form in milder(record):
            with suppress(RowsRefused):
                await self._send([form], deadline)
                self._counts.altered += 1
                return True
        return False

    async def _again(self, record: Record, deadline: float) -> bool:
        """Whether a record at which nobody has named a fault is stored whole after all; else perhaps in brief."""
        with suppress(StoreUnavailable, RowsRefused):
            await self._send([record], deadline)
            return True
        with suppress(RowsRefused):
            await self._send([briefest(record)], deadline)
            with suppress(StoreUnavailable, RowsRefused):  # perhaps nothing at all was taken until a moment ago
                await self._database.write((WHOLE, [_row_of(record)]), deadline=deadline)
                return True
            self._counts.altered += 1
        return False

    async def _send(self, entries: Sequence[Entry], deadline: float) -> None:
        taken = [cleaned(entry) for entry in entries if isinstance(entry, Record)]
        records = [_row_of(record) for record in taken]
        corrections = [_correction_of(cleaned(entry)) for entry in entries if isinstance(entry, Correction)]
        reasons = await self._reasons.step(taken)
        self._counts.batches += 1
        try:
            # Records first: a correction may be about one of them.
            await self._database.write((INSERT, records), reasons, (CORRECT, corrections), deadline=deadline)
        except (RowsRefused, StoreUnavailable):
            self._counts.failed_batches += 1
            raise
        self._counts.written += len(entries)


def _row_of(record: Record) -> Row:
    """Upstream's row: NULL for what the client did not say."""
    return {
        "query_id": record.query_id,
        "query_text": record.query_text,
        "created": record.created,
        "backend_url": record.backend_url,
        "user_name": record.user_name or None,
        "source": record.source or None,
        "routing_group": record.routing_group,
        "external_url": record.external_url,
    }


def _correction_of(correction: Correction) -> Row:
    return {
        "query_id": correction.query_id,
        "backend_url": correction.backend_url,
        "routing_group": correction.routing_group,
        "external_url": correction.external_url,
    }
