"""What the engine is made of: the options of the URL, and words for what is missing."""

import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr

from warren.drivers.sql import Database
from warren.drivers.sql_engine import label_of, said_by
from warren.errors import SettingsError
from warren.settings.stores.jdbc import DatabaseUrl

SERVER = DatabaseUrl(dialect="mysql", host="db", port=3306, database="gateway", user="ann", password=SecretStr("hush"))


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (SERVER, "mysql://db:3306/gateway"),
        (replace(SERVER, host="2001:db8::1"), "mysql://[2001:db8::1]:3306/gateway"),
        (replace(SERVER, options={"sslmode": "require"}), "mysql://db:3306/gateway"),
        (DatabaseUrl(dialect="sqlite", path=Path("/var/w.sqlite")), "sqlite:/var/w.sqlite"),
    ],
)
def test_a_label_names_the_database_and_nothing_secret(url: DatabaseUrl, label: str) -> None:
    assert label_of(url) == label


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "connection refused"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (
            OSError(
                "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), "
                "[Errno 110] Connect call failed ('127.0.0.1', 1)"
            ),
            "Multiple exceptions: connection refused, connection timed out",
        ),
        (socket.gaierror(-2, "Name or service not known"), "the name cannot be resolved"),
        (OSError("no [Errno 99999] at all"), "no [Errno 99999] at all"),
        (RuntimeError("key\nthere already\nDETAIL: hush"), "key there already"),
        (EOFError(), "EOFError"),
    ],
)
def test_what_a_driver_says_is_said_in_plain_words(error: Exception, said: str) -> None:
    assert said_by(error) == said


@pytest.mark.parametrize(
    ("dialect", "library", "extra"), [("mysql", "aiomysql", "mysql"), ("postgresql", "asyncpg", "postgres")]
)
def test_a_missing_library_is_named_with_the_command_that_brings_it(
    dialect: Literal["mysql", "postgresql"], library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "warren.drivers.sql_mysql", raising=False)
    with pytest.raises(SettingsError) as caught:
        Database(replace(SERVER, dialect=dialect))
    assert f"needs the library {library}: pip install 'warren[{extra}]'" in str(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.slow
async def test_options_of_the_url_reach_postgresql(postgres_url: DatabaseUrl) -> None:
    options = {
        "currentSchema": "one,two",
        "ApplicationName": "gateway 7",
        "options": "-c statement_timeout=1234",
        "connectTimeout": "30",
    }
    database = Database(replace(postgres_url, options=options), deadline=20.0)
    asked = ", ".join(
        f"current_setting('{name}') AS {name}" for name in ("search_path", "application_name", "statement_timeout")
    )
    try:
        (row,) = await database.fetch(f"SELECT {asked}")
    finally:
        await database.close()
    assert dict(row) == {"search_path": "one,two", "application_name": "gateway 7", "statement_timeout": "1234ms"}


@pytest.mark.slow
@pytest.mark.parametrize(("options", "are_kept"), [({}, True), ({"prepareThreshold": "0"}, False)])
async def test_without_prepared_statements_none_is_left_on_a_connection(
    postgres_url: DatabaseUrl, options: dict[str, str], are_kept: bool
) -> None:
    database = Database(replace(postgres_url, options=options), deadline=20.0)
    try:
        await database.migrate()
        await database.insert(
            "INSERT INTO gateway_backend (name, active) VALUES (:name, :active)", name="a", active=True
        )
        assert await database.execute("UPDATE gateway_backend SET active = :active", active=False) == 1
        rows = await database.fetch("SELECT name, active FROM gateway_backend WHERE name = :name", name="a")
        assert [dict(row) for row in rows] == [{"name": "a", "active": False}]
        (row,) = await database.fetch("SELECT count(*) AS kept FROM pg_prepared_statements WHERE name <> ''")
    finally:
        await database.close()
    assert bool(row["kept"]) == are_kept
