"""Which tables a query names. In the tables below a name of one letter is one of a table, unless a WITH makes it none."""

import pytest

from tests.protocol.sql.statements import facts, tables, tables_of


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("WITH a AS (SELECT * FROM x), b AS (SELECT * FROM a) SELECT * FROM b", "x"),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a, b", "b"),
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", "a"),
        ("WITH a AS (WITH b AS (SELECT * FROM b) SELECT * FROM b), c AS (SELECT * FROM b) SELECT * FROM a, c", "b"),
        ("WITH a AS (SELECT 1) SELECT * FROM (WITH a AS (SELECT * FROM a) SELECT * FROM a) x, a", ""),
        ("(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a", "a"),
        ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x JOIN a ON true", "a"),
        ("SELECT (WITH a AS (SELECT 1) TABLE a), (SELECT 1 FROM a)", "a"),
        ("WITH a AS (SELECT 1) SELECT * FROM t WHERE x IN (SELECT y FROM a WHERE EXISTS (SELECT 1 FROM a, u))", "t u"),
        ("WITH a AS (SELECT 1) SELECT 1 FROM a UNION ALL (SELECT 2 FROM a) EXCEPT TABLE a", ""),
        ("WITH RECURSIVE a(n) AS (VALUES 1 UNION ALL SELECT n FROM a) SELECT * FROM a", ""),
        ("WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT * FROM b, a) SELECT * FROM b", "b"),
        ('WITH A AS (SELECT 1), "B" AS (SELECT 1), "c c" AS (SELECT 1) SELECT * FROM a, "A", b, "C C"', ""),
        ("WITH a AS (SELECT 1) SELECT * FROM x.a, c.x.a", "c.x.a dc.x.a"),
        ('WITH a (x, "y)", z) AS (SELECT 1, 2, 3) SELECT * FROM a', ""),
        ("WITH function AS (SELECT 1), session AS (SELECT 1) SELECT * FROM function, session", ""),
        ("WITH function (a) AS (SELECT 1) SELECT * FROM function", ""),
        ("WITH date AS (SELECT 1) SELECT * FROM date, time", "time"),
        ("INSERT INTO a WITH a AS (SELECT * FROM b) SELECT * FROM a", "a b"),
        ("CREATE TABLE a AS WITH a AS (SELECT 1) SELECT * FROM a", "a"),
        ("CREATE VIEW v AS WITH a AS (SELECT * FROM t) SELECT * FROM a", "t v"),
        ("EXPLAIN ANALYZE WITH a AS (SELECT * FROM t) SELECT * FROM a", "t"),
        ("WITH a AS (SELECT 1) SELECT * FROM TABLE(a(1))", "a"),
        ("WITH a AS (SELECT 1) SELECT * FROM TABLE(f(TABLE(a), TABLE(b)))", "b f"),
    ],
)
def test_names_of_a_with_are_seen_where_trino_sees_them(text: str, named: str) -> None:
    expected = " ".join(name if "." in name else f"dc.ds.{name}" for name in named.split())
    assert tables_of(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT * FROM a, b x, c AS y (p, q), d z (p, q) WHERE p IN (1, 2) GROUP BY p, q", "a b c d"),
        ("SELECT * FROM a JOIN b ON a.x = b.x AND f(a.x, 1) LEFT JOIN c USING (x, y) CROSS JOIN d, e", "a b c d e"),
        ("SELECT * FROM a JOIN b ON CASE WHEN a.x THEN 1 END = b.x, c", "a b c"),
        ("SELECT * FROM a JOIN b ON listagg(x) WITHIN GROUP (ORDER BY x) > '', c WITHIN GROUP BY x, y", "a b c"),
        ("SELECT * FROM a NATURAL FULL OUTER JOIN b", "a b"),
        ("SELECT * FROM a JOIN b JOIN c ON b.x = c.x ON a.x = b.x", "a b c"),
        ("SELECT * FROM a JOIN b ON a.x = ARRAY[1, 2][1], c", "a b c"),
        (
            "SELECT * FROM (a), ((b JOIN c ON b.x = c.x)), ((SELECT 1 FROM d)), ((SELECT 1 FROM e) f JOIN g ON x)",
            "a b c d e g",
        ),
        ("SELECT * FROM ((SELECT 1 FROM a) UNION SELECT 2 FROM b ORDER BY x, y), c", "a b c"),
        ("SELECT * FROM (VALUES (1, 2), (3, 4)) AS a (x, y), b", "b"),
        ("SELECT * FROM (TABLE a) x, (TABLE b UNION TABLE c), d", "a b c d"),
        ("SELECT * FROM (VALUES 1, 2 UNION SELECT x FROM a) b", "a"),
        ("SELECT * FROM a UNION VALUES 1, b UNION SELECT 1 FROM c", "a c"),
        ("SELECT (SELECT max(x) FROM a), ARRAY[(SELECT 1 FROM b)] FROM c ORDER BY (SELECT 1 FROM d), e", "a b c d"),
        ("SELECT 1 WHERE EXISTS (SELECT 1 FROM a) AND x = ALL (SELECT 1 FROM b) AND y IN (TABLE c)", "a b c"),
        ("SELECT x MATCH UNIQUE FULL (SELECT 1 FROM a) FROM b", "a b"),
        (
            "SELECT extract(year FROM d), trim(both 'x' FROM e), trim(FROM f), substring(g FROM 2 FOR 3) FROM a, b",
            "a b",
        ),
        ("SELECT x IS DISTINCT FROM y, z IS NOT DISTINCT /* FROM q */ FROM (SELECT 1 FROM a) FROM b", "a b"),
        ("SELECT DISTINCT x FROM a WHERE x IS DISTINCT FROM y", "a"),
        ("SELECT overlay(a PLACING b FROM 1 FOR 2), position(a IN b), normalize(a, NFD) FROM t", "t"),
        (
            "SELECT x AT TIME ZONE 'UTC', cast(x AS timestamp(3) with time zone), try_cast(y AS row(table_ int)) FROM t",
            "t",
        ),
        ("SELECT transform(a, n -> n * n), reduce(a, 0, (s, x) -> s + x, s -> s) FROM t", "t"),
        ("SELECT a::f(1), b.select(1), [1, 2], x'AB', U&'\\0041 FROM z' UESCAPE '!', 1e5, .5, 1.FROM t", "t"),
        ("SELECT .5FROM t", "t"),
        ("SELECT 1.5e3FROM t JOIN u ON x = 1e-3JOIN v ON y = 1_0.5_0UNION SELECT 1.e3FROM w", "t u v w"),
        ('SELECT 1 FROM t WINDOW "a""b" AS (PARTITION BY x), c AS (ORDER BY y)', "t"),
        (
            "SELECT count(*) FILTER (WHERE x), listagg(v, ',' ON OVERFLOW TRUNCATE WITH COUNT) WITHIN GROUP (ORDER BY v) FROM t",
            "t",
        ),
        (
            "SELECT json_query(d, 'lax $' PASSING 1 AS x WITH ARRAY WRAPPER), json_object(KEY 'k' VALUE v WITH UNIQUE KEYS) FROM t",
            "t",
        ),
        ("SELECT * FROM t, UNNEST(a, (SELECT b FROM u)) WITH ORDINALITY AS x (y, z), v", "t u v"),
        ("SELECT * FROM t CROSS JOIN LATERAL (SELECT x FROM u WHERE u.k = t.k), v", "t u v"),
        ("SELECT * FROM t, NEAREST (FROM u WHERE a MATCH b), v", "t u v"),
        ("SELECT * FROM lateral, nearest AS n, lateral.x", "lateral nearest dc.lateral.x"),
        ("SELECT * FROM t, JSON_TABLE(c, 'lax $' COLUMNS (i FOR ORDINALITY, n int PATH 'x')) AS j, u", "t u"),
        ("SELECT * FROM TABLE(k.system.funk(arg => 'FROM x', y => (SELECT 1 FROM a))) AS z, b", "k.system.funk a b"),
        (
            "SELECT * FROM TABLE(f(TABLE(a) AS x PARTITION BY y ORDER BY z, TABLE(SELECT * FROM b), DESCRIPTOR(p, q)))",
            "a b f",
        ),
        (
            "SELECT * FROM t FOR VERSION AS OF 12 AS x, u FOR TIMESTAMP AS OF TIMESTAMP '2026-01-01' JOIN v ON true",
            "t u v",
        ),
        ("SELECT * FROM t TABLESAMPLE BERNOULLI (10), u x TABLESAMPLE SYSTEM (f(1, 2)), v", "t u v"),
        (
            "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY a MEASURES x AS y PATTERN (A B+? {- C -} ^ $ | D{1,2}) DEFINE A AS b > 1) m, u",
            "t u",
        ),
        ("SELECT 1 OVER w FROM a WINDOW w AS (PARTITION BY x), v AS (ORDER BY y)", "a"),
        (
            "SELECT 1 OVER w FROM a WINDOW w AS (ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING PATTERN (A B) DEFINE A AS true)",
            "a",
        ),
        ("SELECT * FROM a window, b", "a b"),
        ("SELECT * FROM a limit, b OFFSET 5 ROWS FETCH FIRST 10 ROWS WITH TIES", "a b"),
        ("SELECT a, grouping(a) FROM t GROUP BY GROUPING SETS ((a, b), (a), ()), CUBE (a, b)", "t"),
        ('SELECT date, row, values_ FROM date, row, map, "values"', "date map row values"),
        ("TABLE a INTERSECT CORRESPONDING BY (x, y) TABLE b", "a b"),
        ("SELECT * FROM a/*, z*/,b--, y\n,c", "a b c"),
        ("SELECT * FROM a /* z */ . /* y */ b -- x\n . c", "a.b.c"),
        ("SELECT 'it''s FROM z' FROM a WHERE x LIKE '%''FROM y' OR \"FROM q\" = 1", "a"),
        ('SELECT * FROM "My Cat"."Sch""em".T, d."t$snapshots"', 'my cat.sch"em.t dc.d.t$snapshots'),
        ('SELECT*FROM(a)JOIN"b"ON(1=1)', "a b"),
    ],
)
def test_tables_in_a_query(text: str, named: str) -> None:
    if named == "a.b.c":
        expected = {named}
    else:
        expected = {name if "." in name else f"dc.ds.{name}" for name in named.replace("my cat", "my_cat").split()}
    assert {".".join(table).replace("my cat", "my_cat") for table in facts(text).tables} == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("WITH FUNCTION f(x integer) RETURNS integer RETURN x * 2 SELECT f(a) FROM t", "dc.ds.t"),
        (
            (
                "WITH FUNCTION f(n bigint) RETURNS bigint BEGIN DECLARE a, b bigint DEFAULT 1; IF n <= 2 THEN RETURN 1; END IF;"
                " WHILE n > 2 DO SET n = n - 1; END WHILE; CASE n WHEN 1 THEN RETURN 2; END CASE; RETURN b; END"
                " SELECT f(5), x FROM t"
            ),
            "dc.ds.t",
        ),
        (
            (
                "WITH FUNCTION f() RETURNS timestamp with time zone RETURN now(), FUNCTION g() RETURNS int RETURN 1"
                " WITH a AS (SELECT * FROM t) SELECT * FROM a, u"
            ),
            "dc.ds.t dc.ds.u",
        ),
        ("WITH FUNCTION f() RETURNS int LANGUAGE PYTHON WITH (h = 'x') AS $$ it's ( FROM z; $$ TABLE t", "dc.ds.t"),
        ("WITH SESSION a.b = 1, c = 'x' SELECT * FROM t", "dc.ds.t"),
        ("WITH SESSION a = 1 WITH FUNCTION f() RETURNS int RETURN 1 WITH x AS (TABLE t) SELECT * FROM x", "dc.ds.t"),
    ],
)
def test_functions_and_settings_in_front_of_a_query(text: str, named: str) -> None:
    assert tables(facts(text)) == named


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM t ORDER BY x DESC",
        "SELECT * FROM t WHERE x IS NULL",
        "SELECT * FROM t WHERE x = CURRENT_DATE",
        "SELECT CASE WHEN x THEN 1 END FROM t WHERE CASE WHEN x THEN y END",
        "SELECT 1 AS __ FROM t AS _a",
        "SELECT * FROM t AS where_",
        "SELECT * FROM t -- WHERE",
        "SELECT * FROM t -- x =",
        "SELECT * FROM t WHERE x = 'WHERE",
        "SELECT * FROM t;",
        "SELECT * FROM t ; -- that is all\n",
    ],
)
def test_a_complete_statement_is_not_taken_for_a_part_of_one(text: str) -> None:
    if text.endswith("'WHERE"):
        text += "'"
    assert tables_of(text) == "dc.ds.t"
