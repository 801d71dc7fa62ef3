"""What a statement does: read, checked, translated, run, and its outcome told."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from warren.simulator.sql import dialect, metadata
from warren.simulator.sql.columns import BIGINT, BOOLEAN, INTEGER, Column, trino_type, varchar
from warren.simulator.sql.commands import (
    Command,
    Data,
    DescribePrepared,
    Execute,
    Explain,
    Kill,
    Prepare,
    Show,
    read,
)
from warren.simulator.sql.dialect import UNNAMED, Namespace, Translated
from warren.simulator.sql.engine import Run
from warren.simulator.sql.failures import Failure, Position
from warren.simulator.sql.metadata import Facts
from warren.simulator.sql.rows import Outcome, Rows, listed
from warren.simulator.sql.sessions import Session, Transactions, change, check_session

LONGEST_STATEMENT = 1_000_000
"""Characters; Trino's query.max-length."""


class Statement:
    """One statement of one session, run in a thread that may wait."""

    def __init__(
        self,
        run: Run,
        session: Session,
        transactions: Transactions,
        *,
        facts: Callable[[], Facts],
        kill: Callable[[str, str], None],
    ) -> None:
        """`kill` ends another query or raises a Failure; it and `facts` are called in this thread."""
        self._run = run
        self._session = session
        self._transactions = transactions
        self._facts = facts
        self._kill = kill

    def outcome(self, sql: str) -> Outcome:
        """Run it. Raises Failure when it fails; a result's rows may still fail when they are taken."""
        if len(sql) > LONGEST_STATEMENT:
            message = f"Query text length ({len(sql)}) exceeds the maximum length ({LONGEST_STATEMENT})"
            raise Failure("QUERY_TEXT_TOO_LARGE", message)
        check_session(self._session, self._transactions)
        try:
            return self._perform(read(sql))
        except Failure as failure:
            raise failure.found_in(sql) from failure

    def _perform(self, command: Command) -> Outcome:
        match command:
            case Data(sql):
                return self._data(dialect.parse(sql), sql)
            case Execute():
                sql = self._prepared(command)
                return self._data(dialect.parse(sql), sql)
            case DescribePrepared():
                return self._describe(command)
            case Explain(sql):
                return self._explain(sql)
            case Show():
                return self._show(command)
            case Kill(query_id, message):
                self._kill(query_id, message)
                return Outcome(update_type="CALL")
            case _:
                if isinstance(command, Prepare):
                    dialect.parse(command.sql)
                schemas = self._namespace().schemas
                update_type, headers = change(command, self._session, self._transactions, schemas)
                return Outcome(update_type=update_type, headers=headers)

    def _prepared(self, command: Execute) -> str:
        sql = command.sql
        if sql is None:
            sql = self._session.prepared.get(command.name or "")
            if sql is None:
                raise Failure("NOT_FOUND", f"Prepared statement not found: {command.name}")
        if not isinstance(read(sql), Data):
            raise Failure("NOT_SUPPORTED", "the simulator executes prepared queries and changes only")
        parameters = dialect.expressions(command.using) if command.using else []
        return dialect.bind(sql, parameters)

    def _data(self, statement: exp.Expr, text: str) -> Outcome:
        translated = dialect.translate(statement, self._namespace(), text)
        if translated.update_type and self._session.in_transaction:
            raise Failure("NOT_SUPPORTED", "Catalog only supports writes using autocommit: memory")
        if translated.update_type:
            return self._change(translated)
        self._run.execute(translated.sql)
        columns = self._columns()
        return Outcome(columns=columns, rows=Rows(columns, self._run.batches()))

    def _change(self, translated: Translated) -> Outcome:
        rows = self._run.all(translated.sql)
        if not translated.counts_rows:
            return Outcome(update_type=translated.update_type)
        count = int(rows[0][0]) if rows and rows[0] else 0
        columns = (Column("rows", BIGINT),)
        return Outcome(
            columns=columns,
            rows=listed(columns, [(count,)]),
            update_type=translated.update_type,
            update_count=count,
        )

    def _columns(self) -> tuple[Column, ...]:
        described = self._run.cursor.description or []
        parametric = self._session.parametric
        return tuple(
            Column(f"_col{i}" if str(name).startswith(UNNAMED) else str(name), trino_type(kind, parametric=parametric))
            for i, (name, kind, *_) in enumerate(described)
        )

    def _namespace(self) -> Namespace:
        schemas = self._run.all(metadata.SCHEMAS_SQL)
        tables = self._run.all(metadata.TABLES_SQL)
        facts: list[Facts] = []

        def computed(catalog: str, schema: str, table: str) -> str | None:
            if not facts:
                facts.append(self._facts())
            return metadata.computed(facts[0], catalog, schema, table)

        return Namespace(
            catalog=self._session.catalog,
            schema=self._session.schema,
            schemas=frozenset((str(catalog), str(schema)) for catalog, schema in schemas),
            tables=frozenset((str(c), str(s), str(t)) for c, s, t, _ in tables),
            computed=computed,
            version=lambda: self._facts().version,
        )

    def _explain(self, sql: str) -> Outcome:
        translated = dialect.translate(dialect.parse(sql), self._namespace(), sql)
        plan = "\n".join(str(row[-1]) for row in self._run.all(f"EXPLAIN {translated.sql}"))
        return self._told(("Query Plan",), [(plan,)])

    def _describe(self, command: DescribePrepared) -> Outcome:
        sql = self._session.prepared.get(command.name)
        if sql is None:
            raise Failure("NOT_FOUND", f"Prepared statement not found: {command.name}")
        count = len(dialect.marks(sql))
        if not command.output:
            columns = (Column("Position", INTEGER), Column("Type", varchar()))
            return Outcome(columns=columns, rows=listed(columns, [(i, "unknown") for i in range(count)]))
        bound = dialect.bind(sql, ["NULL"] * count)
        translated = dialect.translate(dialect.parse(bound), self._namespace(), bound)
        return self._described(translated)

    def _described(self, translated: Translated) -> Outcome:
        names = ("Column Name", "Catalog", "Schema", "Table", "Type")
        columns = (
            *(Column(name, varchar()) for name in names),
            Column("Type Size", BIGINT),
            Column("Aliased", BOOLEAN),
        )
        rows: list[tuple[Any, ...]] = []
        if translated.update_type is None:
            self._run.execute(f"SELECT * FROM ({translated.sql}) LIMIT 0")  # noqa: S608 - made by sqlglot
            rows = [(one.name, "", "", "", one.type.name, 0, False) for one in self._columns()]
        return Outcome(columns=columns, rows=listed(columns, rows))

    def _show(self, command: Show) -> Outcome:
        match command.what:
            case "CATALOGS":
                return self._told(("Catalog",), _like([(name,) for name in metadata.CATALOGS], command.like))
            case "SESSION":
                rows = [
                    (name, self._session.properties.get(name, default), default, kind, "")
                    for name, (default, kind) in metadata.SESSION_PROPERTIES.items()
                ]
                return self._told(("Name", "Value", "Default", "Type", "Description"), _like(rows, command.like))
            case "FUNCTIONS":
                names = self._run.all("SELECT DISTINCT lower(function_name) FROM duckdb_functions() ORDER BY 1")
                return self._told(("Function",), _like(names, command.like))
            case "SCHEMAS":
                return self._show_schemas(command)
            case "TABLES":
                return self._show_tables(command)
            case _:
                return self._show_columns(command)

    def _show_schemas(self, command: Show) -> Outcome:
        catalog = command.name[-1] if command.name else self._session.catalog
        names = self._namespace()
        _check_catalog(catalog, names)
        found = sorted((schema,) for known, schema in names.schemas if known == catalog)
        return self._told(("Schema",), _like(found, command.like))

    def _show_tables(self, command: Show) -> Outcome:
        names = self._namespace()
        catalog, schema = _completed(command.name, (self._session.catalog, self._session.schema))
        _check_catalog(catalog, names)
        if not schema:
            message = "Schema must be specified when session schema is not set"
            raise Failure("MISSING_SCHEMA_NAME", message, Position(1, 1))
        if (catalog, schema) not in names.schemas:
            raise Failure("SCHEMA_NOT_FOUND", f"Schema '{schema}' does not exist", Position(1, 1))
        stored = {(table,) for c, s, table in names.tables if (c, s) == (catalog, schema)}
        if schema == "information_schema":
            stored = {(table,) for table in metadata.INFORMATION_TABLES}
        elif catalog == "system":
            stored = {(table,) for table in metadata.SYSTEM_TABLES.get(schema, ())}
        return self._told(("Table",), _like(sorted(stored), command.like))

    def _show_columns(self, command: Show) -> Outcome:
        catalog, schema, table = _completed(command.name, (self._session.catalog, self._session.schema, None))
        whole = exp.table_(table or "", db=schema, catalog=catalog)
        select = exp.select("*").from_(whole).limit(0)
        translated = dialect.translate(select, self._namespace(), "")
        self._run.execute(translated.sql)
        shown = [(column.name, column.type.name) for column in self._columns()]
        noted = dict(
            self._run.all(
                f"SELECT column_name, type FROM ({metadata.COLUMNS_SQL}) WHERE database_name ="  # noqa: S608
                f" {metadata.literal(catalog)} AND schema_name = {metadata.literal(schema)}"
                f" AND table_name = {metadata.literal(table)}"
            )
        )
        typed = [(name, noted.get(name, kind)) for name, kind in shown]
        if command.what == "CREATE":
            lines = ",\n".join(f"   {name} {kind}" for name, kind in typed)
            return self._told(("Create Table",), [(f"CREATE TABLE {catalog}.{schema}.{table} (\n{lines}\n)",)])
        rows = [(name, kind, "", "") for name, kind in typed]
        return self._told(("Column", "Type", "Extra", "Comment"), _like(rows, command.like))

    @staticmethod
    def _told(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Outcome:
        columns = tuple(Column(name, varchar()) for name in names)
        return Outcome(columns=columns, rows=listed(columns, rows))


def _like(rows: Sequence[Sequence[Any]], pattern: str | None) -> list[Sequence[Any]]:
    """Rows whose first value fits a LIKE pattern."""
    if pattern is None:
        return list(rows)
    steps = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    fits = re.compile("".join(steps), re.DOTALL)
    return [row for row in rows if fits.fullmatch(str(row[0]))]


def _completed(given: tuple[str, ...], defaults: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """A dotted name with the session's parts in front of it."""
    given = given[-len(defaults) :]
    return (*defaults[: len(defaults) - len(given)], *given)


def _check_catalog(catalog: str | None, names: Namespace) -> None:
    if not catalog:
        message = "Catalog must be specified when session catalog is not set"
        raise Failure("MISSING_CATALOG_NAME", message, Position(1, 1))
    if not names.has_catalog(catalog):
        raise Failure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' not found", Position(1, 1))
