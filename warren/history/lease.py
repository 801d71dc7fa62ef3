"""Lets one process at a time do what only one should, by a row of the database; no clock is compared with another."""

import secrets
from collections.abc import Callable

from warren.drivers.sql import Database

LAPSES_SECONDS = 60.0
"""A holder that has not been heard of for so long, on the observer's own clock, is gone."""

SELECT = "SELECT holder, beat FROM warren_leases WHERE name = :name"
INSERT = "INSERT INTO warren_leases (name, holder, beat) VALUES (:name, :holder, :beat)"
SWAP = (
    "UPDATE warren_leases SET holder = :holder, beat = :beat"
    " WHERE name = :name AND holder = :seen_holder AND beat = :seen_beat"
)
NOBODY = ""
"""The holder of a lease that was left."""


class Lease:
    """Held from `take` until `leave`; the holder calls `renew` now and then. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database, name: str, *, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._database = database
        self._name = name
        self._clock = clock
        self._holder = secrets.token_hex(16)
        self._beat = 0
        self._seen: tuple[object, object] | None = None
        self._seen_since = 0.0

    async def take(self) -> bool:
        """Whether this process holds it now: nobody did, or whoever did has not renewed it for too long."""
        rows = await self._database.fetch(SELECT, name=self._name)
        if not rows:
            self._beat = 1
            return await self._database.insert(INSERT, name=self._name, holder=self._holder, beat=1)
        holder, beat = rows[0]["holder"], int(str(rows[0]["beat"]))
        is_free = holder in (NOBODY, self._holder) or self._has_lapsed((holder, beat))
        return is_free and await self._swap(str(holder), beat, self._holder)

    async def renew(self) -> bool:
        """Say that this process is still there; False when it no longer holds the lease."""
        return await self._swap(self._holder, self._beat, self._holder)

    async def leave(self) -> None:
        """Let others have it, if this process still does."""
        await self._swap(self._holder, self._beat, NOBODY)

    def _has_lapsed(self, seen: tuple[object, object]) -> bool:
        now = self._clock()
        if seen != self._seen:
            self._seen, self._seen_since = seen, now
        return now - self._seen_since >= LAPSES_SECONDS

    async def _swap(self, seen_holder: str, seen_beat: int, holder: str) -> bool:
        """Only one of many succeeds: each beat is seen once."""
        self._beat = seen_beat + 1
        found = await self._database.execute(
            SWAP, name=self._name, seen_holder=seen_holder, seen_beat=seen_beat, holder=holder, beat=self._beat
        )
        return found > 0
