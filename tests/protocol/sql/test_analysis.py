import pytest

from tests.protocol.sql.statements import Q, facts, names_nothing, tables
from warren.protocol.sql.analysis import analyse, analysing
from warren.protocol.sql.prepared import Unreadable

DEFAULTS = ("default_catalog", "default_schema")


def words(names: frozenset[str]) -> str:
    return " ".join(sorted(names))


@pytest.mark.parametrize(
    ("text", "catalogs", "schemas", "named"),
    [
        (
            "ALTER TABLE cat.schem.tbl ADD COLUMN extraInfo VARCHAR WITH (nullable = true, encoding = 'plain')",
            "cat",
            "schem",
            "cat.schem.tbl",
        ),
        ("ANALYZE cat.schem.tbl", "cat", "schem", "cat.schem.tbl"),
        ("CREATE CATALOG kat USING iceberg", "kat", "", ""),
        ("CREATE SCHEMA kat.schem", "kat", "schem", ""),
        ("CREATE SCHEMA schem", "default_catalog", "schem", ""),
        ("CREATE TABLE cat.schem.tbl(c1 varchar)", "cat", "schem", "cat.schem.tbl"),
        (
            "CREATE VIEW cat.vwschem.vw AS SELECT c1, c2 from cat.schem.tbl",
            "cat",
            "schem vwschem",
            "cat.schem.tbl cat.vwschem.vw",
        ),
        (
            "CREATE TABLE cat.schem2.tbl2 AS SELECT c1, c2 from cat.schem.tbl",
            "cat",
            "schem schem2",
            "cat.schem.tbl cat.schem2.tbl2",
        ),
        ("DROP CATALOG kat", "kat", "", ""),
        ("DROP SCHEMA kat.schem", "kat", "schem", ""),
        ("DROP SCHEMA schem", "default_catalog", "schem", ""),
        ("DROP TABLE cat.schem.tbl", "cat", "schem", "cat.schem.tbl"),
        (
            "ALTER MATERIALIZED VIEW cat.mvschem.mv RENAME TO cat.mvschem2.mv2",
            "cat",
            "mvschem mvschem2",
            "cat.mvschem.mv cat.mvschem2.mv2",
        ),
        ("ALTER TABLE cat.schem.tbl RENAME TO schem2.tbl2", "cat", "schem schem2", "cat.schem.tbl cat.schem2.tbl2"),
        ("ALTER TABLE cat.schem.tbl SET PROPERTIES property_name = 'expression'", "cat", "schem", "cat.schem.tbl"),
        ("DESCRIBE cat.schem.tbl", "cat", "schem", "cat.schem.tbl"),
        ("SHOW CREATE SCHEMA cat.schem", "cat", "schem", ""),
        ("SHOW CREATE TABLE cat.schem.tbl", "cat", "schem", "cat.schem.tbl"),
        ("SHOW CREATE VIEW cat.schem.vw", "cat", "schem", "cat.schem.vw"),
        ("SHOW SCHEMAS FROM kat", "kat", "", ""),
        ("SHOW SCHEMAS", "default_catalog", "", ""),
        ("SHOW TABLES FROM kat.schem", "kat", "schem", ""),
        ("SHOW TABLES", "default_catalog", "default_schema", ""),
        ("ALTER SCHEMA kat.schem SET AUTHORIZATION will", "kat", "schem", ""),
        ("ALTER TABLE cat.schem.tbl SET AUTHORIZATION will", "cat", "schem", "cat.schem.tbl"),
        ("ALTER VIEW cat.schem.vw SET AUTHORIZATION will", "cat", "schem", "cat.schem.vw"),
        ("SELECT * FROM TABLE(kat.system.funk(arg => 'expr'))", "kat", "system", "kat.system.funk"),
        ("EXECUTE IMMEDIATE 'SELECT * FROM cat.schem.tbl'", "cat", "schem", "cat.schem.tbl"),
        (
            "SELECT * FROM catalog1.schema1.table1 t1 JOIN catalog2.schema2.table2 t2 ON t1.id = t2.id",
            "catalog1 catalog2",
            "schema1 schema2",
            "catalog1.schema1.table1 catalog2.schema2.table2",
        ),
        (
            "SELECT * FROM catalog1.sales.orders o JOIN (SELECT id FROM catalog2.billing.payments) p ON o.id = p.id",
            "catalog1 catalog2",
            "billing sales",
            "catalog1.sales.orders catalog2.billing.payments",
        ),
        (
            (
                "SELECT * FROM catalog1.users.active_users UNION ALL SELECT * FROM catalog2.users.inactive_users"
                " UNION ALL SELECT * FROM catalog3.admin.pending_users"
            ),
            "catalog1 catalog2 catalog3",
            "admin users",
            "catalog1.users.active_users catalog2.users.inactive_users catalog3.admin.pending_users",
        ),
    ],
)
def test_what_rules_of_upstream_see(text: str, catalogs: str, schemas: str, named: str) -> None:
    properties = facts(text, *DEFAULTS)
    assert (words(properties.catalogs), words(properties.schemas), tables(properties)) == (catalogs, schemas, named)


def test_pairs_of_catalog_and_schema_are_facts_of_their_own() -> None:
    properties = facts("SELECT x.*, y.* FROM catx.nondefault.tblx x, caty.default.tbly y", "catx", "default")
    assert properties.catalog_schemas == {"catx.nondefault", "caty.default"}
    assert properties.body.startswith("SELECT x.*")


def test_the_sessions_defaults_keep_their_case_and_names_do_not() -> None:
    properties = facts("SELECT * FROM Tbl, S.Tbl", "Cat", 'Schem_\\"x')
    assert (properties.default_catalog, properties.default_schema) == ("Cat", 'Schem_\\"x')
    assert properties.tables == {("cat", 'schem_\\"x', "tbl"), ("cat", "s", "tbl")}


@pytest.mark.parametrize(
    ("text", "catalog", "schema", "kind"),
    [
        ("INSERT INTO foo SELECT 1", None, None, "Insert"),
        ("INSERT INTO c.s.t SELECT * FROM s.foo", None, "ds", "Insert"),
        ("SELECT * FROM foo", "dc", None, "Query"),
        ("SELECT * FROM a.b.c.d", "dc", "ds", "Query"),
        ("CREATE SCHEMA myschema", None, None, "CreateSchema"),
        ("CREATE SCHEMA a.b.c", "dc", "ds", "CreateSchema"),
        ("ALTER SCHEMA a RENAME TO b", None, None, "RenameSchema"),
        ("ALTER TABLE a RENAME TO c.s.b", None, None, "RenameTable"),
        ("SHOW TABLES", "dc", None, "ShowTables"),
        ("SHOW SCHEMAS", None, "ds", "ShowSchemas"),
    ],
)
def test_a_name_that_cannot_be_completed_spoils_the_sets_and_not_the_type(
    text: str, catalog: str | None, schema: str | None, kind: str
) -> None:
    properties = analyse(text, catalog=catalog, schema=schema)
    assert properties.query_type == kind
    assert properties.resource_group_query_type
    assert properties.error_message
    assert not properties.is_query_parsing_successful
    assert names_nothing(properties)


@pytest.mark.parametrize(
    ("text", "catalog", "schema", "killed"),
    [
        (f"CALL system.runtime.kill_query(query_id => '{Q}', message => 'm')", None, None, Q),
        (f"call System.Runtime.Kill_Query(Query_id=>'{Q}',Message=>'m')", None, None, Q),
        (f"CALL kill_query('{Q}', 'm')", "system", "runtime", Q),
        (f"CALL kill_query('{Q}', 'm')", "SYSTEM", "Runtime", Q),
        (f"CALL runtime.kill_query('{Q}', '{Q}2')", "system", None, Q),
        (f"CALL system.runtime.kill_query(query_id=>'{Q}')", None, None, Q),
        (f"CALL system.runtime.kill_query('{Q}')", None, None, Q),
        (f"CALL system.runtime.kill_query(message => 'm', query_id => '{Q}')", None, None, Q),
        (f"CALL system.runtime.kill_query(f(1, ')'), \"QUERY_ID\" => /* x */ '{Q}' -- y\n)", None, None, Q),
        (f"CALL system.runtime.kill_query(U&'{Q[:-1]}\\0074')", None, None, Q[:-1] + "t"),
        (f"SELECT * FROM a.b.c WHERE sql LIKE '%kill_query(''{Q}' ", "system", "runtime", None),
        (f"SELECT * FROM a.b.c WHERE sql LIKE 'CALL kill_query(_{Q}_)'", "system", "runtime", None),
        (f"--CALL kill_query('{Q}','m')\nSELECT 1", "system", "runtime", None),
        (f"/*CALL kill_query('{Q}','m')*/SELECT 1", "system", "runtime", None),
        (f"CALL notsystem.runtime.kill_query(query_id => '{Q}')", "system", "runtime", None),
        (f"CALL runtime.kill_query('{Q}')", "notsystem", None, None),
        (f"CALL notruntime.kill_query('{Q}')", "system", None, None),
        (f"CALL kill_query('{Q}')", "system", "notruntime", None),
        (f"CALL kill_query('{Q}')", None, None, None),
        (f"CALL system.runtime.kill_query(query_id => (('{Q}')), message => ('m'))", None, None, Q),
        ("CALL system.runtime.kill_query('partialCancel')", None, None, None),
    ],
)
def test_the_query_that_is_killed(text: str, catalog: str | None, schema: str | None, killed: str | None) -> None:
    properties = facts(text, catalog, schema)
    assert properties.query_id == killed


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "?",
        f"'{Q}' || ''",
        f"message => '{Q}'",
        f"query_id => concat('{Q}'), message => 'm'",
        f"f(x), '{Q}'",
        f"('{Q}', 1)",
        f"('{Q}') || ''",
        "1, 2",
    ],
)
def test_a_kill_that_does_not_say_plainly_whom_is_no_success(arguments: str) -> None:
    properties = analyse(f"CALL system.runtime.kill_query({arguments})")
    assert properties.query_id is None
    assert properties.error_message
    assert not properties.is_query_parsing_successful
    assert (properties.query_type, properties.resource_group_query_type) == ("Call", "DATA_DEFINITION")


PREPARED = {
    "q": "SELECT c1 FROM foo",
    "Mixed Case": "DELETE FROM foo",
    "kill": f"CALL system.runtime.kill_query('{Q}')",
    "bad": "SELECT *\nFROM table",
    "loop": "EXECUTE loop",
    "other": "EXECUTE q",
    "immediate": "EXECUTE IMMEDIATE 'SELECT 1'",
    "explains": "EXPLAIN SELECT * FROM foo",
}


@pytest.mark.parametrize(
    ("text", "kind", "type_", "named", "body"),
    [
        ("EXECUTE q", "Query", "SELECT", "dc.ds.foo", PREPARED["q"]),
        ("execute q USING 1, (SELECT 2)", "Query", "SELECT", "dc.ds.foo", PREPARED["q"]),
        ('EXECUTE "Mixed Case"', "Delete", "DELETE", "dc.ds.foo", PREPARED["Mixed Case"]),
        ("EXECUTE Q", "Execute", "", "", "EXECUTE Q"),
        ("EXECUTE unknown", "Execute", "", "", "EXECUTE unknown"),
        ("EXECUTE loop", "Execute", "", "", "EXECUTE loop"),
        ("EXECUTE other", "Execute", "", "", "EXECUTE q"),
        ("EXECUTE immediate", "ExecuteImmediate", "", "", PREPARED["immediate"]),
        ("EXECUTE explains", "Explain", "EXPLAIN", "dc.ds.foo", PREPARED["explains"]),
        ("EXECUTE IMMEDIATE 'SELECT ''x'' FROM foo' USING 1", "Query", "SELECT", "dc.ds.foo", "SELECT 'x' FROM foo"),
        ("EXECUTE IMMEDIATE U&'SELECT 1 FROM f\\006Fo'", "Query", "SELECT", "dc.ds.foo", "SELECT 1 FROM foo"),
        ("EXECUTE IMMEDIATE 'EXECUTE q'", "Execute", "", "", "EXECUTE q"),
        ("EXPLAIN EXECUTE q", "Explain", "EXPLAIN", "dc.ds.foo", "EXPLAIN EXECUTE q"),
        ("EXPLAIN ANALYZE EXECUTE q", "ExplainAnalyze", "SELECT", "dc.ds.foo", "EXPLAIN ANALYZE EXECUTE q"),
        ("PREPARE p FROM EXECUTE q", "Prepare", "DATA_DEFINITION", "dc.ds.foo", "PREPARE p FROM EXECUTE q"),
    ],
)
def test_a_statement_that_executes_another_is_known_as_that(
    text: str, kind: str, type_: str, named: str, body: str
) -> None:
    properties = analyse(text, catalog="dc", schema="ds", prepared=PREPARED.get)
    assert properties.error_message is None
    assert (properties.query_type, properties.resource_group_query_type) == (kind, type_)
    assert (tables(properties), properties.body) == (named, body)


def test_a_prepared_kill_is_a_kill() -> None:
    assert analyse("EXECUTE kill", prepared=PREPARED.get).query_id == Q


def test_what_is_wrong_in_a_prepared_statement_is_said_with_its_name() -> None:
    properties = analyse("EXECUTE bad", prepared=PREPARED.get)
    assert properties.error_message == "line 2, column 6 of bad, at table: a name is expected"
    assert properties.body == PREPARED["bad"]


def test_prepared_statements_that_cannot_be_read_are_an_error_only_for_those_who_ask() -> None:
    def unreadable(_: str) -> str | None:
        raise Unreadable("the header is broken")

    assert analyse("SELECT 1", prepared=unreadable).error_message is None
    assert analyse("EXECUTE q", prepared=unreadable).error_message == "the header is broken"


def test_a_short_statement_takes_one_slice() -> None:
    assert list(analysing("SELECT * FROM t", catalog="dc", schema="ds")) == []
