import pytest

from tests.protocol.sql.statements import EVERY_CLASS, facts, names_nothing, tables
from warren.protocol.sql.analysis import analyse
from warren.protocol.sql.kinds import RESOURCE_GROUP_TYPES


@pytest.mark.parametrize(("text", "kind", "type_", "named"), EVERY_CLASS)
def test_a_statements_class_type_and_tables(text: str, kind: str, type_: str, named: str) -> None:
    properties = facts(text)
    assert (properties.query_type, properties.resource_group_query_type, tables(properties)) == (kind, type_, named)


@pytest.mark.parametrize("text", [case[0] for case in EVERY_CLASS])
def test_case_and_blanks_between_words_do_not_matter(text: str) -> None:
    quoted = "'" in text
    usual = facts(text)
    spaced = facts(text.replace(" ", "\n/* TABLE x */ -- FROM y\n\t") if not quoted else text.replace(" ", "  "))
    lower = facts(text if quoted else text.lower())
    for other in (spaced, lower):
        assert (other.query_type, other.tables, other.catalogs, other.schemas) == (
            usual.query_type,
            usual.tables,
            usual.catalogs,
            usual.schemas,
        )


def test_every_class_that_has_a_type_is_recognised() -> None:
    unnamed = set(RESOURCE_GROUP_TYPES) - {case[1] for case in EVERY_CLASS}
    # One that is found inside of another EXECUTE: see test_analysis.
    assert unnamed == {"ExecuteImmediate"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "-- nothing\n",
        "/* nothing */",
        "foo bar",
        "'SELECT 1'",
        '"SELECT" 1',
        "1",
        "{}",
        "SELECT",
        "SELECT * FROM table WHERE column = ",
        "SELECT * FROM",
        "SELECT * FROM t WHERE",
        "SELECT * FROM t WHERE x =",
        "SELECT * FROM t, ",
        "SELECT * FROM t JOIN",
        "SELECT * FROM a.",
        "SELECT * FROM t UNION ;",
        "SELECT * FROM select",
        "SELECT * FROM TABLE t",
        "SELECT * FROM t; SELECT 1",
        "SELECT (1",
        "SELECT 1)",
        "SELECT [1)",
        "SELECT (1]",
        "SELECT ARRAY[1",
        "SELECT 1]",
        "SELECT 'a",
        "SELECT 'a''",
        'SELECT "a',
        'SELECT * FROM "a',
        "SELECT 1 /* x",
        "SELECT * FROM /* x",
        "SELECT * FROM `t`",
        "SELECT `a` FROM t",
        "SELECT größe FROM t",
        "SELECT 1 # x",
        "SELECT $$ x",
        "WITH",
        "WITH a SELECT 1",
        "WITH a AS SELECT 1",
        "WITH a AS (SELECT 1)",
        "WITH a AS (SELECT 1), SELECT 1",
        "WITH RECURSIVE (SELECT 1) SELECT 1",
        "INSERT t SELECT 1",
        "INSERT INTO table SELECT 1",
        "UPDATE t a = 1",
        "DELETE t",
        "MERGE INTO t ON x",
        "CREATE t",
        "CREATE VIEW v",
        "CREATE VIEW v AS",
        "CREATE MATERIALIZED VIEW v COMMENT 'x'",
        "CREATE BRANCH b",
        "CREATE TABLE",
        "DROP t",
        "DROP BRANCH b",
        "ALTER TABLE t",
        "ALTER TABLE t DO SOMETHING",
        "ALTER VIEW v ADD COLUMN a int",
        "COMMENT ON SCHEMA s IS 'x'",
        "CALL p",
        "SET x = 1",
        "RESET x",
        "SHOW",
        "SHOW TABLE t",
        "SHOW COLUMNS t",
        "SHOW CREATE t",
        "SHOW ROLE",
        "EXPLAIN",
        "EXPLAIN foo",
        "EXPLAIN ANALYZE",
        "PREPARE p",
        "PREPARE p FROM",
        "EXECUTE",
        "EXECUTE IMMEDIATE 'foo'",
        "TRUNCATE t",
        "REFRESH VIEW v",
        "DEALLOCATE p",
        "START",
        "DESCRIBE",
        "DESCRIBE 'x'",
        "SELECT * FROM " + ".".join("a" * 200),
    ],
)
def test_what_is_no_statement_is_said_to_be_none(text: str) -> None:
    properties = analyse(text, catalog="dc", schema="ds")
    assert properties.error_message is not None
    assert properties.error_message.startswith("line 1, column ") or "\n" in text
    assert not properties.is_query_parsing_successful
    assert properties.is_new_query_submission
    assert (properties.query_type, properties.resource_group_query_type, properties.query_id) == ("", "", None)
    assert names_nothing(properties)
    assert (properties.default_catalog, properties.default_schema) == ("dc", "ds")
    if not text.startswith("EXECUTE"):
        assert properties.body == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1, at the end: a statement is expected"),
        ("foo", "line 1, column 1, at foo: a statement is expected"),
        ("SELECT *\n  FROM table WHERE", "line 2, column 8, at table: a name is expected"),
        ("SELECT *\n FROM 'x", "line 2, column 7, at 'x: a name is expected"),
        ("SELECT\n\n'x", "line 3, column 1, at 'x: the string literal is never closed"),
        ("SELECT 1)", "line 1, column 9, at ): nothing is open that ')' could close"),
        (
            "EXECUTE IMMEDIATE 'SELECT\n)'",
            "line 2, column 1 of the statement to execute, at ): nothing is open that ')' could close",
        ),
        ("CREATE INDEX i", "line 1, column 14, at i: INDEX is nothing that can be created"),
    ],
)
def test_the_message_names_the_place(text: str, message: str) -> None:
    assert analyse(text).error_message == message
