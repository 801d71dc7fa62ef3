"""Trino's command line."""

import secrets
import subprocess

import pytest

from tests.fixtures.clusters import Door
from tests.fixtures.real_trino import Pair, objects_spooled
from tests.fixtures.trino_distribution import Distribution

pytestmark = [pytest.mark.real, pytest.mark.slow]


def run(
    installed: Distribution, door: Door, sql: str, *options: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """What the program said, and the ids of its queries, each checked for where it ran."""
    source = f"cli-{secrets.token_hex(4)}"
    done = subprocess.run(
        [
            installed.java, "-jar", installed.cli, "--server", door.url, "--user", "test", "--source", source,
            "--catalog", "tpch", "--schema", "tiny", "--execute", sql, "--output-format", "CSV", *options,
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    queries = door.from_source(source)
    for query_id in queries:
        door.ran(query_id)
    return done, queries


def test_a_select_prints_its_rows(door: Door, trino_distribution: Distribution) -> None:
    done, queries = run(trino_distribution, door, "SELECT nationkey, name FROM nation WHERE nationkey < 2 ORDER BY 1")
    assert (done.returncode, done.stdout) == (0, '"0","ALGERIA"\n"1","ARGENTINA"\n'), done.stderr
    assert len(queries) == 1


def test_statements_of_one_run_share_their_session(door: Door, trino_distribution: Distribution) -> None:
    sql = "USE tpch.sf1; PREPARE p FROM SELECT count(*) FROM orders WHERE orderkey < ?; EXECUTE p USING 100; DEALLOCATE PREPARE p"
    done, queries = run(trino_distribution, door, sql)
    assert done.returncode == 0, done.stderr
    assert '"27"' in done.stdout
    assert len(queries) == 4


def test_a_wrong_statement_fails_with_trinos_own_words(door: Door, trino_distribution: Distribution) -> None:
    done, _ = run(trino_distribution, door, "SELECT nonsense FROM nation")
    assert done.returncode == 1
    assert "Column 'nonsense' cannot be resolved" in done.stderr


@pytest.mark.parametrize("spooled", ["true", "false"])
def test_a_big_result_arrives_whole(door: Door, trinos: Pair, trino_distribution: Distribution, spooled: str) -> None:
    """The program asks for spooled results by itself."""
    before = objects_spooled(trinos)
    big = "SELECT * FROM tpch.sf1.lineitem LIMIT 200000"
    done, _ = run(trino_distribution, door, big, "--session", f"spooling_enabled={spooled}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 200_000
    assert (objects_spooled(trinos) > before) == (spooled == "true")
