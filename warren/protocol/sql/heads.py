"""The first words of all statements but CREATE, ALTER and DROP: which each is, what it names, and how to read the rest."""

from collections.abc import Callable

from warren.protocol.sql.cursor import Cursor
from warren.protocol.sql.definitions import alter, create, drop
from warren.protocol.sql.found import Found
from warren.protocol.sql.tokens import BEFORE_ON, EXPRESSION, KILLING, REST, SOURCE, Mode

Head = Callable[[Cursor, Found], Mode]
"""Reads on behind the statement's first word."""


def head(cursor: Cursor, found: Found) -> Mode:
    """Reads the words that say which statement it is. The rest of the text is to be read in the mode that it answers."""
    word = cursor.word()
    if word in _QUERY or cursor.mark() == "(":
        return _query(cursor, found)
    if word not in _HEADS:
        raise cursor.refusal("a statement is expected")
    cursor.next_word()
    return _HEADS[word](cursor, found)


_QUERY = frozenset({"select", "with", "values", "table"})


def _query(cursor: Cursor, found: Found) -> Mode:
    found.kind = "Query"
    before = cursor.position
    if cursor.take("with") and not cursor.take("recursive"):
        if not cursor.is_at_name():
            raise cursor.refusal("the name of a query is expected")
        word = cursor.word()
        cursor.identifier()
        if word not in {"function", "session"} and cursor.word() != "as" and cursor.mark() != "(":
            raise cursor.refusal("AS is expected")
    cursor.position = before
    return EXPRESSION


def _insert(cursor: Cursor, found: Found) -> Mode:
    found.kind = "Insert"
    cursor.expect("into")
    _target(cursor, found)
    return EXPRESSION


def _delete(cursor: Cursor, found: Found) -> Mode:
    found.kind = "Delete"
    cursor.expect("from")
    _target(cursor, found)
    return EXPRESSION


def _update(cursor: Cursor, found: Found) -> Mode:
    found.kind = "Update"
    _target(cursor, found)
    cursor.expect("set")
    return EXPRESSION


def _merge(cursor: Cursor, found: Found) -> Mode:
    found.kind = "Merge"
    cursor.expect("into")
    _target(cursor, found)
    if not cursor.take("using"):
        cursor.take("as")
        cursor.identifier()
        cursor.expect("using")
    return SOURCE


def _target(cursor: Cursor, found: Found) -> None:
    """The table that is written to, and a branch of it."""
    found.table(cursor.name())
    if cursor.take_mark("@"):
        cursor.identifier()


def _named(kind: str, *words: str) -> Head:
    """Statements that are these words, the name of a table, and nothing that matters."""

    def read(cursor: Cursor, found: Found) -> Mode:
        found.kind = kind
        if words:
            cursor.expect(*words)
        found.table(cursor.name())
        return REST

    return read


def _plain(kind: str, *words: str) -> Head:
    """Statements that name nothing of interest."""

    def read(cursor: Cursor, found: Found) -> Mode:
        found.kind = kind
        if words:
            cursor.expect(*words)
        return REST

    return read


def _privileges(kind: str) -> Head:
    """They are about privileges or roles, and only an ON tells which."""

    def read(_: Cursor, found: Found) -> Mode:
        found.kind = kind
        return BEFORE_ON

    return read


def _comment(cursor: Cursor, found: Found) -> Mode:
    found.kind = "Comment"
    cursor.expect("on")
    what = cursor.next_word()
    name = cursor.name()
    if what in {"table", "view"}:
        found.table(name)
    elif what != "column":
        raise cursor.refusal("only tables, views and columns have comments")
    elif len(name) > 1:
        found.table(name[:-1])
    return REST


def _call(cursor: Cursor, found: Found) -> Mode:
    found.kind = "Call"
    kills = found.called(cursor.name())
    if cursor.mark() != "(":
        raise cursor.refusal("'(' is expected")
    return KILLING if kills else EXPRESSION


def _describe(cursor: Cursor, found: Found) -> Mode:
    before = cursor.position
    for word, kind in (("input", "DescribeInput"), ("output", "DescribeOutput")):
        if cursor.take(word):
            found.kind = kind
            if cursor.is_at_name():
                cursor.identifier()
                return REST
            if word == "output" and cursor.mark() == "(":
                return EXPRESSION
    # A table may have such a name.
    cursor.position = before
    return _named("ShowColumns")(cursor, found)


def _set(cursor: Cursor, found: Found) -> Mode:
    if cursor.take("session"):
        found.kind = "SetSession"
        before = cursor.position
        if cursor.take("authorization") and cursor.mark() not in {"=", "."}:
            found.kind = "SetSessionAuthorization"
        else:
            cursor.position = before
            cursor.name()
        return REST
    for words, kind in ((("role",), "SetRole"), (("path",), "SetPath"), (("time", "zone"), "SetTimeZone")):
        if cursor.take(*words):
            found.kind = kind
            return REST
    raise cursor.refusal("SESSION, ROLE, PATH or TIME ZONE is expected")


def _reset(cursor: Cursor, found: Found) -> Mode:
    cursor.expect("session")
    before = cursor.position
    if cursor.take("authorization") and cursor.mark() != ".":
        found.kind = "ResetSessionAuthorization"
    else:
        found.kind = "ResetSession"
        cursor.position = before
        cursor.name()
    return REST


def _show(cursor: Cursor, found: Found) -> Mode:
    what = cursor.next_word()
    if what in _SHOWN:
        return _SHOWN[what](cursor, found)
    for words, kind in _SHOWN_PLAINLY.items():
        if what == words[0] and (len(words) == 1 or cursor.take(*words[1:])):
            found.kind = kind
            return REST
    raise cursor.refusal(f"{what.upper()} is nothing that can be shown")


def _show_create(cursor: Cursor, found: Found) -> Mode:
    found.kind = "ShowCreate"
    if cursor.take("schema"):
        found.schema(cursor.name())
        return REST
    if not (cursor.take("materialized", "view") or cursor.next_word() in {"table", "view", "function"}):
        raise cursor.refusal("a table, view, materialized view, schema or function is expected")
    found.table(cursor.name())
    return REST


def _show_tables(cursor: Cursor, found: Found) -> Mode:
    found.kind = "ShowTables"
    if _from(cursor):
        found.schema(cursor.name())
    else:
        found.default_schema()
    return REST


def _show_schemas(cursor: Cursor, found: Found) -> Mode:
    found.kind = "ShowSchemas"
    found.catalog(cursor.identifier().lower() if _from(cursor) else None)
    return REST


def _show_columns(cursor: Cursor, found: Found) -> Mode:
    found.kind = "ShowColumns"
    return _show_of(cursor, found)


def _show_branches(cursor: Cursor, found: Found) -> Mode:
    found.kind = "ShowBranches"
    return _show_of(cursor, found, "table")


def _show_of(cursor: Cursor, found: Found, *words: str) -> Mode:
    if not _from(cursor):
        raise cursor.refusal("FROM is expected")
    if words:
        cursor.expect(*words)
    found.table(cursor.name())
    return REST


def _show_stats(cursor: Cursor, found: Found) -> Mode:
    found.kind = "ShowStats"
    cursor.expect("for")
    if cursor.mark() != "(":
        found.table(cursor.name())
    return EXPRESSION


def _from(cursor: Cursor) -> bool:
    return cursor.take("from") or cursor.take("in")


_SHOWN: dict[str, Head] = {
    "branches": _show_branches,
    "columns": _show_columns,
    "create": _show_create,
    "schemas": _show_schemas,
    "stats": _show_stats,
    "tables": _show_tables,
}
_SHOWN_PLAINLY = {
    ("catalogs",): "ShowCatalogs",
    ("functions",): "ShowFunctions",
    ("grants",): "ShowGrants",
    ("role", "grants"): "ShowRoleGrants",
    ("current", "roles"): "ShowRoles",
    ("roles",): "ShowRoles",
    ("session",): "ShowSession",
}
_HEADS: dict[str, Head] = {
    "alter": alter,
    "analyze": _named("Analyze"),
    "call": _call,
    "comment": _comment,
    "commit": _plain("Commit"),
    "create": create,
    "deallocate": _plain("Deallocate", "prepare"),
    "delete": _delete,
    "deny": _privileges("Deny"),
    "desc": _describe,
    "describe": _describe,
    "drop": drop,
    "grant": _privileges("GrantRoles"),
    "insert": _insert,
    "merge": _merge,
    "refresh": _named("RefreshMaterializedView", "materialized", "view"),
    "reset": _reset,
    "revoke": _privileges("RevokeRoles"),
    "rollback": _plain("Rollback"),
    "set": _set,
    "show": _show,
    "start": _plain("StartTransaction", "transaction"),
    "truncate": _named("TruncateTable", "table"),
    "update": _update,
    "use": _plain("Use"),
}
