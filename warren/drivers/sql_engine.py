"""A SQLAlchemy engine for each kind of database, with the settings that a gateway needs."""

import logging
import os
import re
import socket
from contextlib import closing, suppress
from pathlib import Path
from sqlite3 import OperationalError, connect
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from warren.drivers.sql_tls import client_context
from warren.errors import Problem, SettingsError
from warren.settings.stores.jdbc import DatabaseUrl

POOL_SIZE = 5
"""Connections of one instance. No overflow: such connections are opened and closed with each use."""

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "mysql": "mysql+aiomysql"}
EXTRAS = {"postgresql": "postgres", "mysql": "mysql"}
"""What to install of this package for a driver that does not come with it."""

_UNPREPARED = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}
"""No statement outlives its transaction, so each may be another connection's: PgBouncer's transaction mode. The empty
name is needed too: SQLAlchemy prepares every statement, and only one without a name does asyncpg send whole each time."""

_SYSTEM_ERROR = re.compile(r"\[Errno ([0-9]{1,4})\] (?:Connect call failed \([^)]*\)|[^,:]*)")


def make_engine(url: DatabaseUrl, *, patience: float) -> AsyncEngine:
    """An engine that connects when first used; `patience` bounds, in seconds, each wait for a lock or connection.

    Each statement is its own transaction (autocommit), which saves two round trips.
    Raises SettingsError when the driver is not installed, or a certificate cannot be read.
    """
    # Its tracebacks of connections that broke, or could not be closed, say once more what StoreUnavailable says.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    try:
        engine = create_async_engine(
            _sqlalchemy_url(url),
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=patience,
            pool_pre_ping=url.path is None,
            **_connecting(url, patience),
        )
    except ModuleNotFoundError as missing:
        remedy = f"needs the library {missing.name}: pip install 'warren[{EXTRAS[url.dialect]}]'"
        raise SettingsError((Problem("dataStore.jdbcUrl", None, f"jdbc:{url.dialect}:", remedy),)) from missing
    if url.path is not None:
        _prepare_file(engine, url.path)
    return engine


def said_by(error: BaseException) -> str:
    """What a driver says, on one line; what the system says, in plain words. Of several addresses each has its own."""
    if isinstance(error, socket.gaierror):
        return "the name cannot be resolved"
    # PostgreSQL shows the row in a second line.
    said = " ".join(str(error).partition("\nDETAIL:")[0].split()) or type(error).__name__
    return _SYSTEM_ERROR.sub(lambda found: os.strerror(int(found[1])).lower(), said)


def label_of(url: DatabaseUrl) -> str:
    """Which database this is, for logs and for telling two apart; without user, password and options."""
    if url.path is not None:
        return f"sqlite:{url.path}"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.dialect}://{host}:{url.port}/{url.database}"


def _sqlalchemy_url(url: DatabaseUrl) -> URL:
    if url.path is not None:
        return URL.create(DRIVERS[url.dialect], database=str(url.path))
    return URL.create(
        DRIVERS[url.dialect],
        username=url.user,
        password=url.password.get_secret_value() if url.password is not None else None,
        host=url.host,
        port=url.port,
        database=url.database,
    )


def _connecting(url: DatabaseUrl, patience: float) -> dict[str, Any]:
    """What SQLAlchemy is to hand to the driver, in the driver's words."""
    patience = min(patience, float(url.options.get("connectTimeout", patience)))
    match url.dialect:
        case "postgresql":
            return {"connect_args": _postgresql(url, patience)}
        case "mysql":
            from warren.drivers.sql_mysql import connector

            return {"connect_args": {"connect_timeout": patience, "async_creator_fn": connector(client_context(url))}}
        case _:
            return {"connect_args": {"timeout": patience}}


def _postgresql(url: DatabaseUrl, patience: float) -> dict[str, Any]:
    connecting = {"timeout": patience, "server_settings": _session(url), "ssl": client_context(url)}
    return connecting | _UNPREPARED if "prepareThreshold" in url.options else connecting


def _session(url: DatabaseUrl) -> dict[str, str]:
    session = {"application_name": url.options.get("ApplicationName", "warren")}
    if "currentSchema" in url.options:
        session["search_path"] = url.options["currentSchema"]
    if "options" in url.options:
        session["options"] = url.options["options"]
    return session


def postgresql_arguments(url: DatabaseUrl, patience: float) -> dict[str, Any]:
    """What a connection of asyncpg's own needs: the same server, user, TLS and session as the engine's."""
    return {
        "host": url.host,
        "port": url.port,
        "user": url.user,
        "password": url.password.get_secret_value() if url.password is not None else None,
        "database": url.database,
        "timeout": patience,
        "server_settings": _session(url),
        "ssl": client_context(url),
    }


def _prepare_file(engine: AsyncEngine, path: Path) -> None:
    """Readers and one writer at a time without waiting for each other, in files that only their owner may read."""

    @event.listens_for(engine.sync_engine, "do_connect")
    def create(*_: object) -> None:
        if not path.exists():
            _create_file(path)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        # For a file that was made by somebody else; it must wait while others are at work there.
        with suppress(OperationalError):
            cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()


def _create_file(path: Path) -> None:
    """Make the file in one step, private and in WAL mode: two processes that switch the mode at once would fail."""
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as private:
        fresh = Path(private) / "fresh"
        fresh.touch(mode=0o600)  # SQLite gives the files beside it (-wal, -shm) the same mode
        with closing(connect(fresh)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass  # another process was faster
        except OSError:
            path.touch(mode=0o600)  # a file system without links; the mode is switched when connecting
