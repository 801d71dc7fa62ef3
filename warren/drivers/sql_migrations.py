"""Bringing the tables up to date: whether anything is due, the lock, and Alembic, which is loaded only then."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy import Connection, inspect, text

from warren.errors import StoreUnavailable

log = structlog.get_logger()

HEAD = "0003"
"""The newest revision in `migrations/versions`; stands here so that a start with nothing to do loads no Alembic."""
VERSION_TABLE = "warren_alembic_version"
SCRIPTS = Path(__file__).parent / "migrations"

LOCK_NUMBER = 0x57415252454E
"""Names PostgreSQL's advisory lock: "WARREN" in ASCII. Such locks belong to one database."""
LOCK_NAME = "CONCAT('warren.', MD5(DATABASE()))"
"""Names MySQL's lock. Such locks belong to the whole server, hence the name of the database in it."""
LOCK_SECONDS = 5
"""How long to wait while another process migrates; it may take longer with a long history, so callers come back."""
TABLE_SECONDS = 1
"""How long to wait for a table that others use: while an ALTER waits, all their statements queue behind it."""


def is_due(connection: Connection) -> bool:
    """Whether the tables are older than this program. False too when a newer Warren has made them."""
    return (_revision(connection) or "") < HEAD


def bring_up_to_date(connection: Connection) -> None:
    """Do what is due, under a lock; whoever had to wait for the lock finds nothing left to do."""
    with _LOCKED[connection.dialect.name](connection):
        if is_due(connection):
            log.info("migration_started", revision=_revision(connection), to=HEAD)
            _run_alembic(connection)
            log.info("migration_finished", to=HEAD)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 a constant


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")


@contextmanager
def _in_postgresql(connection: Connection) -> Iterator[None]:
    connection.execution_options(isolation_level="READ COMMITTED")
    with connection.begin():
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK_NUMBER})
        connection.execute(text(f"SET LOCAL lock_timeout = '{TABLE_SECONDS}s'"))
        yield


@contextmanager
def _in_mysql(connection: Connection) -> Iterator[None]:
    # Each ALTER is a transaction of its own here; steps look before they act, so that they can be done again.
    locked = connection.execute(text(f"SELECT GET_LOCK({LOCK_NAME}, {LOCK_SECONDS})")).scalar()
    if locked != 1:
        raise StoreUnavailable(f"another process has been migrating for {LOCK_SECONDS} s")
    try:
        connection.execute(text(f"SET SESSION lock_wait_timeout = {TABLE_SECONDS}"))
        yield
    finally:
        connection.execute(text("SET SESSION lock_wait_timeout = DEFAULT"))
        connection.execute(text(f"SELECT RELEASE_LOCK({LOCK_NAME})"))


@contextmanager
def _in_sqlite(connection: Connection) -> Iterator[None]:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


_LOCKED = {"postgresql": _in_postgresql, "mysql": _in_mysql, "mariadb": _in_mysql, "sqlite": _in_sqlite}
