import pytest

from tests.protocol.sql.statements import facts, tables


@pytest.mark.parametrize(
    ("text", "catalogs", "schemas", "pairs"),
    [
        ("CREATE CATALOG Kat USING iceberg", "Kat", "", ""),
        ("DROP CATALOG IF EXISTS kat", "kat", "", ""),
        ("CREATE SCHEMA Kat.Schem", "kat", "schem", "kat.schem"),
        ("CREATE SCHEMA schem", "dc", "schem", "dc.schem"),
        ("CREATE SCHEMA catalog.schema", "catalog", "schema", "catalog.schema"),
        ('CREATE SCHEMA IF NOT EXISTS "a.b" WITH (x = 1)', "dc", "a.b", "dc.a.b"),
        ("DROP SCHEMA kat.schem CASCADE", "kat", "schem", "kat.schem"),
        ("SHOW CREATE SCHEMA schem", "dc", "schem", "dc.schem"),
        ("ALTER SCHEMA kat.schem SET AUTHORIZATION will", "kat", "schem", "kat.schem"),
        ("ALTER SCHEMA kat.schem RENAME TO other", "kat", "other schem", "kat.other kat.schem"),
        ("ALTER SCHEMA schem RENAME TO other", "dc", "other schem", "dc.other dc.schem"),
        ("SHOW SCHEMAS", "dc", "", ""),
        ("SHOW SCHEMAS IN Kat LIKE 'x'", "kat", "", ""),
        ("SHOW TABLES", "dc", "ds", "dc.ds"),
        ("SHOW TABLES LIKE 'x'", "dc", "ds", "dc.ds"),
        ("SHOW TABLES FROM schem", "dc", "schem", "dc.schem"),
        ("SHOW TABLES FROM kat.schem", "kat", "schem", "kat.schem"),
    ],
)
def test_statements_about_catalogs_and_schemas(text: str, catalogs: str, schemas: str, pairs: str) -> None:
    properties = facts(text)
    assert not properties.tables
    assert " ".join(sorted(properties.catalogs)) == catalogs
    assert " ".join(sorted(properties.schemas)) == schemas
    assert " ".join(sorted(properties.catalog_schemas)) == pairs


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ALTER TABLE t RENAME TO u", "dc.ds.t dc.ds.u"),
        ("ALTER TABLE c.s.t RENAME TO u", "c.s.t c.s.u"),
        ("ALTER TABLE c.s.t RENAME TO s2.u", "c.s.t c.s2.u"),
        ("ALTER TABLE c.s.t RENAME TO c2.s2.u", "c.s.t c2.s2.u"),
        ("ALTER VIEW c.s.t RENAME TO s2.u", "c.s.t c.s2.u"),
        ("ALTER MATERIALIZED VIEW c.s.t RENAME TO u", "c.s.t dc.ds.u"),
    ],
)
def test_a_tables_new_name_is_completed_from_the_old_one(text: str, named: str) -> None:
    assert tables(facts(text)) == named


@pytest.mark.parametrize(
    "text",
    """ALTER TABLE c.s.t ADD COLUMN x bigint · ANALYZE c.s.t · COMMENT ON TABLE c.s.t IS 'x' · CREATE BRANCH b IN TABLE c.s.t ·
    CREATE MATERIALIZED VIEW c.s.t AS SELECT 1 x · CREATE TABLE c.s.t (x bigint) · CREATE TABLE c.s.t AS SELECT 1 x ·
    CREATE VIEW c.s.t AS SELECT 1 x · DROP BRANCH b IN TABLE c.s.t · ALTER TABLE c.s.t DROP COLUMN x ·
    ALTER TABLE c.s.t ALTER COLUMN x DROP DEFAULT · DROP MATERIALIZED VIEW c.s.t ·
    ALTER TABLE c.s.t ALTER COLUMN x DROP NOT NULL · DROP TABLE c.s.t · DROP VIEW c.s.t ·
    ALTER BRANCH fb IN TABLE c.s.t FAST FORWARD TO tb · INSERT INTO c.s.t VALUES (1) · REFRESH MATERIALIZED VIEW c.s.t ·
    ALTER VIEW c.s.t REFRESH · ALTER TABLE c.s.t RENAME COLUMN a TO b · ALTER MATERIALIZED VIEW c.s.t RENAME TO c.s.t2 ·
    ALTER TABLE c.s.t RENAME TO c.s.t2 · ALTER VIEW c.s.t RENAME TO c.s.t2 · ALTER TABLE c.s.t SET AUTHORIZATION u ·
    ALTER TABLE c.s.t ALTER COLUMN a SET DATA TYPE bigint · ALTER TABLE c.s.t ALTER COLUMN a SET DEFAULT 1 ·
    ALTER TABLE c.s.t SET PROPERTIES x = 1 · SHOW BRANCHES FROM TABLE c.s.t · SHOW COLUMNS FROM c.s.t ·
    SHOW CREATE TABLE c.s.t · TRUNCATE TABLE c.s.t""".split("·"),  # noqa: SIM905 - statements hold quotes and commas
)
def test_statements_that_name_their_object_need_no_defaults(text: str) -> None:
    properties = facts(text, None, None)
    assert ("c", "s", "t") in properties.tables
    assert properties.tables <= {("c", "s", "t"), ("c", "s", "t2")}
    assert properties.catalogs == {"c"}
    assert properties.schemas == {"s"}
    assert properties.catalog_schemas == {"c.s"}


@pytest.mark.parametrize("text", ["CREATE SCHEMA c.s", "DROP SCHEMA c.s", "ALTER SCHEMA c.s RENAME TO s2"])
def test_statements_that_name_their_schema_need_no_defaults(text: str) -> None:
    assert "c.s" in facts(text, None, None).catalog_schemas
