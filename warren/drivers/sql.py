"""The door to the SQL database: plain statements with bound values, each with a deadline, failing in one way."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import inf

import orjson
from sqlalchemy import BindParameter, TextClause, bindparam, inspect, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from warren.drivers.sql_engine import label_of, make_engine, said_by
from warren.drivers.sql_migrations import bring_up_to_date, is_due
from warren.errors import RowsRefused, StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

Row = Mapping[str, object]

MIGRATION_SECONDS = 600.0
"""MySQL copies a table whose column grows; a long history takes minutes."""
GOODBYE_SECONDS = 0.1
"""How long a driver may take leave of a server that has missed a deadline."""
LONGEST_REASON = 300

BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN", "mysql": "BEGIN"}
"""At once: of two that want to write, SQLite would turn down the one that has only read so far, without letting it wait."""
UNLESS_THERE = {
    "sqlite": " ON CONFLICT ({key}) DO NOTHING",
    "postgresql": " ON CONFLICT ({key}) DO NOTHING",
    "mysql": " ON DUPLICATE KEY UPDATE {key} = {key}",  # INSERT IGNORE would also cut and alter what does not fit
}
TYPES = {str: "text", int: "bigint"}
"""What PostgreSQL calls a kind of value."""
VALUES_FOLLOW = re.compile(r" sequence: |(?<=query argument \$[0-9]): |(?<=query argument \$[0-9][0-9]): ")
ABOUT_ROWS = ("22", "23")
"""Classes of SQLSTATE: the data, and the constraints on it."""


@dataclass(frozen=True, slots=True)
class NewRows:
    """An INSERT that leaves rows with the same key as they are, and still fails for any other fault."""

    table: str
    key: str
    columns: Mapping[str, type]
    """By name the kind of value: `str` or `int`, both also None."""


class Database:
    """One database and its pool of connections, opened as needed.

    Every method raises only StoreUnavailable, and `write` RowsRefused, their text fit for people: it names the database and
    holds no secret.
    Statements are the same for all dialects; values are bound (`:name`), never written into them. A tuple stands for
    a list in parentheses. Each statement is a transaction of its own, but for those of a batch.
    """

    def __init__(self, url: DatabaseUrl, *, deadline: float = 2.0) -> None:
        """Connects to nothing yet; `deadline` is in seconds, for each call with all that belongs to it.

        Raises SettingsError when the library for this kind of database is not installed.
        """
        self.label = label_of(url)
        """The database's address for logs and people, without user and password."""
        self._dialect = url.dialect
        self._longest = float(url.options.get("socketTimeout", inf))
        self._deadline = min(deadline, self._longest)
        # A little less for what the drivers wait for, so that they can still say what it was.
        self._engine = make_engine(url, patience=0.9 * self._deadline)

    async def fetch(self, statement: str, /, *, within: float = inf, **values: object) -> Sequence[Row]:
        """All rows of a SELECT, by column name. `within` is in seconds, where less than the deadline is wanted.

        Cancelled from outside it may take what is left of that: drivers take leave of the server politely.
        """
        async with self._in_time(min(within, self._deadline)), self._engine.connect() as connection:
            return [row._asdict() for row in await connection.execute(text(statement), values)]

    async def execute(self, statement: str, /, **values: object) -> int:
        """Run an UPDATE or DELETE; the number of rows that it matched, changed or not."""
        async with self._in_time(self._deadline), self._engine.connect() as connection:
            return (await connection.execute(_with_lists(statement, values), values)).rowcount

    async def insert(self, statement: str, /, **values: object) -> bool:
        """Run an INSERT; False when a row with this key was there already."""
        async with self._in_time(self._deadline), self._engine.connect() as connection:
            try:
                await connection.execute(text(statement), values)
            except IntegrityError:
                return False
            return True

    async def write(self, *steps: tuple[str | NewRows, Sequence[Row]], deadline: float) -> None:
        """Run each statement with each of its rows, all in one transaction, within `deadline` seconds.

        Raises RowsRefused when the fault is in what the rows hold: nothing of the batch is stored then. After
        StoreUnavailable it may be stored all the same, as ever when an answer is missing.
        """
        async with self._in_time(min(deadline, self._longest)), self._engine.connect() as connection:
            try:
                await connection.exec_driver_sql(BEGIN[self._dialect])
                for step, rows in steps:
                    if not rows:
                        continue
                    if isinstance(step, str):
                        await connection.execute(text(step), rows)
                    else:
                        await connection.execute(*_insert(step, rows, self._dialect))
                await connection.exec_driver_sql("COMMIT")
            except BaseException as error:
                # Half a transaction must not be left to the connection's next user.
                await connection.invalidate()
                if _is_about_rows(error):
                    raise RowsRefused(f"{self.label}: {_without_values(_in_words(error))}") from error
                raise

    async def ping(self) -> None:
        """Return when the database takes a connection and answers."""
        await self.fetch("SELECT 1 AS one")

    async def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""
        async with self._in_time(self._deadline), self._engine.connect() as connection:
            return bool(await connection.run_sync(lambda it: inspect(it).has_table(name)))

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
        except RowsRefused:
            raise
        except TimeoutError as error:
            raise StoreUnavailable(f"{self.label} did not answer in time") from error
        except PoolTimeout as error:
            raise StoreUnavailable(f"all connections to {self.label} are busy") from error
        except Exception as error:
            # Deliberately all: at connect and on broken connections asyncpg, aiomysql and SQLite each raise classes
            # of their own past SQLAlchemy, down to EOFError and RuntimeError.
            raise StoreUnavailable(f"{self.label}: {_in_words(error)}") from error


def _insert(new: NewRows, rows: Sequence[Row], dialect: str) -> tuple[TextClause, Row | Sequence[Row]]:
    """The statement and what is bound to it."""
    into = f"INSERT INTO {new.table} ({', '.join(new.columns)})"
    unless_there = UNLESS_THERE[dialect].format(key=new.key)
    if dialect == "postgresql":
        # One text for all rows: with values or arrays, SQLAlchemy and the driver take many times as long.
        columns = ", ".join(f"{name} {TYPES[kind]}" for name, kind in new.columns.items())
        them = f"json_to_recordset(CAST(CAST(:rows AS text) AS json)) AS it ({columns})"
        return text(f"{into} SELECT * FROM {them}{unless_there}"), {"rows": _in_json(rows)}  # noqa: S608 # the names are ours
    return text(f"{into} VALUES ({', '.join(f':{name}' for name in new.columns)}){unless_there}"), rows


def _in_json(rows: Sequence[Row]) -> str:
    """Raises ValueError for what no row may hold."""
    try:
        return orjson.dumps(rows).decode()
    except orjson.JSONEncodeError as error:  # which is just another name of TypeError
        raise ValueError(str(error)) from error


def _with_lists(statement: str, values: Mapping[str, object]) -> TextClause:
    lists: list[BindParameter[object]] = [
        bindparam(name, expanding=True) for name, value in values.items() if isinstance(value, tuple)
    ]
    return text(statement).bindparams(*lists)


def _is_about_rows(error: BaseException) -> bool:
    """Whether the database refuses what the rows hold, rather than the statement, the table or the user."""
    if isinstance(error, DataError | IntegrityError | ValueError | OverflowError):
        return True  # the last two come from who cannot even write the value down
    if not isinstance(error, DBAPIError) or error.orig is None:
        return False
    state = getattr(error.orig, "sqlstate", None)
    return (isinstance(state, str) and state[:2] in ABOUT_ROWS) or isinstance(error.orig.__cause__, ValueError)


def _without_values(said: str) -> str:
    """asyncpg shows a value that it cannot write down, which may be somebody's statement."""
    return VALUES_FOLLOW.split(said, maxsplit=1)[0]


def _in_words(error: BaseException) -> str:
    """What the driver said, on one line; without the statement and its values, which SQLAlchemy adds."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error.orig
    return said_by(error)[:LONGEST_REASON]
