"""The engine is locked down: no files, no network, no settings, and nothing but memory is written."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from warren.simulator.sql.engine import Engine
from warren.simulator.sql.failures import Failure
from warren.simulator.sql.metadata import Facts
from warren.simulator.sql.rows import Outcome
from warren.simulator.sql.sessions import Session, Transactions
from warren.simulator.sql.statements import Statement


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def no_facts() -> Facts:
    return Facts(node_id="n", version="476", uri="http://here", queries=[], transactions=[])


def no_kill(query_id: str, message: str) -> None:
    raise AssertionError("nothing is killed here")


def outcome(engine: Engine, sql: str, **session: Any) -> Outcome:
    made = Session(user="alice", **session)
    return Statement(engine.run(), made, Transactions(), facts=no_facts, kill=no_kill).outcome(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM TABLE(read_text('/etc/passwd'))",
        "SELECT * FROM '/etc/passwd'",
        'SELECT * FROM "/etc/passwd"',
        "SELECT * FROM glob('/*')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT getenv('HOME')",
        "ATTACH '/tmp/x.db' AS x",
        "COPY tpch.tiny.nation TO '/tmp/x.csv'",
        "EXPORT DATABASE '/tmp/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "SET threads = 3",
        "SET SESSION threads = '3'",
        "SET GLOBAL enable_external_access = true",
        "CHECKPOINT",
        "CALL pragma_version()",
        "DROP TABLE memory.default.a, tpch.tiny.nation",
        "DROP SCHEMA tpch.tiny CASCADE",
        "DELETE FROM tpch.tiny.nation",
        "UPDATE tpch.tiny.nation SET name = 'x'",
        "INSERT INTO tpch.tiny.nation SELECT * FROM tpch.tiny.nation",
        "CREATE TABLE tpch.tiny.x AS SELECT 1 a",
        "CREATE VIEW tpch.tiny.x AS SELECT 1 a",
        "WITH x AS (DELETE FROM tpch.tiny.nation RETURNING *) SELECT * FROM x",
        "SELECT 1; DROP TABLE tpch.tiny.nation",
        "CREATE MACRO f(x) AS x",
        "CREATE SECRET (TYPE s3)",
        "SELECT * FROM memory.main.x",
        "EXECUTE IMMEDIATE 'COPY tpch.tiny.nation TO ''/tmp/x'''",
        "PREPARE p FROM ATTACH '/tmp/x' AS y",
        "EXPLAIN COPY tpch.tiny.nation TO '/tmp/x.csv'",
    ],
)
def test_what_reaches_outside_or_changes_the_sample_is_refused(engine: Engine, sql: str) -> None:
    with pytest.raises(Failure):
        outcome(engine, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "COPY (SELECT 1) TO '{file}'",
        "ATTACH '{file}' AS x",
        "SET enable_external_access = true",
        "SET threads = 3",
        "INSTALL httpfs",
    ],
)
def test_the_engine_itself_is_closed_behind_the_translation(engine: Engine, sql: str, tmp_path: Path) -> None:
    with pytest.raises(Failure):
        engine.run().execute(sql.format(file=tmp_path / "x"))

    assert list(tmp_path.iterdir()) == []


def test_memory_is_bounded(engine: Engine) -> None:
    huge = "SELECT length(string_agg(repeat('x', 100000000), '')) FROM range(100)"

    with pytest.raises(Failure):
        engine.run().all(huge)


def test_a_run_is_stopped_from_another_thread(engine: Engine) -> None:
    run = engine.run()
    timer = threading.Timer(0.05, run.interrupt)
    timer.start()

    with pytest.raises(Failure):
        run.all("SELECT count(*) FROM tpch.tiny.lineitem a, tpch.tiny.lineitem b WHERE a.comment > b.comment || 'x'")
    timer.join()
    with pytest.raises(Failure, match="canceled"):
        run.execute("SELECT 1")


def test_the_sample_is_the_same_every_time(engine: Engine) -> None:
    sql = "SELECT bit_xor(hash(l)) FROM tpch.tiny.lineitem l"
    other = Engine()

    assert engine.run().all(sql) == other.run().all(sql)
    other.close()


def test_writes_within_a_transaction_are_refused_as_the_memory_connector_does(engine: Engine) -> None:
    transactions = Transactions()
    session = Session(user="alice", transaction=transactions.start())
    statement = Statement(engine.run(), session, transactions, facts=no_facts, kill=no_kill)

    with pytest.raises(Failure, match="only supports writes using autocommit"):
        statement.outcome("CREATE TABLE memory.default.x AS SELECT 1 a")


def test_rows_come_in_bounded_batches(engine: Engine) -> None:
    rows = outcome(engine, "SELECT * FROM tpch.tiny.lineitem").rows
    assert rows
    batches = []
    while batch := rows.take(100_000):
        batches.append(batch)

    assert sum(batch.count for batch in batches) == 60019
    assert all(len(batch.json) < 300_000 for batch in batches)
