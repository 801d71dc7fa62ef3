"""What a statement is and names: gathered while it is read, and made into facts at the end."""

from typing import Any

from warren.facts import Qualified, QueryProperties
from warren.protocol.ids import as_query_id
from warren.protocol.sql.kinds import resource_group_type

Name = tuple[str, ...]
"""The parts of a name, in lower case."""

LONGEST_SHOWN = 256
"""Characters of a name in a message."""

NONE: frozenset[Any] = frozenset()

KILL_QUERY = ("system", "runtime", "kill_query")


class Found:
    """Gathers names, completed with the session's defaults. The first one that cannot be completed spoils the sets."""

    __slots__ = (
        "_argument",
        "_catalog",
        "_explained",
        "_kills",
        "_outermost",
        "_schema",
        "catalogs",
        "kind",
        "pairs",
        "schemas",
        "tables",
        "trouble",
    )

    def __init__(self, catalog: str | None, schema: str | None) -> None:
        self.kind = ""
        """The class of the innermost statement."""
        self.trouble: str | None = None
        self.tables: set[Qualified] = set()
        self.catalogs: set[str] = set()
        self.schemas: set[str] = set()
        self.pairs: set[str] = set()
        self._catalog = catalog.lower() if catalog else None
        self._schema = schema.lower() if schema else None
        self._outermost = ""
        self._explained = ""
        self._kills = False
        self._argument: tuple[str | None] | None = None

    def wrap(self, kind: str) -> None:
        """The statement that is read next stands in one of this class: EXPLAIN, EXPLAIN ANALYZE or PREPARE."""
        self._outermost = self._outermost or kind
        if kind != "ExplainAnalyze":
            self._explained = self._explained or kind

    def is_wrapped(self) -> bool:
        return bool(self._outermost)

    def table(self, name: Name) -> None:
        if table := self._qualified(name):
            self.tables.add(table)
            self._pair(table[0], table[1])

    def renamed(self, source: Name, target: Name) -> None:
        """A table or view gets a new name; what the new one leaves out is as in the old one."""
        if table := self._qualified(source):
            self.table(table)
            self.table(table[: 3 - len(target)] + target if len(target) < 3 else target)

    def schema(self, name: Name) -> Name:
        """Adds the schema; answers its full name, or nothing when that is not known."""
        if len(name) == 1 and self._catalog is not None:
            name = (self._catalog, *name)
        if len(name) != 2:
            self._unqualified(name, "no default catalog" if len(name) == 1 else "a schema's name has two parts at most")
            return ()
        self._pair(*name)
        return name

    def renamed_schema(self, source: Name, target: Name) -> None:
        if schema := self.schema(source):
            self._pair(schema[0], target[-1])

    def default_schema(self) -> None:
        if self._catalog is None or self._schema is None:
            self.spoil("no schema is named, and the session has no default catalog and schema")
        else:
            self._pair(self._catalog, self._schema)

    def catalog(self, name: str | None) -> None:
        """Adds a catalog; None is the session's."""
        if name is None and self._catalog is None:
            self.spoil("no catalog is named, and the session has no default catalog")
        elif catalog := name or self._catalog:
            self.catalogs.add(catalog)

    def called(self, name: Name) -> bool:
        """Whether that procedure is kill_query. Names that cannot be completed are none of ours."""
        defaults = (self._catalog, self._schema)[: max(0, 3 - len(name))]
        self._kills = (*defaults, *name) == KILL_QUERY
        return self._kills

    def argument(self, name: str | None, literal: str | None) -> None:
        """One argument of kill_query; `literal` is None when it is no string literal."""
        if name == "query_id" or (name is None and self._argument is None):
            self._argument = (literal,)

    def spoil(self, trouble: str) -> None:
        self.trouble = self.trouble or trouble

    def as_properties(self, body: str, catalog: str | None, schema: str | None) -> QueryProperties:
        """The facts; `catalog` and `schema` are the session's defaults as they came, `body` is what was read."""
        killed = self._killed()
        good = self.trouble is None
        return QueryProperties(
            body=body,
            query_type=self._outermost or self.kind,
            resource_group_query_type=resource_group_type(self._explained or self.kind),
            default_catalog=catalog,
            default_schema=schema,
            tables=frozenset(self.tables) if good else NONE,
            catalogs=frozenset(self.catalogs) if good else NONE,
            schemas=frozenset(self.schemas) if good else NONE,
            catalog_schemas=frozenset(self.pairs) if good else NONE,
            is_new_query_submission=True,
            is_query_parsing_successful=good,
            error_message=self.trouble,
            query_id=as_query_id(killed) if killed else None,
        )

    def _killed(self) -> str | None:
        if not self._kills:
            return None
        if self._argument is None or self._argument[0] is None:
            self.spoil("the query that kill_query names is no string literal")
            return None
        return self._argument[0]

    def _pair(self, catalog: str, schema: str) -> None:
        self.catalogs.add(catalog)
        self.schemas.add(schema)
        self.pairs.add(f"{catalog}.{schema}")

    def _qualified(self, name: Name) -> Qualified | None:
        match name:
            case (catalog, schema, table):
                return catalog, schema, table
            case (schema, table) if self._catalog is not None:
                return self._catalog, schema, table
            case (table,) if self._catalog is not None and self._schema is not None:
                return self._catalog, self._schema, table
        if len(name) > 3:
            self._unqualified(name, "a table's name has three parts at most")
        else:
            self._unqualified(name, "no default schema" if self._catalog is not None else "no default catalog")
        return None

    def _unqualified(self, name: Name, because: str) -> None:
        self.spoil(f"name not fully qualified: {'.'.join(name)[:LONGEST_SHOWN]}: {because}")
