"""Statements about the session, read by their words."""

import pytest

from warren.simulator.sql.commands import (
    Command,
    Data,
    Deallocate,
    DescribePrepared,
    Execute,
    Explain,
    Kill,
    Prepare,
    ResetSession,
    SetSession,
    SetTimeZone,
    Show,
    Transaction,
    Use,
    read,
)


@pytest.mark.parametrize(
    ("sql", "command"),
    [
        ("USE tpch.tiny", Use("tpch", "tiny")),
        ('-- why\n use "Tiny" ', Use(None, "tiny")),
        ("/* a */ SET SESSION a.b = 'it''s'", SetSession("a.b", "it's")),
        ("SET SESSION query_priority = 5", SetSession("query_priority", "5")),
        ("RESET SESSION a", ResetSession("a")),
        ("SET TIME ZONE 'UTC'", SetTimeZone()),
        ("PREPARE p FROM SELECT\n1", Prepare("p", "SELECT\n1")),
        ("EXECUTE p", Execute("p", None, None)),
        ("EXECUTE p USING 1, 'x'", Execute("p", None, "1, 'x'")),
        ("EXECUTE IMMEDIATE 'SELECT ''a'', ?' USING 1", Execute(None, "SELECT 'a', ?", "1")),
        ("DEALLOCATE PREPARE p", Deallocate("p")),
        ("DESCRIBE INPUT p", DescribePrepared("p", output=False)),
        ("DESCRIBE OUTPUT p", DescribePrepared("p", output=True)),
        ("START TRANSACTION", Transaction("START TRANSACTION")),
        ("START TRANSACTION ISOLATION LEVEL READ COMMITTED", Transaction("START TRANSACTION")),
        ("start  transaction read only", Transaction("START TRANSACTION")),
        ("COMMIT", Transaction("COMMIT")),
        ("ROLLBACK WORK", Transaction("ROLLBACK")),
        ("CALL system.runtime.kill_query('a', 'b, c')", Kill("a", "b, c")),
        ("CALL system.runtime.kill_query(message => 'b', query_id => 'a')", Kill("a", "b")),
        ("SHOW CATALOGS LIKE 'a%'", Show("CATALOGS", (), "a%")),
        ("SHOW SCHEMAS IN tpch", Show("SCHEMAS", ("tpch",), None)),
        ("SHOW TABLES FROM tpch.tiny LIKE 'x'", Show("TABLES", ("tpch", "tiny"), "x")),
        ("DESC tpch.tiny.nation", Show("COLUMNS", ("tpch", "tiny", "nation"), None)),
        ("SHOW CREATE TABLE a.b.c", Show("CREATE", ("a", "b", "c"), None)),
        ("EXPLAIN (TYPE LOGICAL) SELECT 1", Explain("SELECT 1")),
        ("SELECT 1", Data("SELECT 1")),
        ("SHOW NONSENSE", Data("SHOW NONSENSE")),
        ("USED", Data("USED")),
        ("", Data("")),
    ],
)  # fmt: skip
def test_read(sql: str, command: Command) -> None:
    assert read(sql) == command
