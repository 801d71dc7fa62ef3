"""Rules before real Trinos: what real clients show of a rejected statement, and statements that kill a query."""

import secrets
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from trino.dbapi import Connection
from trino.exceptions import TrinoUserError

from tests.fixtures.asking import USER, ask, follow, page, submit
from tests.fixtures.child import wait_for
from tests.fixtures.clusters import Door
from tests.fixtures.gateway import gateway_before
from tests.fixtures.real_trino import OUTSIDER, Pair, RealTrino
from tests.fixtures.trino_distribution import Distribution

pytestmark = [pytest.mark.real, pytest.mark.slow]

PROGRAM = Path(__file__).parent / "Journeys.java"
WORDS = "The first three nations are closed: see https://wiki.example/trino"
RULES = f"""\
name: closed
when: {{tables: tpch.tiny.nation}}
then: {{reject: "{WORDS}"}}
"""
SELECT = "SELECT name FROM nation WHERE nationkey < 3"
UNREAD = "SELECT * FROM tpch.sf1.lineitem"
"""Runs for as long as nobody reads it, and costs nothing meanwhile: its output buffers are full."""


@pytest.fixture(scope="module")
def door(started_trinos: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    directory = tmp_path_factory.mktemp("gateway")
    (directory / "rules.yaml").write_text(RULES)
    settings = {
        "routingRules": {"rulesEngineEnabled": True, "rulesConfigPath": str(directory / "rules.yaml")},
        "requestAnalyzerConfig": {"analyzeRequest": True},
    }
    addresses = {trino.name: trino.url for trino in started_trinos}
    with gateway_before(addresses, directory, settings=settings) as gateway:
        yield Door(gateway.url, started_trinos, gateway)


def test_the_command_line_shows_why_a_statement_is_rejected(door: Door, trino_distribution: Distribution) -> None:
    done = subprocess.run(
        [
            trino_distribution.java, "-jar", trino_distribution.cli, "--server", door.url, "--user", "test",
            "--catalog", "tpch", "--schema", "tiny", "--execute", SELECT,
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert WORDS in done.stderr


def test_the_jdbc_driver_shows_why_a_statement_is_rejected(door: Door, trino_distribution: Distribution) -> None:
    url = f"jdbc:trino://127.0.0.1:{door.port}/tpch/tiny?user=test"
    done = subprocess.run(
        [trino_distribution.java, "-cp", trino_distribution.jdbc, PROGRAM, url, "select"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "java.sql.SQLException: Query failed" in done.stderr
    assert WORDS in done.stderr


def test_the_python_client_shows_why_a_statement_is_rejected(door: Door) -> None:
    cursor = Connection(host="127.0.0.1", port=door.port, user="test", catalog="tpch", schema="tiny").cursor()
    with pytest.raises(TrinoUserError) as refused:
        cursor.execute(SELECT)
    assert (refused.value.message, refused.value.error_name) == (WORDS, "PERMISSION_DENIED")


def begun(trino: RealTrino) -> str:
    """The id of a query that runs at this one, sent past the gateway."""
    here = submit(trino.url, UNREAD)
    while here.state in {"QUEUED", "PLANNING", "STARTING"}:
        assert here.next_uri
        here = page(ask("GET", here.next_uri))
    return here.query_id


def test_a_query_is_killed_at_the_cluster_that_runs_it(door: Door, trinos: Pair) -> None:
    for trino in trinos:
        query_id, why = begun(trino), f"too long {secrets.token_hex(4)}"
        killing = follow(door.url, f"CALL system.runtime.kill_query('{query_id}', '{why}')")
        assert killing.error is None
        wait_for(partial(is_killed, trino, query_id), seconds=20, what="the query to end")
        assert why.encode() in ask("GET", f"{trino.url}/v1/query/{query_id}", headers=USER).body
        assert door.ran(killing.query_id) is trino


def test_a_trino_takes_no_parameters_in_a_call(trinos: Pair) -> None:
    """So that the query which is to be killed is named by a literal, always."""
    killing = "CALL system.runtime.kill_query(query_id => ?)"
    query_id = begun(trinos[0])
    said = follow(trinos[0].url, f"EXECUTE IMMEDIATE '{killing}' USING '{query_id}'").error
    assert ask("DELETE", f"{trinos[0].url}/v1/query/{query_id}", headers=USER).status == 204
    assert said is not None
    assert "Incorrect number of parameters: expected 0 but found 1" in said


def test_what_a_trino_says_to_who_asks_for_the_owner_of_a_query(trinos: Pair) -> None:
    """That it looks a query up before it looks at who may see it, so that 403 tells its owner."""
    query_id = begun(trinos[0])
    for user, at_owner in (("test", 200), (OUTSIDER, 403)):
        said = [
            ask("HEAD", f"{each.url}/v1/query/{query_id}", headers={"X-Trino-User": user}).status for each in trinos
        ]
        assert said == [at_owner, 410]
    assert ask("DELETE", f"{trinos[0].url}/v1/query/{query_id}", headers=USER).status == 204


def is_killed(trino: RealTrino, query_id: str) -> bool:
    return bool(ask("GET", f"{trino.url}/v1/query/{query_id}", headers=USER).json()["state"] == "FAILED")
