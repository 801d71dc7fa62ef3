"""The door to the SQL database: plain statements with bound values, each with a deadline, failing in one way."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from warren.drivers.sql_engine import label_of, make_engine
from warren.drivers.sql_migrations import bring_up_to_date, is_due
from warren.errors import StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

Row = Mapping[str, object]

MIGRATION_SECONDS = 600.0
"""MySQL copies a table whose column grows; a long history takes minutes."""
GOODBYE_SECONDS = 0.1
"""How long a driver may take leave of a server that has missed a deadline."""
LONGEST_REASON = 300


class Database:
    """One database and its pool of connections, opened as needed.

    Every method raises only StoreUnavailable, its text fit for people: it names the database and holds no secret.
    Statements are the same for all dialects; values are bound (`:name`), never written into them.
    Each statement is a transaction of its own.
    """

    def __init__(self, url: DatabaseUrl, *, deadline: float = 2.0) -> None:
        """Connects to nothing yet; `deadline` is in seconds, for each call with all that belongs to it.

        Raises SettingsError when the library for this kind of database is not installed.
        """
        self.label = label_of(url)
        """The database's address for logs and people, without user and password."""
        self._deadline = min(deadline, float(url.options.get("socketTimeout", deadline)))
        # A little less for what the drivers wait for, so that they can still say what it was.
        self._engine = make_engine(url, patience=0.9 * self._deadline)

    async def fetch(self, statement: str, /, **values: object) -> Sequence[Row]:
        """All rows of a SELECT, by column name."""
        async with self._in_time(self._deadline), self._engine.connect() as connection:
            return [row._asdict() for row in await connection.execute(text(statement), values)]

    async def execute(self, statement: str, /, **values: object) -> int:
        """Run an UPDATE or DELETE; the number of rows that it matched, changed or not."""
        async with self._in_time(self._deadline), self._engine.connect() as connection:
            return (await connection.execute(text(statement), values)).rowcount

    async def insert(self, statement: str, /, **values: object) -> bool:
        """Run an INSERT; False when a row with this key was there already."""
        async with self._in_time(self._deadline), self._engine.connect() as connection:
            try:
                await connection.execute(text(statement), values)
            except IntegrityError:
                return False
            return True

    async def ping(self) -> None:
        """Return when the database takes a connection and answers."""
        await self.fetch("SELECT 1 AS one")

    async def migrate(self) -> bool:
        """Bring the tables up to date; False when nothing was due, which is found out with one short query.

        Any number of processes may call this at once: one does the work, the others wait a few seconds for it.
        """
        async with self._in_time(self._deadline), self._engine.connect() as connection:
            due = await connection.run_sync(is_due)
        if due:
            async with self._in_time(MIGRATION_SECONDS), self._engine.connect() as connection:
                await connection.run_sync(bring_up_to_date)
        return due

    async def close(self) -> None:
        """Close all connections; never fails and never takes longer than the deadline."""
        with suppress(StoreUnavailable):
            async with self._in_time(self._deadline):
                await self._engine.dispose()

    @asynccontextmanager
    async def _in_time(self, seconds: float) -> AsyncIterator[None]:
        """Ends in time, and turns whatever the drivers raise into StoreUnavailable."""
        try:
            # The inner deadline cancels the call, upon which the drivers wait up to two seconds to close the
            # connection politely; the outer one cancels that, and they close it at once.
            async with asyncio.timeout(seconds + GOODBYE_SECONDS), asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise StoreUnavailable(f"{self.label} did not answer in time") from error
        except PoolTimeout as error:
            raise StoreUnavailable(f"all connections to {self.label} are busy") from error
        except Exception as error:
            # Deliberately all: at connect and on broken connections asyncpg, aiomysql and SQLite each raise classes
            # of their own past SQLAlchemy, down to EOFError and RuntimeError.
            raise StoreUnavailable(f"{self.label}: {_in_words(error)}") from error


def _in_words(error: BaseException) -> str:
    """What the driver said, on one line; without the statement and its values, which SQLAlchemy adds."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    said = " ".join(str(error).split())
    return (said or type(error).__name__)[:LONGEST_REASON]
