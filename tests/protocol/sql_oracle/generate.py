"""Statements by chance: every head, and queries whose parts nest, shadow each other and hide words that look like others."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

DEPTH = 4
"""How deep queries nest; below that only plain tables and columns grow."""

PLAIN = ("ponds", "rain", "snow", "a", "b", "c", "Q", "tables", "first", "date", "limit", "_x1", "values_of")
QUOTED = ('"Ponds"', '"from"', '"a b"', '"select"', '"x""y"', '"a.b"', '"--"', '"ünï"', '"1"', '"$path"')
CTE_NAMES = ("a", "b", "c", "q", "ponds", "A", '"a"', "session", "function", "rows", '"Q"')
ALIASES = ("t", "u", "v", "w", "first", "window_x", '"T"', "last", "key", "of", "zone")
LITERALS = (
    "1", "2.5", ".5", "1e3", "0x1F", "1_000", "'x'", "'it''s'", "'from y'", "''", "'-- x'", "'/* x'", "U&'\\0061'",
    "X'00FF'", "NULL", "TRUE", "DATE '2020-01-01'", "INTERVAL '3' DAY", "INTERVAL -'1-2' YEAR TO MONTH", "?",
    "TIMESTAMP '2020-01-01 00:00'", "current_date", "current_timestamp(3)", "decimal '1.2'", "ARRAY[]",
)  # fmt: skip
GAPS = ((" ", 60), ("  ", 2), ("\n", 3), ("\t", 1), (" /* , from z */ ", 1), (" -- from z\n", 1), ("/**/", 1))
"""What stands between words, and how often."""


class Generator:
    """One stream of statements; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def statement(self) -> str:
        words = self._pick(self._heads)().split(" ")
        gaps = self._random.choices([gap for gap, _ in GAPS], [often for _, often in GAPS], k=len(words))
        # Words inside of literals and quoted names are taken apart as well: those become other literals and names.
        return "".join(word + gap for word, gap in zip(words, gaps, strict=True)).rstrip(" ")

    def _pick(self, choices: Sequence[Callable[[], str]]) -> Callable[[], str]:
        return self._random.choice(choices)

    def _weighted(self, choices: Sequence[Callable[[], str]], weights: Sequence[int]) -> str:
        return self._random.choices(choices, weights)[0]()

    def _one(self, *choices: str) -> str:
        return self._random.choice(choices)

    def _maybe(self, made: Callable[[], str], often: float = 0.3) -> str:
        return f" {made()}" if self._random.random() < often else ""

    def _several(self, made: Callable[[], str], most: int = 3, between: str = " , ") -> str:
        return between.join(made() for _ in range(self._random.randint(1, most)))

    @property
    def _heads(self) -> Sequence[Callable[[], str]]:
        return [*[self._root_query] * 30, *[self._writing] * 12, *self._definitions()]

    # Names

    def _identifier(self) -> str:
        return self._one(*QUOTED) if self._random.random() < 0.15 else self._one(*PLAIN)

    def _name(self, parts: int = 3) -> str:
        dot = self._one(".", ".", ".", " . ")
        return dot.join(self._identifier() for _ in range(self._random.randint(1, parts)))

    def _table_name(self) -> str:
        return self._one(*CTE_NAMES) if self._random.random() < 0.4 else self._name()

    def _column(self) -> str:
        return self._one("x", "y", "t.x", "a.b", "t.rows", '"from"', "key", "date", "u.v.w", "x[1]", "first")

    # Queries

    def _root_query(self, depth: int = DEPTH) -> str:
        return self._maybe(self._with_function, 0.05) + self._query(depth)

    def _with_function(self) -> str:
        body = self._one(
            "RETURN 1",
            "RETURN CASE WHEN x > 1 THEN 2 END",
            "BEGIN DECLARE y int ; IF x > 1 THEN RETURN 2 ; END IF ; RETURN 3 ; END",
            f"RETURN ({self._query(1)})",
            f"BEGIN top: LOOP SET x = ({self._query(1)}) ; LEAVE top ; END LOOP ; RETURN x ; END",
        )
        return f"WITH FUNCTION {self._identifier()}(x int) RETURNS {self._type()} {body} "

    def _query(self, depth: int) -> str:
        with_queries = self._maybe(lambda: self._with(depth - 1), 0.35 if depth > 1 else 0.05)
        return (with_queries + " " + self._query_without_with(depth)).strip()

    def _with(self, depth: int) -> str:
        recursive = self._one("", "", "", " RECURSIVE")
        return f"WITH{recursive} " + self._several(lambda: self._named_query(depth))

    def _named_query(self, depth: int) -> str:
        columns = self._one("", "", " (x , y)")
        return f"{self._one(*CTE_NAMES)}{columns} AS ({self._query(max(depth, 0))})"

    def _query_without_with(self, depth: int) -> str:
        order = self._maybe(lambda: "ORDER BY " + self._several(lambda: self._sort_item(depth)), 0.2)
        tail = self._one(*[""] * 8, " LIMIT 3", " OFFSET 2 ROWS FETCH FIRST ROW ONLY", " OFFSET 1 LIMIT ALL")
        return self._term(depth) + order + tail

    def _term(self, depth: int) -> str:
        if depth > 0 and self._random.random() < 0.15:
            operator = self._one("UNION", "UNION ALL", "EXCEPT", "INTERSECT DISTINCT", "UNION CORRESPONDING")
            return f"{self._term(depth - 1)} {operator} {self._term(depth - 1)}"
        return self._weighted(
            [
                lambda: self._select(depth),
                lambda: f"TABLE {self._table_name()}",
                lambda: "VALUES " + self._several(lambda: self._expression(depth - 1)),
                lambda: f"({self._query_without_with(max(depth - 1, 0))})",
            ],
            [12, 1, 1, 1],
        )

    def _select(self, depth: int) -> str:
        start = "SELECT " + self._one("", "", "DISTINCT ", "ALL ") + self._several(lambda: self._item(depth))
        source = self._maybe(lambda: "FROM " + self._several(lambda: self._relation(depth), 2), 0.9)
        where = self._maybe(lambda: f"WHERE {self._condition(depth)}", 0.4)
        group = self._maybe(lambda: "GROUP BY " + self._several(lambda: self._grouping(depth), 2), 0.15)
        having = self._maybe(lambda: f"HAVING {self._condition(depth)}", 0.1)
        window = self._maybe(lambda: f"WINDOW {self._one('w', 'rows')} AS ({self._window(depth)})", 0.07)
        return start + source + where + group + having + window

    def _item(self, depth: int) -> str:
        if self._random.random() < 0.3:
            return self._one("*", "t.*", "a.*")
        return self._expression(depth) + self._one("", "", " AS y", " z", ' "from"', " AS first")

    def _grouping(self, depth: int) -> str:
        inner = self._several(lambda: self._expression(depth - 1), 2)
        return self._one(inner, f"ROLLUP ({inner})", f"CUBE (({inner}) , x)", f"GROUPING SETS (({inner}) , ())", "()")

    def _sort_item(self, depth: int) -> str:
        return self._expression(depth - 1) + self._one("", " DESC", " ASC NULLS LAST", " NULLS FIRST")

    def _relation(self, depth: int) -> str:
        left = self._sampled(depth)
        if depth <= 0 or self._random.random() < 0.6:
            return left
        return self._one(
            f"{left} CROSS JOIN {self._sampled(depth - 1)}",
            f"{left} {self._one('JOIN', 'LEFT JOIN', 'FULL OUTER JOIN')} {self._relation(depth - 1)}"
            f" ON {self._condition(depth - 1)}",
            f"{left} INNER JOIN {self._relation(depth - 1)} USING (x , y)",
            f"{left} NATURAL RIGHT JOIN {self._sampled(depth - 1)}",
        )

    def _sampled(self, depth: int) -> str:
        alias = self._one("", "", f" {self._one(*ALIASES)}", f" AS {self._one(*ALIASES)}", " AS t (x , y)")
        tail = self._one(*[""] * 12, " TABLESAMPLE BERNOULLI (10)", " PIVOT (sum(x) FOR y IN (1 , 2))")
        if self._random.random() < 0.04:
            tail = self._match_recognize(depth)
        return self._primary(depth) + alias + tail

    def _primary(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.6:
            return self._table_name() + self._one(*[""] * 12, " FOR VERSION AS OF 3", " FOR TIMESTAMP AS OF now()")
        inner = depth - 1
        return self._weighted(
            [
                lambda: f"({self._query(inner)})",
                lambda: f"LATERAL ({self._query(inner)})",
                lambda: f"({self._relation(inner)})",
                lambda: f"UNNEST({self._several(lambda: self._expression(inner), 2)})",
                lambda: f"TABLE({self._name()}({self._several(lambda: self._argument(inner))}))",
                lambda: f"JSON_TABLE({self._expression(inner)} , 'lax $' COLUMNS (c FOR ORDINALITY , d int))",
                lambda: f"NEAREST (FROM {self._table_name()} WHERE {self._condition(inner)} MATCH t.x < u.y)",
            ],
            [8, 2, 3, 1, 2, 1, 1],
        )

    def _argument(self, depth: int) -> str:
        name = self._one("", "", f"{self._one('input', 'first', 'x')} => ")
        return name + self._one(
            f"TABLE({self._table_name()}) PARTITION BY x",
            f"TABLE({self._query(max(depth, 0))}) AS t PRUNE WHEN EMPTY ORDER BY (x , y)",
            "DESCRIPTOR(x , y int)",
            self._expression(depth),
        )

    def _match_recognize(self, depth: int) -> str:
        return (
            f" MATCH_RECOGNIZE (PARTITION BY x ORDER BY y MEASURES {self._expression(depth - 1)} AS m"
            f" AFTER MATCH SKIP PAST LAST ROW PATTERN (p q* {{- r -}} s{{1,2}}) DEFINE p AS {self._condition(depth - 1)})"
        )

    def _window(self, depth: int) -> str:
        order = f"ORDER BY {self._expression(depth - 1)}"
        frame = self._one("", " ROWS 3 PRECEDING", " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW")
        return f"PARTITION BY {self._expression(depth - 1)} {order}{frame}"

    # Expressions

    def _expression(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.4:
            return self._one(self._column(), self._one(*LITERALS))
        inner = depth - 1
        one, two = self._expression(inner), self._expression(inner)
        return self._weighted(
            [
                lambda: f"({self._query(inner)})",
                lambda: f"{one} {self._one('+', '-', '*', '/', '%', '||')} {two}",
                lambda: self._function(one, two, inner),
                lambda: f"CASE WHEN {self._condition(inner)} THEN {one} ELSE {two} END",
                lambda: f"CASE {one} WHEN {two} THEN 1 END",
                lambda: f"CAST({one} AS {self._type()})",
                lambda: f"ARRAY[{one} , {two}]",
                lambda: self._one(f"({one} , {two})", f"ROW({one} , {two})", f"({one})"),
                lambda: self._special(one, two),
            ],
            [6, 4, 4, 1, 1, 1, 1, 2, 4],
        )

    def _function(self, one: str, two: str, depth: int) -> str:
        name = self._one("f", "sum", "lake.water.f", "if", "coalesce", "date", "replace", "max")
        return self._one(
            f"{name}({one} , {two})",
            f"count(*) FILTER (WHERE {self._condition(depth)})",
            f"sum({one}) OVER ({self._window(depth)})",
            f"array_agg({one} ORDER BY {two} DESC)",
            f"listagg({one} , ',') WITHIN GROUP (ORDER BY {two})",
            f"transform({one} , (x , y) -> {two})",
            f"filter({one} , x -> {two} > 1)",
            f"count(DISTINCT {one})",
        )

    def _special(self, one: str, two: str) -> str:
        return self._one(
            f"extract(YEAR FROM {one})",
            f"trim(BOTH {one} FROM {two})",
            f"trim({one} FROM {two})",
            f"substring({one} FROM {two} FOR 2)",
            f"position({one} IN {two})",
            f"overlay({one} PLACING {two} FROM 2)",
            f"json_value({one} , 'lax $' DEFAULT {two} ON EMPTY)",
            f"json_object('from' : {one} , KEY 'k' VALUE {two})",
            f"json_exists({one} , 'lax $.from' PASSING {two} AS x)",
            f"x AT TIME ZONE {self._one(chr(39) + 'UTC' + chr(39), 'INTERVAL ' + chr(39) + '1' + chr(39) + ' HOUR')}",
            "first(x).y",
        )

    def _condition(self, depth: int) -> str:
        if depth <= 0:
            return f"{self._column()} = {self._one(*LITERALS)}"
        inner = depth - 1
        one, two = self._expression(inner), self._expression(inner)
        return self._weighted(
            [
                lambda: f"{one} {self._one('=', '<>', '<', '>=')} {two}",
                lambda: f"{self._condition(inner)} {self._one('AND', 'OR')} {self._condition(inner)}",
                lambda: f"NOT {self._condition(inner)}",
                lambda: f"x {self._one('IN', 'NOT IN')} ({self._query(inner)})",
                lambda: f"EXISTS ({self._query(inner)})",
                lambda: f"x >= {self._one('ALL', 'ANY', 'SOME')} ({self._query(inner)})",
                lambda: f"x BETWEEN {one} AND {two}",
                lambda: f"x IN ({one} , {two})",
                lambda: f"x IS {self._one('', 'NOT ')}DISTINCT FROM {one}",
                lambda: f"x LIKE {one} ESCAPE '$'",
                lambda: "x IS NOT NULL",
            ],
            [3, 3, 1, 3, 3, 1, 1, 1, 2, 1, 1],
        )

    def _type(self) -> str:
        return self._one(
            "int", "varchar(3)", "decimal(4 , 2)", "timestamp(3) with time zone", "row(a int , b array(date))",
            "double precision", "map(varchar , bigint)", "interval day to second", "time without time zone",
        )  # fmt: skip

    # Everything else

    def _writing(self) -> str:
        columns, target = self._one("", " (x , y)"), self._name()
        where = self._maybe(lambda: f"WHERE {self._condition(3)}", 0.7)
        return self._one(
            f"INSERT INTO {target}{columns} {self._root_query(3)}",
            f"CREATE TABLE IF NOT EXISTS {target} WITH (format = 'ORC') AS {self._root_query(3)} WITH NO DATA",
            f"CREATE OR REPLACE VIEW {target} COMMENT 'from x' SECURITY INVOKER AS {self._root_query(3)}",
            f"CREATE MATERIALIZED VIEW {target} GRACE PERIOD INTERVAL '1' DAY AS {self._root_query(3)}",
            f"DELETE FROM {target}{where}",
            f"UPDATE {target} SET x = {self._expression(3)} , set = {self._expression(1)}{where}",
            f"MERGE INTO {target} AS t USING {self._relation(2)} ON {self._condition(2)} WHEN MATCHED AND"
            f" {self._condition(1)} THEN UPDATE SET x = {self._expression(2)} WHEN MATCHED THEN DELETE"
            f" WHEN NOT MATCHED THEN INSERT (x) VALUES ({self._expression(2)})",
            f"ALTER TABLE {target} EXECUTE optimize(x => {self._expression(1)}){where}",
        )

    def _definitions(self) -> Sequence[Callable[[], str]]:
        def inner() -> str:
            return self._pick([self._root_query, self._writing, *self._plain_definitions()])()

        def immediate() -> str:
            return "EXECUTE IMMEDIATE '" + inner().replace("'", "''") + "'"

        return [
            *self._plain_definitions(),
            *[lambda: f"EXPLAIN {self._one('', '(TYPE IO) ', '(FORMAT JSON , TYPE LOGICAL) ')}{inner()}"] * 2,
            *[lambda: f"EXPLAIN ANALYZE {self._one('', 'VERBOSE ')}{inner()}"] * 2,
            *[lambda: f"PREPARE {self._identifier()} FROM {inner()}"] * 2,
            *[immediate] * 3,
            lambda: f"SHOW STATS FOR ({self._root_query(2)})",
            lambda: f"DESCRIBE OUTPUT ({self._query(2)})",
            lambda: f"CALL {self._name()}({self._several(lambda: self._expression(1))})",
            lambda: f"CREATE FUNCTION {self._name()}(x int) RETURNS int RETURN {self._column()}",
        ]

    def _plain_definitions(self) -> Sequence[Callable[[], str]]:
        forms = (
            "CREATE TABLE {t} (x int NOT NULL , {c} {y} COMMENT 'from' WITH (a = 1) , LIKE {t})",
            "CREATE SCHEMA {s}", "DROP SCHEMA IF EXISTS {s} CASCADE", "ALTER SCHEMA {s} RENAME TO {i}",
            "ALTER SCHEMA {s} SET AUTHORIZATION {i}", "CREATE CATALOG {i} USING x WITH (a = 'b')", "DROP CATALOG {i}",
            "DROP TABLE IF EXISTS {t}", "DROP VIEW {t}", "DROP MATERIALIZED VIEW {t}", "TRUNCATE TABLE {t}",
            "ANALYZE {t} WITH (a = ARRAY['b'])", "REFRESH MATERIALIZED VIEW {t}", "ALTER VIEW {t} REFRESH",
            "ALTER TABLE IF EXISTS {t} RENAME TO {t}", "ALTER VIEW {t} RENAME TO {t}",
            "ALTER MATERIALIZED VIEW {t} RENAME TO {t}", "ALTER TABLE {t} ADD COLUMN {c} {y} DEFAULT 1 FIRST",
            "ALTER TABLE {t} DROP COLUMN {c}", "ALTER TABLE {t} RENAME COLUMN {c} TO {i}",
            "ALTER TABLE {t} ALTER COLUMN {c} SET DATA TYPE {y}", "ALTER TABLE {t} ALTER COLUMN {i} DROP NOT NULL",
            "ALTER TABLE {t} ALTER COLUMN {c} SET DEFAULT 'x'", "ALTER TABLE {t} ALTER COLUMN {c} DROP DEFAULT",
            "ALTER TABLE {t} SET PROPERTIES {i} = DEFAULT , b = 'from'", "ALTER TABLE {t} SET AUTHORIZATION ROLE {i}",
            "ALTER MATERIALIZED VIEW {t} SET AUTHORIZATION {i}", "COMMENT ON TABLE {t} IS 'from x'",
            "COMMENT ON COLUMN {t}.{i} IS NULL", "COMMENT ON VIEW {t} IS NULL", "CREATE BRANCH {i} IN TABLE {t}",
            "DROP BRANCH {i} IN TABLE {t}", "ALTER BRANCH {i} IN TABLE {t} FAST FORWARD TO {i}",
            "SHOW BRANCHES IN TABLE {t}", "SHOW TABLES FROM {s} LIKE 'a'", "SHOW TABLES", "SHOW SCHEMAS FROM {i}",
            "SHOW SCHEMAS LIKE 'x' ESCAPE '$'", "SHOW COLUMNS IN {t}", "DESCRIBE {t}", "DESC {t}", "SHOW STATS FOR {t}",
            "SHOW CREATE TABLE {t}", "SHOW CREATE VIEW {t}", "SHOW CREATE MATERIALIZED VIEW {t}",
            "SHOW CREATE SCHEMA {s}", "SHOW CREATE FUNCTION {t}", "SHOW GRANTS ON TABLE {t}", "SHOW CATALOGS LIKE 'x'",
            "SHOW FUNCTIONS FROM {s}", "SHOW SESSION", "SHOW CURRENT ROLES FROM {i}", "SHOW ROLE GRANTS",
            "GRANT SELECT , INSERT ON TABLE {t} TO USER {i}", "GRANT {i} TO ROLE {i}", "DENY DELETE ON {t} TO {i}",
            "REVOKE ALL PRIVILEGES ON SCHEMA {s} FROM {i}", "REVOKE {i} FROM {i} IN {i}", "CREATE ROLE {i} IN {i}",
            "DROP ROLE {i}", "SET ROLE {i} IN {i}", "USE {i}.{i}", "USE {i}", "SET SESSION {s} = 'from'",
            "RESET SESSION {s}", "SET TIME ZONE 'UTC'", "SET PATH {i}.{i} , {i}", "START TRANSACTION READ ONLY",
            "COMMIT WORK", "ROLLBACK", "DEALLOCATE PREPARE {i}", "DESCRIBE INPUT {i}", "EXECUTE {i} USING 1 , 'from'",
            "DROP FUNCTION {t}(int , varchar(3))", "SET SESSION AUTHORIZATION {i}", "RESET SESSION AUTHORIZATION",
        )  # fmt: skip
        return [partial(self._filled, form) for form in forms]

    def _filled(self, form: str) -> str:
        """Each place in a form gets a name or type of its own."""
        makers = {"{t}": self._name, "{s}": lambda: self._name(2), "{i}": self._identifier, "{y}": self._type}
        makers["{c}"] = lambda: self._one("x", "x.y", '"from"', "limit")
        for place, made in makers.items():
            while place in form:
                form = form.replace(place, made(), 1)
        return form


def generated(seed: int, count: int) -> list[str]:
    generator = Generator(seed)
    return [generator.statement() for _ in range(count)]
