"""Trino's JDBC driver in a small Java program."""

import secrets
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.clusters import Door
from tests.fixtures.real_trino import Pair, objects_spooled
from tests.fixtures.trino_distribution import Distribution

pytestmark = [pytest.mark.real, pytest.mark.slow]

PROGRAM = Path(__file__).parent / "Journeys.java"


def run(installed: Distribution, door: Door, journey: str, *, options: str = "") -> tuple[list[str], list[str]]:
    """The lines that the program printed, and the ids of its queries, each checked for where it ran."""
    source = f"jdbc-{secrets.token_hex(4)}"
    url = f"jdbc:trino://127.0.0.1:{door.port}/tpch/tiny?user=test&source={source}{options}"
    done = subprocess.run(
        [installed.java, "-cp", installed.jdbc, PROGRAM, url, journey],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    queries = door.from_source(source)
    for query_id in queries:
        door.ran(query_id)
    return done.stdout.splitlines(), queries


def test_a_select_gives_its_rows(door: Door, trino_distribution: Distribution) -> None:
    assert run(trino_distribution, door, "select")[0] == ["ALGERIA", "ARGENTINA", "BRAZIL"]


@pytest.mark.parametrize("explicit", ["true", "false"])
def test_a_prepared_statement_runs_with_each_of_its_values(
    door: Door, trino_distribution: Distribution, explicit: str
) -> None:
    lines, _ = run(trino_distribution, door, "prepared", options=f"&explicitPrepare={explicit}")
    assert lines == ["CANADA", "UNITED STATES"]


def test_a_transaction_commits_and_rolls_back(door_to_one: Door, trino_distribution: Distribution) -> None:
    lines, queries = run(trino_distribution, door_to_one, "transaction")
    assert lines == ["ALGERIA", "ARGENTINA", "BRAZIL"] * 2
    assert len(queries) == 6, "start, select, commit; start, select, roll back"


def test_a_cancelled_query_ends(door: Door, trino_distribution: Distribution) -> None:
    assert run(trino_distribution, door, "cancel")[0] == ["cancelled"]


@pytest.mark.parametrize("spooled", ["true", "false"])
def test_a_big_result_arrives_whole(door: Door, trinos: Pair, trino_distribution: Distribution, spooled: str) -> None:
    """The driver asks for spooled results by itself."""
    before = objects_spooled(trinos)
    lines, _ = run(trino_distribution, door, "big", options=f"&sessionProperties=spooling_enabled:{spooled}")
    assert lines == ["200000"]
    assert (objects_spooled(trinos) > before) == (spooled == "true")
