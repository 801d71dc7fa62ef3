"""Trino's SQL into DuckDB's, by sqlglot: names made whole, columns named as Trino names them, nothing else let in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from warren.simulator.sql.failures import Failure, Position, position_of

WRITABLE = "memory"
UNNAMED = "__unnamed_"
"""What stands in front of a column that the statement did not name, until its position is known."""


CHANGES = (exp.Insert, exp.Delete, exp.Update, exp.Merge, exp.Create, exp.Drop, exp.Into, exp.Command)


@dataclass(frozen=True, slots=True)
class Namespace:
    """What names mean for one statement: the session's defaults and what there is."""

    catalog: str | None
    schema: str | None
    schemas: frozenset[tuple[str, str]]
    tables: frozenset[tuple[str, str, str]]
    computed: Callable[[str, str, str], str | None]
    """The DuckDB query that stands for a system table, or None."""
    version: Callable[[], str]

    def has_catalog(self, catalog: str) -> bool:
        return any(known == catalog for known, _ in self.schemas)


@dataclass(frozen=True, slots=True)
class Translated:
    sql: str
    update_type: str | None
    """Trino's name of the change; None for a query."""
    counts_rows: bool = False
    """Whether the answer is one row that says how many rows were changed."""


def parse(sql: str) -> exp.Expr:
    """The one statement in the text; a Failure tells where it went wrong."""
    stripped = sql.rstrip()
    if stripped.endswith(";"):
        raise Failure("SYNTAX_ERROR", "mismatched input ';'", position_of(sql, len(stripped) - 1))
    try:
        parsed = [one for one in sqlglot.parse(sql, read="trino") if one is not None]
    except SqlglotError as error:
        raise _syntax_error(sql, error) from error
    except RecursionError as error:
        raise Failure("SYNTAX_ERROR", "statement is too deeply nested") from error
    if len(parsed) != 1:
        raise Failure("SYNTAX_ERROR", "mismatched input '<EOF>'", position_of(sql, len(sql)))
    return parsed[0]


def _syntax_error(sql: str, error: SqlglotError) -> Failure:
    for detail in getattr(error, "errors", []):
        word = str(detail.get("highlight") or "")
        line, end = detail.get("line"), detail.get("col")
        if line and end:
            place = Position(int(line), max(1, int(end) - len(word) + 1))
            return Failure("SYNTAX_ERROR", f"mismatched input '{word}'", place)
    return Failure("SYNTAX_ERROR", "mismatched input", position_of(sql, 0))


def marks(sql: str) -> list[int]:
    """Where the statement's question marks are; those in texts and comments are none."""
    try:
        tokens = sqlglot.tokenize(sql, read="trino")
    except SqlglotError as error:
        raise _syntax_error(sql, error) from error
    return [token.start for token in tokens if token.token_type == TokenType.PLACEHOLDER]


def bind(sql: str, parameters: Sequence[str]) -> str:
    """The statement with each question mark replaced by a parameter, itself a piece of SQL."""
    places = marks(sql)
    if len(places) != len(parameters):
        raise Failure(
            "INVALID_FUNCTION_ARGUMENT",
            f"Incorrect number of parameters: expected {len(places)} but found {len(parameters)}",
        )
    for place, parameter in reversed(list(zip(places, parameters, strict=True))):
        sql = f"{sql[:place]}({parameter}){sql[place + 1 :]}"
    return sql


def expressions(sql: str) -> list[str]:
    """The comma-separated expressions of a USING clause, each as SQL."""
    parsed = parse(f"SELECT {sql}")
    given = {key for key, value in parsed.args.items() if value}
    if not isinstance(parsed, exp.Select) or given != {"expressions"}:
        raise Failure("SYNTAX_ERROR", "mismatched input in USING")
    return [one.sql(dialect="trino") for one in parsed.expressions]


def translate(statement: exp.Expr, names: Namespace, text: str) -> Translated:
    """The DuckDB statement that does what the Trino one asks."""
    update_type, counts = _kind(statement)
    _refuse_writes(statement, names)
    resolved = statement.copy()
    _resolve_tables(resolved, names, text)
    for call in list(resolved.find_all(exp.CurrentVersion)):
        call.replace(exp.Literal.string(names.version()))
    if update_type is None:
        resolved = _name_columns(resolved)
    elif isinstance(resolved, exp.Create) and isinstance(resolved.expression, exp.Query):
        resolved.set("expression", _name_columns(resolved.expression))
    try:
        sql = resolved.sql(dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise Failure("NOT_SUPPORTED", f"the simulator cannot translate this: {error}") from error
    return Translated(sql, update_type, counts)


def _kind(statement: exp.Expr) -> tuple[str | None, bool]:
    match statement:
        case exp.Query() | exp.Values():
            return None, False
        case exp.Create() if statement.kind in {"TABLE", "VIEW", "SCHEMA"}:
            with_rows = statement.kind == "TABLE" and isinstance(statement.expression, exp.Query | exp.Values)
            return f"CREATE {statement.kind}", with_rows
        case exp.Drop() if statement.kind in {"TABLE", "VIEW", "SCHEMA"}:
            return f"DROP {statement.kind}", False
        case exp.Insert():
            return "INSERT", True
        case exp.Delete():
            return "DELETE", True
        case exp.Update():
            return "UPDATE", True
        case _:
            raise Failure("NOT_SUPPORTED", f"the simulator does not run {statement.key.upper()} statements")


def _refuse_writes(statement: exp.Expr, names: Namespace) -> None:
    """Only the memory catalog is written to, as with Trino's tpch and system connectors."""
    if any(one is not statement and isinstance(one, CHANGES) for one in statement.walk()):
        raise Failure("SYNTAX_ERROR", "a statement within a statement")
    if isinstance(statement, exp.Query | exp.Values):
        return
    catalog = (_target(statement).catalog or names.catalog or "").lower()
    if not catalog:
        raise Failure("MISSING_CATALOG_NAME", "Catalog must be specified when session catalog is not set")
    if not names.has_catalog(catalog):
        raise Failure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' not found")
    if catalog != WRITABLE:
        what = {"create": "creating tables", "drop": "dropping tables", "insert": "inserts"}
        does = what.get(statement.key, "modifying table rows")
        raise Failure("NOT_SUPPORTED", f"This connector does not support {does}")


def _target(statement: exp.Expr) -> exp.Table:
    """The one table, view or schema that a statement changes."""
    target = statement.this
    if isinstance(statement, exp.Drop):
        tables = statement.args.get("tables") or [target]
        target = tables[0] if len(tables) == 1 else None
    if isinstance(target, exp.Schema):
        target = target.this
    if not isinstance(target, exp.Table):
        raise Failure("NOT_SUPPORTED", "the simulator does not know what this statement changes")
    return target


def _resolve_tables(statement: exp.Expr, names: Namespace, text: str) -> None:
    own = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    # What is made or dropped need not be there.
    made = _target(statement) if isinstance(statement, exp.Create | exp.Drop) else None
    for table in list(statement.find_all(exp.Table)):
        if table is made:
            _qualify_made(table, statement, names)
        elif not isinstance(table.this, exp.Identifier):
            _allow_function(table)
        elif table.db or table.name.lower() not in own:
            _resolve(table, names, text)


def _allow_function(table: exp.Table) -> None:
    inner = table.this.expressions[0] if isinstance(table.this, exp.Anonymous) and table.this.expressions else None
    if isinstance(table.this, exp.GenerateSeries) or isinstance(inner, exp.GenerateSeries):
        table.set("this", exp.GenerateSeries(**(inner or table.this).args))
        return
    raise Failure("FUNCTION_NOT_FOUND", f"Table function '{table.this.name or table.this.key}' not registered")


def _qualify_made(table: exp.Table, statement: exp.Expr, names: Namespace) -> None:
    kind = statement.args.get("kind")
    drop = isinstance(statement, exp.Drop)
    lenient = bool(statement.args.get("exists")) or bool(statement.args.get("replace"))
    if kind == "SCHEMA":
        catalog, schema = (table.catalog or names.catalog or "").lower(), table.db.lower()
        present = (catalog, schema) in names.schemas
        missing, existing, title = "SCHEMA_NOT_FOUND", "SCHEMA_ALREADY_EXISTS", f"Schema '{catalog}.{schema}'"
        table.set("catalog", exp.to_identifier(catalog, quoted=True))
        table.set("db", exp.to_identifier(schema, quoted=True))
    else:
        catalog, schema, name = _whole_name(table, names, None)
        if (catalog, schema) not in names.schemas:
            raise Failure("SCHEMA_NOT_FOUND", f"Schema '{schema}' does not exist")
        present = (catalog, schema, name) in names.tables
        missing, existing, title = "TABLE_NOT_FOUND", "TABLE_ALREADY_EXISTS", f"Table '{catalog}.{schema}.{name}'"
        _set_name(table, catalog, schema, name)
    if lenient or present == drop:
        return
    raise (
        Failure(missing, f"{title} does not exist", Position(1, 1))
        if drop
        else Failure(existing, f"{title} already exists", Position(1, 1))
    )


def _whole_name(table: exp.Table, names: Namespace, place: Position | None) -> tuple[str, str, str]:
    schema = table.db or names.schema
    catalog = table.catalog or names.catalog
    if not schema:
        raise Failure("MISSING_SCHEMA_NAME", "Schema must be specified when session schema is not set", place)
    if not catalog:
        raise Failure("MISSING_CATALOG_NAME", "Catalog must be specified when session catalog is not set", place)
    return catalog.lower(), schema.lower(), table.name.lower()


def _set_name(table: exp.Table, catalog: str, schema: str, name: str) -> None:
    for key, part in (("catalog", catalog), ("db", schema), ("this", name)):
        table.set(key, exp.to_identifier(part, quoted=True))


def _resolve(table: exp.Table, names: Namespace, text: str) -> None:
    first = next((part for part in (table.args.get("catalog"), table.args.get("db")) if part), table.this)
    place = position_of(text, first.meta["start"]) if "start" in first.meta else None
    catalog, schema, name = _whole_name(table, names, place)
    if not names.has_catalog(catalog):
        raise Failure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' not found", place)
    if computed := names.computed(catalog, schema, name):
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name, quoted=True))
        query = sqlglot.parse_one(computed, read="duckdb")
        subquery = exp.Subquery(this=query, alias=alias.copy())
        for key in ("joins", "pivots", "sample"):
            if table.args.get(key):
                subquery.set(key, table.args[key])
        table.replace(subquery)
        return
    if (catalog, schema) not in names.schemas:
        raise Failure("SCHEMA_NOT_FOUND", f"Schema '{schema}' does not exist", place)
    if (catalog, schema, name) not in names.tables:
        raise Failure("TABLE_NOT_FOUND", f"Table '{catalog}.{schema}.{name}' does not exist", place)
    _set_name(table, catalog, schema, name)


def _name_columns(query: exp.Expr) -> exp.Expr:
    """Mark the columns that have no name, so that they can be called `_col0`, `_col1` … by their place."""
    if isinstance(query, exp.Values):
        rows = query.expressions
        width = len(rows[0].expressions) if rows and isinstance(rows[0], exp.Tuple) else 1
        columns = [exp.to_identifier(f"{UNNAMED}{i}") for i in range(width)]
        query.set("alias", exp.TableAlias(this=exp.to_identifier("t"), columns=columns))
        return exp.select("*").from_(query)
    for select in query.find_all(exp.Select):
        select.set("expressions", [_named(column, i) for i, column in enumerate(select.expressions)])
    return query


def _named(column: exp.Expr, place: int) -> exp.Expr:
    if isinstance(column, exp.Alias | exp.Column | exp.Star | exp.Dot) or column.is_star:
        return column
    return exp.alias_(column, f"{UNNAMED}{place}", quoted=True)
