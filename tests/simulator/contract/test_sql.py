"""What statements yield: columns and values as Trino writes them, errors by Trino's names."""

from typing import Any

import pytest

from tests.simulator.asking import Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARAMETRIC = {"X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}


def varchar_of(length: int) -> dict[str, Any]:
    return {"rawType": "varchar", "arguments": [{"kind": "LONG", "value": length}]}


@pytest.mark.parametrize(
    ("sql", "kind", "value"),
    [
        ("1", "integer", 1),
        ("BIGINT '5'", "bigint", 5),
        ("7 / 2", "integer", 3),
        ("7e0 / 2", "double", 3.5),
        ("1.5", "decimal(2, 1)", "1.5"),
        ("true", "boolean", True),
        ("NULL", "unknown", None),
        ("DATE '2020-01-01'", "date", "2020-01-01"),
        ("TIMESTAMP '2020-01-01 01:02:03'", "timestamp", "2020-01-01 01:02:03.000"),
        ("TIME '01:02:03'", "time", "01:02:03.000"),
        ("TIMESTAMP '2020-01-01 01:02:03 UTC'", "timestamp with time zone", "2020-01-01 01:02:03.000 UTC"),
        ("ARRAY[1, 2]", "array(integer)", [1, 2]),
        ("X'0102'", "varbinary", "AQI="),
        ("UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", "uuid", "12151fd2-7586-11e9-8f9e-2a86e4085a59"),
        ("nan()", "double", "NaN"),
        ("infinity()", "double", "Infinity"),
        ("INTERVAL '1' DAY", "INTERVAL DAY TO SECOND", "1 00:00:00.000"),
        ("CAST(1 AS tinyint)", "tinyint", 1),
        ("CAST(ROW(1, 2) AS ROW(a integer, b integer))", "row(a integer, b integer)", [1, 2]),
        ("MAP(ARRAY[1], ARRAY[2])", "map(integer, integer)", {"1": 2}),
        ("count(*)", "bigint", 1),
        ("sum(BIGINT '5')", "bigint", 5),
    ],
)
async def test_values_and_types(trino: Client, sql: str, kind: str, value: object) -> None:
    result = await trino.run(f"SELECT {sql}")

    assert result.error is None
    assert (result.columns[0]["name"], result.columns[0]["type"]) == ("_col0", kind)
    assert result.rows == [[value]]


@pytest.mark.parametrize(
    ("sql", "signature"),
    [
        ("1", {"rawType": "integer", "arguments": []}),
        (
            "1.5",
            {"rawType": "decimal", "arguments": [{"kind": "LONG", "value": 2}, {"kind": "LONG", "value": 1}]},
        ),
        ("ARRAY[1]", {"rawType": "array", "arguments": [{"kind": "TYPE", "value": {"rawType": "integer", "arguments": []}}]}),
        ("version() || ''", varchar_of(2147483647)),
        (
            "CAST(ROW(1) AS ROW(a integer))",
            {
                "rawType": "row",
                "arguments": [
                    {
                        "kind": "NAMED_TYPE",
                        "value": {"fieldName": {"name": "a"}, "typeSignature": {"rawType": "integer", "arguments": []}},
                    }
                ],
            },
        ),
    ],
    ids=["integer", "decimal", "array", "varchar", "row"],
)  # fmt: skip
async def test_type_signatures(trino: Client, sql: str, signature: object) -> None:
    result = await trino.run(f"SELECT {sql}")

    assert result.columns[0]["typeSignature"] == signature


async def test_a_client_that_can_is_told_the_precision_of_timestamps(trino: Client) -> None:
    result = await trino.run("SELECT TIMESTAMP '2020-01-01 01:02:03.123456', now()", PARAMETRIC)

    assert [column["type"] for column in result.columns] == ["timestamp(6)", "timestamp(3) with time zone"]
    assert result.rows[0][0] == "2020-01-01 01:02:03.123456"
    assert result.columns[0]["typeSignature"] == {"rawType": "timestamp", "arguments": [{"kind": "LONG", "value": 6}]}


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT 1, 2 AS two, 3", ["_col0", "two", "_col2"]),
        ("SELECT count(*), name FROM tpch.tiny.region GROUP BY name", ["_col0", "name"]),
        ("SELECT *, 1 FROM tpch.tiny.region", ["regionkey", "name", "comment", "_col3"]),
        ("VALUES (1, 'a'), (2, 'b')", ["_col0", "_col1"]),
        ("SELECT * FROM (SELECT 1, 2)", ["_col0", "_col1"]),
        ("SELECT 1 UNION ALL SELECT 2", ["_col0"]),
        ("SELECT n.name, r.name FROM tpch.tiny.nation n JOIN tpch.tiny.region r USING (regionkey)", ["name", "name"]),
    ],
)
async def test_columns_without_a_name_are_called_by_their_place(trino: Client, sql: str, names: list[str]) -> None:
    assert [column["name"] for column in (await trino.run(sql)).columns] == names


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("region", 5),
        ("nation", 25),
        ("customer", 1500),
        ("supplier", 100),
        ("part", 2000),
        ("partsupp", 8000),
        ("orders", 15000),
    ],
)
async def test_the_sample_is_as_large_as_tpch_tiny(trino: Client, table: str, rows: int) -> None:
    assert (await trino.run(f"SELECT count(*) FROM tpch.tiny.{table}")).rows == [[rows]]


@pytest.mark.parametrize(
    "table", ["region", "nation", "customer", "supplier", "part", "partsupp", "orders", "lineitem"]
)
async def test_the_sample_has_the_columns_of_tpch_tiny(trino: Client, table: str) -> None:
    columns = {
        "region": "regionkey bigint, name varchar(25), comment varchar(152)",
        "nation": "nationkey bigint, name varchar(25), regionkey bigint, comment varchar(152)",
        "customer": "custkey bigint, name varchar(25), address varchar(40), nationkey bigint, phone varchar(15),"
        " acctbal double, mktsegment varchar(10), comment varchar(117)",
        "supplier": "suppkey bigint, name varchar(25), address varchar(40), nationkey bigint, phone varchar(15),"
        " acctbal double, comment varchar(101)",
        "part": "partkey bigint, name varchar(55), mfgr varchar(25), brand varchar(10), type varchar(25), size integer,"
        " container varchar(10), retailprice double, comment varchar(23)",
        "partsupp": "partkey bigint, suppkey bigint, availqty integer, supplycost double, comment varchar(199)",
        "orders": "orderkey bigint, custkey bigint, orderstatus varchar(1), totalprice double, orderdate date,"
        " orderpriority varchar(15), clerk varchar(15), shippriority integer, comment varchar(79)",
        "lineitem": "orderkey bigint, partkey bigint, suppkey bigint, linenumber integer, quantity double,"
        " extendedprice double, discount double, tax double, returnflag varchar(1), linestatus varchar(1),"
        " shipdate date, commitdate date, receiptdate date, shipinstruct varchar(25), shipmode varchar(10),"
        " comment varchar(44)",
    }[table]

    result = await trino.run(f"DESCRIBE tpch.tiny.{table}")

    assert ", ".join(f"{name} {kind}" for name, kind, _, _ in result.rows) == columns


async def test_nations_and_regions_are_the_real_ones(trino: Client) -> None:
    sql = "SELECT n.name, r.name FROM tpch.tiny.nation n JOIN tpch.tiny.region r USING (regionkey) ORDER BY nationkey"

    rows = (await trino.run(sql)).rows

    assert rows[:3] == [["ALGERIA", "AFRICA"], ["ARGENTINA", "AMERICA"], ["BRAZIL", "AMERICA"]]
    assert rows[-1] == ["UNITED STATES", "AMERICA"]


@pytest.mark.parametrize(
    ("sql", "name", "message"),
    [
        ("SELECT 1/0", "DIVISION_BY_ZERO", "Division by zero"),
        ("SELECT 1;", "SYNTAX_ERROR", "line 1:9: mismatched input ';'"),
        ("SELEC 1", "SYNTAX_ERROR", "line 1:"),
        ("SELECT 'unclosed", "SYNTAX_ERROR", "line 1:"),
        ("SELECT * FROM tpch.tiny.nope", "TABLE_NOT_FOUND", "line 1:15: Table 'tpch.tiny.nope' does not exist"),
        ("SELECT * FROM tpch.nope.x", "SCHEMA_NOT_FOUND", "line 1:15: Schema 'nope' does not exist"),
        ("SELECT * FROM nope.x.y", "CATALOG_NOT_FOUND", "line 1:15: Catalog 'nope' not found"),
        ("SELECT * FROM nation", "MISSING_SCHEMA_NAME", "line 1:15: Schema must be specified when session schema"),
        ("SELECT nocol FROM tpch.tiny.nation", "COLUMN_NOT_FOUND", "line 1:8: Column 'nocol' cannot be resolved"),
        ("SELECT nofunc(1)", "FUNCTION_NOT_FOUND", "line 1:8: Function 'nofunc' not registered"),
        ("SELECT a FROM (SELECT 1 a) x, (SELECT 2 a) y", "AMBIGUOUS_NAME", "line 1:8: Column 'a' is ambiguous"),
        ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT", ""),
        ("SELECT BIGINT '9223372036854775807' + 1", "NUMERIC_VALUE_OUT_OF_RANGE", ""),
        ("CREATE TABLE tpch.tiny.x (a integer)", "NOT_SUPPORTED", "This connector does not support creating tables"),
        ("DROP TABLE memory.default.zzz", "TABLE_NOT_FOUND", "line 1:1: Table 'memory.default.zzz' does not exist"),
        ("USE nope.x", "CATALOG_NOT_FOUND", "Catalog 'nope' not found"),
        ("USE tpch.nope", "NOT_FOUND", "Schema does not exist: tpch.nope"),
        ("USE tiny", "MISSING_CATALOG_NAME", "line 1:1: Catalog must be specified when session catalog is not set"),
        ("SHOW TABLES FROM tpch.nope", "SCHEMA_NOT_FOUND", "line 1:1: Schema 'nope' does not exist"),
        ("SET SESSION nope = '1'", "INVALID_SESSION_PROPERTY", "line 1:"),
        ("EXECUTE nope", "NOT_FOUND", "Prepared statement not found: nope"),
        ("DEALLOCATE PREPARE nope", "NOT_FOUND", "Prepared statement not found: nope"),
        ("COMMIT", "NOT_IN_TRANSACTION", "No transaction in progress"),
        ("START TRANSACTION", "INCOMPATIBLE_CLIENT", "Client does not support transactions"),
        ("SELECT '" + "x" * 1_000_001 + "'", "QUERY_TEXT_TOO_LARGE", "Query text length ("),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_failures_have_trinos_names_and_words(trino: Client, sql: str, name: str, message: str) -> None:
    result = await trino.run(sql)

    assert result.last["stats"]["state"] == "FAILED"
    assert result.error["errorName"] == name
    assert result.error["errorType"] == "USER_ERROR"
    assert result.error["message"].startswith(message)
    assert result.error["failureInfo"]["errorInfo"] == {
        "code": result.error["errorCode"],
        "name": name,
        "type": "USER_ERROR",
    }


CODES = {
    "SELECT 1/0": 8,
    "SELEC 1": 1,
    "SELECT * FROM tpch.tiny.nope": 46,
    "SELECT nofunc(1)": 6,
    "EXECUTE nope": 5,
    "COMMIT": 21,
}


@pytest.mark.parametrize("sql", CODES)
async def test_failures_have_trinos_codes(trino: Client, sql: str) -> None:
    assert (await trino.run(sql)).error["errorCode"] == CODES[sql]


async def test_tables_are_made_filled_read_and_dropped(trino: Client) -> None:
    async def told(sql: str) -> tuple[Any, ...]:
        result = await trino.run(sql)
        assert result.error is None, result.error
        return result.update_type, result.last.get("updateCount"), result.rows

    await told("DROP TABLE IF EXISTS memory.default.made")
    assert await told("CREATE TABLE memory.default.made AS SELECT 1 a") == ("CREATE TABLE", 1, [[1]])
    assert await told("INSERT INTO memory.default.made VALUES 2, 3") == ("INSERT", 2, [[2]])
    assert await told("SELECT a FROM memory.default.made ORDER BY 1") == (None, None, [[1], [2], [3]])
    again = await trino.run("CREATE TABLE memory.default.made (a integer)")
    assert again.error["errorName"] == "TABLE_ALREADY_EXISTS"
    assert await told("DROP TABLE memory.default.made") == ("DROP TABLE", None, [])
    assert await told("CREATE SCHEMA memory.made") == ("CREATE SCHEMA", None, [])
    assert await told("DROP SCHEMA memory.made") == ("DROP SCHEMA", None, [])


async def test_what_there_is_can_be_asked(trino: Client) -> None:
    catalogs = [name for (name,) in (await trino.run("SHOW CATALOGS")).rows]
    assert {"memory", "system", "tpch"} <= set(catalogs)
    assert ["tiny"] in (await trino.run("SHOW SCHEMAS FROM tpch")).rows
    tables = (await trino.run("SHOW TABLES FROM tpch.tiny LIKE 'part%'")).rows
    assert tables == [["part"], ["partsupp"]]
    sql = "SELECT table_name FROM tpch.information_schema.tables WHERE table_schema = 'tiny' ORDER BY 1"
    assert len((await trino.run(sql)).rows) == 8
    sql = (
        "SELECT column_name, data_type FROM tpch.information_schema.columns"
        " WHERE table_schema = 'tiny' AND table_name = 'region' ORDER BY ordinal_position"
    )
    assert (await trino.run(sql)).rows == [
        ["regionkey", "bigint"],
        ["name", "varchar(25)"],
        ["comment", "varchar(152)"],
    ]


async def test_the_system_tables_know_this_node_and_this_query(trino: Client) -> None:
    nodes = (await trino.run("SELECT coordinator, state FROM system.runtime.nodes")).rows
    assert nodes == [[True, "active"]]

    mine = "SELECT query_id, state, \"user\" FROM system.runtime.queries WHERE query LIKE '%needle%'"
    result = await trino.run(mine)

    assert [result.query_id, "RUNNING", "alice"] in result.rows


async def test_the_version_is_the_one_of_info(trino: Client) -> None:
    info = (await trino.ask("GET", "/v1/info")).json()

    assert (await trino.run("SELECT version()")).rows == [[info["nodeVersion"]["version"]]]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT date_add('day', 1, DATE '2020-01-31') > DATE '2020-01-31'", [[True]]),
        ("SELECT date_diff('day', DATE '2020-01-01', DATE '2020-02-01')", [[31]]),
        ("SELECT approx_distinct(nationkey) > 20 FROM tpch.tiny.nation", [[True]]),
        ("SELECT TRY_CAST('x' AS integer)", [[None]]),
        ("SELECT element_at(ARRAY[5, 6], 2)", [[6]]),
        ("SELECT x FROM UNNEST(ARRAY[1, 2]) AS t(x)", [[1], [2]]),
        ("WITH a AS (SELECT 1 x) SELECT x FROM a UNION ALL SELECT 2 ORDER BY 1", [[1], [2]]),
        ("SELECT regionkey FROM tpch.tiny.region ORDER BY 1 OFFSET 1 FETCH FIRST 2 ROWS ONLY", [[1], [2]]),
        ("SELECT strpos('abc', 'c'), substr('abc', 2)", [[3, "bc"]]),
        ("SELECT 'a' || NULL", [[None]]),
    ],
)
async def test_trinos_functions_answer(trino: Client, sql: str, rows: object) -> None:
    result = await trino.run(sql)

    assert (result.error, result.rows) == (None, rows)
