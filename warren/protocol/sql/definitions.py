"""The first words of CREATE, ALTER and DROP: which statement each is, and what it names."""

from collections.abc import Callable

from warren.protocol.sql.cursor import Cursor
from warren.protocol.sql.found import Found
from warren.protocol.sql.tokens import BEFORE_AS, BEFORE_IN, EXPRESSION, REST, ROUTINE, Mode


def create(cursor: Cursor, found: Found) -> Mode:
    cursor.take("or", "replace")
    what = _what(cursor)
    if what not in _CREATED:
        raise cursor.refusal(f"{what.upper()} is nothing that can be created")
    kind, mode = _CREATED[what]
    found.kind = kind
    if what != "function":
        cursor.take("if", "not", "exists")
        _name(what, cursor, found)
    return mode


def drop(cursor: Cursor, found: Found) -> Mode:
    what = _what(cursor)
    if what not in _DROPPED:
        raise cursor.refusal(f"{what.upper()} is nothing that can be dropped")
    found.kind = _DROPPED[what]
    cursor.take("if", "exists")
    _name(what, cursor, found)
    return BEFORE_IN if what == "branch" else REST


def alter(cursor: Cursor, found: Found) -> Mode:
    # A kind of things that Trino does not know by a keyword may have any name.
    what = _what(cursor) if cursor.word() else cursor.identifier()
    cursor.take("if", "exists")
    return _ALTERED.get(what, _alter_other)(cursor, found)


_CREATED = {
    "branch": ("CreateBranch", BEFORE_IN),
    "catalog": ("CreateCatalog", REST),
    "function": ("CreateFunction", ROUTINE),
    "materialized view": ("CreateMaterializedView", BEFORE_AS),
    "role": ("CreateRole", REST),
    "schema": ("CreateSchema", REST),
    "table": ("CreateTable", BEFORE_AS),
    "view": ("CreateView", BEFORE_AS),
}
_DROPPED = {
    "branch": "DropBranch",
    "catalog": "DropCatalog",
    "function": "DropFunction",
    "materialized view": "DropMaterializedView",
    "role": "DropRole",
    "schema": "DropSchema",
    "table": "DropTable",
    "view": "DropView",
}


def _what(cursor: Cursor) -> str:
    return "materialized view" if cursor.take("materialized", "view") else cursor.next_word()


def _name(what: str, cursor: Cursor, found: Found) -> None:
    match what:
        case "catalog":
            # Upstream's facts keep the case of these.
            found.catalog(cursor.identifier())
        case "schema":
            found.schema(cursor.name())
        case "table" | "view" | "materialized view":
            found.table(cursor.name())
        case _:
            cursor.name()


def _alter_table(cursor: Cursor, found: Found) -> Mode:
    table = cursor.name()
    if cursor.take("rename", "to"):
        found.kind = "RenameTable"
        found.renamed(table, cursor.name())
        return REST
    found.table(table)
    if cursor.take("execute"):
        found.kind = "TableExecute"
        cursor.identifier()
        return EXPRESSION
    if cursor.take("alter", "column"):
        cursor.name()
        found.kind = _chosen(cursor, _COLUMN_CHANGES)
    else:
        found.kind = _chosen(cursor, _TABLE_CHANGES)
    return REST


def _alter_view(cursor: Cursor, found: Found) -> Mode:
    view = cursor.name()
    if cursor.take("rename", "to"):
        found.kind = "RenameView"
        found.renamed(view, cursor.name())
    else:
        found.table(view)
        found.kind = _chosen(cursor, _VIEW_CHANGES)
    return REST


def _alter_materialized_view(cursor: Cursor, found: Found) -> Mode:
    if cursor.take(*_SET_OWNER) or cursor.mark() == ".":
        # MATERIALIZED alone is no keyword: this is something of that kind, by the name of VIEW.
        found.kind = "SetAuthorizationStatement"
        return REST
    found.table(cursor.name())
    if cursor.take("rename", "to"):
        found.kind = "RenameMaterializedView"
        found.table(cursor.name())
    else:
        found.kind = _chosen(cursor, _MATERIALIZED_VIEW_CHANGES)
    return REST


def _alter_schema(cursor: Cursor, found: Found) -> Mode:
    schema = cursor.name()
    if cursor.take("rename", "to"):
        found.kind = "RenameSchema"
        found.renamed_schema(schema, cursor.name())
    else:
        found.schema(schema)
        found.kind = _chosen(cursor, _OWNER)
    return REST


def _alter_branch(cursor: Cursor, found: Found) -> Mode:
    found.kind = "FastForwardBranch"
    cursor.identifier()
    cursor.expect("in", "table")
    found.table(cursor.name())
    cursor.expect("fast", "forward", "to")
    cursor.identifier()
    return REST


def _alter_other(cursor: Cursor, found: Found) -> Mode:
    """Whatever else has an owner is no table."""
    cursor.name()
    found.kind = _chosen(cursor, _OWNER)
    return REST


_ALTERED: dict[str, Callable[[Cursor, Found], Mode]] = {
    "branch": _alter_branch,
    "materialized view": _alter_materialized_view,
    "schema": _alter_schema,
    "table": _alter_table,
    "view": _alter_view,
}

_Changes = dict[tuple[str, ...], str]
_SET_OWNER = ("set", "authorization")
_OWNER: _Changes = {_SET_OWNER: "SetAuthorizationStatement"}
_TABLE_CHANGES: _Changes = {
    ("add", "column"): "AddColumn",
    ("drop", "column"): "DropColumn",
    ("rename", "column"): "RenameColumn",
    ("set", "properties"): "SetProperties",
    **_OWNER,
}
_COLUMN_CHANGES: _Changes = {
    ("set", "data", "type"): "SetColumnType",
    ("set", "default"): "SetDefaultValue",
    ("drop", "default"): "DropDefaultValue",
    ("drop", "not", "null"): "DropNotNullConstraint",
}
_VIEW_CHANGES: _Changes = {("refresh",): "RefreshView", **_OWNER}
_MATERIALIZED_VIEW_CHANGES: _Changes = {("set", "properties"): "SetProperties", **_OWNER}


def _chosen(cursor: Cursor, changes: _Changes) -> str:
    """The class of the statement that makes the change which is next."""
    for words, kind in changes.items():
        if cursor.take(*words):
            return kind
    raise cursor.refusal(f"one of {', '.join(' '.join(words).upper() for words in changes)} is expected")
