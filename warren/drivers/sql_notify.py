"""Telling all who listen, and hearing what others tell, through PostgreSQL: NOTIFY and LISTEN on one channel."""

import asyncio
from collections.abc import Callable
from typing import Any

from warren.drivers.sql_engine import label_of, postgresql_arguments, said_by
from warren.errors import StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

PATIENCE_SECONDS = 2.0
QUIET_SECONDS = 10.0
"""After so long the server is asked whether it still lives: a dead connection is as quiet as a good one."""


def can_notify(url: DatabaseUrl) -> bool:
    """Only PostgreSQL can. Behind PgBouncer in transaction mode, which `prepareThreshold` stands for, nobody can listen."""
    return url.dialect == "postgresql" and "prepareThreshold" not in url.options


class NotifyChannel:
    """A channel of one database. Made for databases that `can_notify`."""

    def __init__(self, name: str, url: DatabaseUrl) -> None:
        """`name` is an identifier of small letters and underscores."""
        self._name = name
        self._url = url
        self._label = label_of(url)

    async def publish(self, message: str) -> None:
        """Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                connection = await self._connected()
                try:
                    await connection.execute("SELECT pg_notify($1, $2)", self._name, message)
                finally:
                    connection.terminate()
        except Exception as error:
            raise self._unavailable(error) from error

    async def listen(self, hear: Callable[[str], None], *, listening: Callable[[], None]) -> None:
        """Call `hear` for each message, for ever. Raises StoreUnavailable when the connection ends or is dead.

        `listening` is called once messages arrive: what was told before is not heard.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                connection = await self._connected()
        except Exception as error:
            raise self._unavailable(error) from error
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await connection.add_listener(self._name, lambda _connection, _pid, _channel, message: hear(message))
            listening()
            while not await _is_set(ended, QUIET_SECONDS):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await connection.execute("SELECT 1")
            raise ConnectionError("the connection was closed")
        except Exception as error:
            raise self._unavailable(error) from error
        finally:
            connection.terminate()

    async def close(self) -> None:
        """Nothing is kept open between two announcements."""

    async def _connected(self) -> Any:
        import asyncpg

        return await asyncpg.connect(**postgresql_arguments(self._url, PATIENCE_SECONDS))

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        # Deliberately all: asyncpg raises classes of its own, of the system and of asyncio.
        return StoreUnavailable(f"{self._label}: {said_by(error)[:200]}")


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
