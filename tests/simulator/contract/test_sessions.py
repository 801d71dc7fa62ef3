"""Sessions, prepared statements and transactions, which live in the client's headers."""

import base64
import uuid
from urllib.parse import unquote_plus

import pytest
import zstandard

from tests.simulator.asking import ALICE, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_use_tells_catalog_and_schema_on_a_poll_not_on_the_post(trino: Client) -> None:
    pages = await trino.pages("USE tpch.tiny")

    assert not [name for name in pages[0][1].header_names if name.startswith("x-trino-set")]
    last = pages[-1][1].headers
    assert (last["X-Trino-Set-Catalog"], last["X-Trino-Set-Schema"]) == ("tpch", "tiny")
    assert pages[-1][0]["updateType"] == "USE"
    assert pages[-1][0]["columns"] == []


async def test_catalog_and_schema_of_the_session_complete_names(trino: Client) -> None:
    headers = {"X-Trino-Catalog": "tpch", "X-Trino-Schema": "tiny"}

    assert (await trino.run("SELECT count(*) FROM nation", headers)).rows == [[25]]
    assert (await trino.run("USE tiny", headers)).headers == {"X-Trino-Set-Schema": "tiny"} | _encoding(
        (await trino.run("USE tiny", headers)).headers
    )


def _encoding(headers: dict[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in headers.items() if name in {"X-Trino-Query-Data-Encoding", "X-Trino-Set-Catalog"}
    }


async def test_session_properties_are_set_and_reset_by_headers(trino: Client) -> None:
    was_set = await trino.run("SET SESSION query_max_run_time = '1h'")
    shown = await trino.run("SHOW SESSION LIKE 'query_max_run_time'", {"X-Trino-Session": "query_max_run_time=2h"})
    reset = await trino.run("RESET SESSION query_max_run_time")

    assert was_set.headers["X-Trino-Set-Session"] == "query_max_run_time=1h"
    assert shown.rows[0][:2] == ["query_max_run_time", "2h"]
    assert reset.headers["X-Trino-Clear-Session"] == "query_max_run_time"


async def test_an_unknown_property_in_a_header_fails_the_statement(trino: Client) -> None:
    result = await trino.run("SELECT 1", {"X-Trino-Session": "nope=1"})

    assert result.error["errorName"] == "INVALID_SESSION_PROPERTY"
    assert result.error["message"] == "Session property 'nope' does not exist"


async def test_a_session_can_limit_the_run_time_of_its_queries(trino: Client) -> None:
    sql = "SELECT count(*) FROM tpch.tiny.lineitem a, tpch.tiny.lineitem b WHERE a.comment > b.comment || 'x'"

    result = await trino.run(sql, {"X-Trino-Session": "query_max_run_time=300ms"})

    assert result.error["errorName"] == "EXCEEDED_TIME_LIMIT"
    assert result.error["message"].startswith("Query exceeded maximum time limit of ")


async def test_prepare_hands_the_statement_to_the_client(trino: Client) -> None:
    prepared = await trino.run("PREPARE p FROM SELECT ? + 1")
    name, _, statement = prepared.headers["X-Trino-Added-Prepare"].partition("=")

    headers = {"X-Trino-Prepared-Statement": f"{name}={statement}"}
    executed = await trino.run("EXECUTE p USING 5", headers)
    dropped = await trino.run("DEALLOCATE PREPARE p", headers)

    assert name == "p"
    assert "?" in unquote_plus(statement)
    assert executed.rows == [[6]]
    assert dropped.headers["X-Trino-Deallocated-Prepare"] == "p"


@pytest.mark.parametrize(
    ("statement", "using", "row"),
    [
        ("SELECT ?, ? + 1, ?", "1, 2, 'x'", [1, 3, "x"]),
        ("SELECT '?', ? /* ? */", "5", ["?", 5]),
        ("SELECT ? FROM tpch.tiny.nation WHERE name = ? ORDER BY nationkey LIMIT 1", "NULL, 'FRANCE'", [None]),
        ("SELECT 1", None, [1]),
    ],
)
async def test_parameters_go_in_the_order_of_their_marks(
    trino: Client, statement: str, using: str | None, row: list[object]
) -> None:
    tail = f" USING {using}" if using else ""
    quoted = statement.replace("'", "''")

    assert (await trino.run(f"EXECUTE IMMEDIATE '{quoted}'{tail}")).rows == [row]


async def test_a_wrong_number_of_parameters_is_refused(trino: Client) -> None:
    result = await trino.run("EXECUTE IMMEDIATE 'SELECT ?' USING 1, 2")

    assert "Incorrect number of parameters: expected 1 but found 2" in result.error["message"]


async def test_a_prepared_statement_may_come_compressed(trino: Client) -> None:
    packed = base64.urlsafe_b64encode(zstandard.ZstdCompressor().compress(b"SELECT ? + 1")).decode().rstrip("=")

    result = await trino.run("EXECUTE p USING 5", {"X-Trino-Prepared-Statement": f"p=%24zstd%3A{packed}"})

    assert (result.error, result.rows) == (None, [[6]])


async def test_prepared_statements_are_described(trino: Client) -> None:
    headers = {"X-Trino-Prepared-Statement": "p=SELECT+nationkey%2C+%3F+FROM+tpch.tiny.nation"}

    inputs = await trino.run("DESCRIBE INPUT p", headers)
    outputs = await trino.run("DESCRIBE OUTPUT p", headers)

    assert [row[0] for row in inputs.rows] == [0]
    assert [column["name"] for column in inputs.columns] == ["Position", "Type"]
    assert [row[0] for row in outputs.rows] == ["nationkey", "_col1"]
    assert [column["name"] for column in outputs.columns] == [
        "Column Name", "Catalog", "Schema", "Table", "Type", "Type Size", "Aliased",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["COMMIT", "ROLLBACK"])
async def test_a_transaction_lives_until_it_ends(trino: Client, verb: str) -> None:
    started = await trino.run("START TRANSACTION", {"X-Trino-Transaction-Id": "NONE"})
    transaction = started.headers["X-Trino-Started-Transaction-Id"]
    headers = {"X-Trino-Transaction-Id": transaction}

    inside = await trino.run("SELECT 1", headers)
    ended = await trino.run(verb, headers)
    after = await trino.run("SELECT 1", headers)

    assert uuid.UUID(transaction)
    assert inside.rows == [[1]]
    assert ended.headers["X-Trino-Clear-Transaction-Id"] == "true"
    assert after.error["errorName"] == "UNKNOWN_TRANSACTION"


async def test_a_transaction_of_somebody_else_is_unknown(trino: Client) -> None:
    other = "7d74059a-b16e-46ab-b0d6-fc9704e1ce0b"

    result = await trino.run("SELECT 1", {"X-Trino-Transaction-Id": other})

    assert result.error["errorName"] == "UNKNOWN_TRANSACTION"
    assert result.error["message"] == (
        f"Unknown transaction ID: {other}. Possibly expired? Commands ignored until end of transaction block"
    )


async def test_a_session_header_that_cannot_be_read_is_refused(trino: Client) -> None:
    answer = await trino.ask("POST", "/v1/statement", {**ALICE, "X-Trino-Session": "novalue"}, "SELECT 1")

    assert answer.status == 400
