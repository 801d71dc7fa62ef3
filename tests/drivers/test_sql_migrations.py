"""From whatever a database holds to upstream's fourth version, rows kept, on each kind of server."""

import asyncio
import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from tests.fixtures.databases import Server
from warren.drivers.sql import Database
from warren.drivers.sql_migrations import HEAD, SCRIPTS
from warren.errors import StoreUnavailable
from warren.settings.stores.jdbc import DatabaseUrl

UPSTREAM_V1 = """
    CREATE TABLE gateway_backend (name varchar(256) PRIMARY KEY, routing_group varchar(256), backend_url varchar(256),
        external_url varchar(256), active boolean);
    CREATE TABLE query_history (query_id varchar(256) PRIMARY KEY, query_text varchar(256), created bigint,
        backend_url varchar(256), user_name varchar(256), source varchar(256));
    CREATE INDEX query_history_created_idx ON query_history (created);
    CREATE TABLE resource_groups (resource_group_id bigint PRIMARY KEY, name varchar(250) NOT NULL);
"""
UPSTREAM_V2 = "ALTER TABLE query_history ADD COLUMN routing_group varchar(255)"
UPSTREAM_V3 = "ALTER TABLE query_history ADD COLUMN external_url varchar(255)"
UPSTREAM_V4 = {
    "postgresql": "ALTER TABLE query_history ALTER COLUMN query_text TYPE text",
    "mysql": "ALTER TABLE query_history MODIFY COLUMN query_text longtext",
    "sqlite": "",
}
FLYWAY = """
    CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50), script varchar(1000));
    INSERT INTO flyway_schema_history VALUES (1, '0', 'baseline'), (2, '1', 'V1__create_schema.sql');
"""
ROWS = """
    INSERT INTO gateway_backend VALUES ('blue', 'adhoc', 'http\\://blue\\:8080', 'http\\://blue\\:8080', true);
    INSERT INTO query_history (query_id, query_text, created, backend_url, user_name, source)
        VALUES ('20260416_160256_03078_6b4yt', 'SELECT 1', 1776355376000, 'http\\://blue\\:8080', 'ann', NULL);
"""
COLUMNS = {
    "gateway_backend": ["name", "routing_group", "backend_url", "external_url", "active"],
    "query_history": [
        *("query_id", "query_text", "created", "backend_url", "user_name", "source", "routing_group", "external_url"),
    ],
}
LONG = "SELECT '" + "ü" * 100_000 + "'"


@pytest.fixture
async def database(any_database: DatabaseUrl) -> AsyncIterator[Database]:
    async with contextlib.aclosing(Opened(any_database, deadline=20.0)) as database:
        yield database


class Opened(Database):
    """A database that `aclosing` can close."""

    async def aclose(self) -> None:
        await self.close()


async def run(database: Database, script: str) -> None:
    for statement in script.split(";"):
        if statement.strip():
            await database.execute(statement)


async def contents(database: Database, table: str) -> list[dict[str, object]]:
    return [dict(row) for row in await database.fetch(f"SELECT * FROM {table}")]


async def assert_version_four(database: Database) -> None:
    await database.execute(
        "INSERT INTO query_history VALUES ('q', :text, 1, 'http', 'u', 's', :group, :url)",
        text=LONG,
        group="g" * 255,
        url="u" * 255,
    )
    (row,) = await database.fetch("SELECT * FROM query_history WHERE query_id = 'q'")
    assert list(row) == COLUMNS["query_history"]
    assert row["query_text"] == LONG
    await database.execute("DELETE FROM query_history WHERE query_id = 'q'")


def upstream(version: int, dialect: str) -> str:
    return ";".join([UPSTREAM_V1, UPSTREAM_V2, UPSTREAM_V3, UPSTREAM_V4[dialect]][:version])


async def test_an_empty_database_gets_both_tables(database: Database) -> None:
    assert await database.migrate()
    await assert_version_four(database)
    await run(database, ROWS)
    assert [list(row) for row in await contents(database, "gateway_backend")] == [COLUMNS["gateway_backend"]]
    assert not await database.insert("INSERT INTO gateway_backend (name) VALUES ('blue')")


async def test_tables_of_others_are_left_alone(database: Database) -> None:
    await run(database, "CREATE TABLE invoices (id int); INSERT INTO invoices VALUES (7)")
    assert await database.migrate()
    await assert_version_four(database)
    assert await contents(database, "invoices") == [{"id": 7}]


@pytest.mark.parametrize("flyway", [False, True], ids=["without_flyway", "with_flyway"])
@pytest.mark.parametrize("version", [1, 2, 3, 4])
async def test_a_database_of_a_java_gateway_keeps_its_rows(
    database: Database, any_database: DatabaseUrl, version: int, flyway: bool
) -> None:
    await run(database, upstream(version, any_database.dialect) + ";" + ROWS)
    if flyway:
        await run(database, FLYWAY)
    clusters, (query,) = await contents(database, "gateway_backend"), await contents(database, "query_history")

    assert await database.migrate()

    assert await contents(database, "gateway_backend") == clusters
    assert await contents(database, "query_history") == [{"routing_group": None, "external_url": None, **query}]
    assert await contents(database, "resource_groups") == []
    await assert_version_four(database)
    if flyway:
        assert [row["version"] for row in await contents(database, "flyway_schema_history")] == ["0", "1"]


async def test_the_index_on_created_is_there_once(database: Database, any_database: DatabaseUrl) -> None:
    asked = {
        "sqlite": "SELECT name AS n FROM pragma_index_list('query_history') WHERE origin = 'c'",
        "postgresql": "SELECT indexname AS n FROM pg_indexes WHERE tablename = 'query_history' AND indexname <> 'query_history_pkey'",
        "mysql": "SELECT index_name AS n FROM information_schema.statistics WHERE table_schema = DATABASE()"
        " AND table_name = 'query_history' AND index_name <> 'PRIMARY'",
    }[any_database.dialect]
    await run(database, upstream(1, any_database.dialect))
    await run(
        database,
        "DROP INDEX query_history_created_idx" + (" ON query_history" if any_database.dialect == "mysql" else ""),
    )
    assert await database.migrate()
    assert [row["n"] for row in await database.fetch(asked)] == ["query_history_created_idx"]


async def test_a_second_migration_has_nothing_to_do(database: Database) -> None:
    assert await database.migrate()
    assert not await database.migrate()
    assert await contents(database, "warren_alembic_version") == [{"version_num": HEAD}]


async def test_a_database_of_a_newer_warren_is_left_alone(database: Database) -> None:
    await database.migrate()
    await database.execute("UPDATE warren_alembic_version SET version_num = '9999'")
    assert not await database.migrate()


async def test_a_migration_cut_short_is_done_again(database: Database, any_database: DatabaseUrl) -> None:
    # As MySQL leaves it, where each step is a transaction of its own.
    await run(database, upstream(2, any_database.dialect) + ";" + ROWS)
    await run(database, "CREATE TABLE warren_alembic_version (version_num varchar(32) PRIMARY KEY)")
    assert await database.migrate()
    await assert_version_four(database)


MIGRATE = """
    import asyncio, sys
    from pathlib import Path
    from pydantic import SecretStr
    from warren.drivers.sql import Database
    from warren.settings.stores.jdbc import DatabaseUrl

    async def main():
        dialect, host, port, database, user, path = sys.argv[1:]
        database = Database(DatabaseUrl(dialect=dialect, host=host, port=int(port), database=database, user=user,
            password=SecretStr("secret"), path=Path(path) if path else None), deadline=20.0)
        print("ready", flush=True)
        sys.stdin.readline()
        print(await database.migrate())
        await database.close()

    asyncio.run(main())
"""


@pytest.mark.slow
async def test_processes_that_migrate_at_once_all_succeed(database: Database, any_database: DatabaseUrl) -> None:
    arguments = [
        any_database.dialect,
        any_database.host,
        str(any_database.port),
        any_database.database,
        any_database.user or "",
        str(any_database.path or ""),
    ]
    children = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", textwrap.dedent(MIGRATE), *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    try:
        async with asyncio.timeout(60):
            for child in children:
                assert child.stdout is not None
                assert await child.stdout.readline() == b"ready\n"
            said = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    assert [child.returncode for child in children] == [0, 0, 0], said
    assert sum(b"migration_finished" in output for output, _ in said) == 1
    await assert_version_four(database)


@pytest.mark.slow
async def test_whoever_waits_too_long_for_the_lock_is_told_and_may_come_back(
    postgres_url: DatabaseUrl, postgres: Server
) -> None:
    async with contextlib.aclosing(Opened(postgres_url, deadline=20.0)) as database:
        await run(database, upstream(3, "postgresql"))
        async with postgres.session(postgres_url) as other, other.transaction():
            await other.execute("LOCK TABLE query_history IN ACCESS SHARE MODE")  # a dump that takes its time
            with pytest.raises(StoreUnavailable, match="lock timeout"):
                await database.migrate()
        assert await database.migrate()
        await assert_version_four(database)


@pytest.mark.slow
async def test_one_who_may_not_create_tables_is_told_why(postgres_url: DatabaseUrl, postgres: Server) -> None:
    await postgres.run("DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    async with contextlib.aclosing(
        Opened(postgres.url(postgres_url.database, user="reader"), deadline=20.0)
    ) as database:
        with pytest.raises(StoreUnavailable, match="permission denied for schema public"):
            await database.migrate()


def test_head_is_the_newest_revision() -> None:
    scripts = ScriptDirectory(str(SCRIPTS), version_locations=[str(SCRIPTS / "versions")])
    assert scripts.get_heads() == [HEAD]


def test_a_start_with_nothing_to_do_loads_no_alembic(tmp_path: Path) -> None:
    arguments = ["sqlite", "", "0", "", "", str(tmp_path / "warren.sqlite")]
    loaded = textwrap.dedent(MIGRATE) + "\nprint('alembic' in sys.modules)"
    said = [
        subprocess.run(
            [sys.executable, "-c", loaded, *arguments],
            input="\n",
            capture_output=True,
            text=True,
            check=True,
            env=os.environ,
        ).stdout.splitlines()[-2:]
        for _ in range(2)
    ]
    assert said == [["True", "True"], ["False", "False"]]
