"""Statements that are about the session rather than about data, and `SHOW`: read here, by their words."""

import re
from dataclasses import dataclass

from warren.simulator.sql.failures import Failure

IDENTIFIER = r'(?:"(?:[^"]|"")+"|[A-Za-z_][A-Za-z0-9_]*)'
NAME = rf"{IDENTIFIER}(?:\s*\.\s*{IDENTIFIER})*"
TEXT = r"'(?:[^']|'')*'"
LIKE = rf"(?:\s+LIKE\s+(?P<like>{TEXT})(?:\s+ESCAPE\s+{TEXT})?)?"

_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Use:
    catalog: str | None
    schema: str


@dataclass(frozen=True, slots=True)
class SetSession:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ResetSession:
    name: str


@dataclass(frozen=True, slots=True)
class Prepare:
    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Execute:
    """A prepared statement with its parameters as one piece of SQL; `name` is None when it came along."""

    name: str | None
    sql: str | None
    using: str | None


@dataclass(frozen=True, slots=True)
class Deallocate:
    name: str


@dataclass(frozen=True, slots=True)
class DescribePrepared:
    name: str
    output: bool


@dataclass(frozen=True, slots=True)
class Transaction:
    """START TRANSACTION, COMMIT or ROLLBACK."""

    verb: str


@dataclass(frozen=True, slots=True)
class Kill:
    query_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW CATALOGS, SCHEMAS, TABLES, COLUMNS, SESSION, FUNCTIONS or CREATE; also DESCRIBE."""

    what: str
    name: tuple[str, ...]
    like: str | None


@dataclass(frozen=True, slots=True)
class Explain:
    sql: str


@dataclass(frozen=True, slots=True)
class SetTimeZone:
    """Accepted and without effect: the simulator lives in UTC."""


@dataclass(frozen=True, slots=True)
class Data:
    """Anything about data: a query or a change."""

    sql: str


Command = (
    Use
    | SetSession
    | ResetSession
    | Prepare
    | Execute
    | Deallocate
    | DescribePrepared
    | Transaction
    | Kill
    | Show
    | Explain
    | SetTimeZone
    | Data
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"\s+") + r"\s*", re.IGNORECASE | re.DOTALL)


_USE = _pattern(f"USE (?P<name>{NAME})")
_SET_SESSION = _pattern(rf"SET SESSION (?P<name>{NAME})\s*=\s*(?P<value>.+?)")
_RESET_SESSION = _pattern(f"RESET SESSION (?P<name>{NAME})")
_PREPARE = _pattern(f"PREPARE (?P<name>{IDENTIFIER}) FROM (?P<sql>.+)")
_EXECUTE = _pattern(f"EXECUTE (?P<name>{IDENTIFIER})(?: USING (?P<using>.+))?")
_IMMEDIATE = _pattern(f"EXECUTE IMMEDIATE (?P<sql>{TEXT})(?: USING (?P<using>.+))?")
_DEALLOCATE = _pattern(f"DEALLOCATE PREPARE (?P<name>{IDENTIFIER})")
_DESCRIBE_PREPARED = _pattern(f"DESCRIBE (?P<what>INPUT|OUTPUT) (?P<name>{IDENTIFIER})")
_TRANSACTION = _pattern(r"(?P<verb>START TRANSACTION|COMMIT|ROLLBACK)(?: WORK)?(?:\s+(?:ISOLATION|READ)\b.*)?")
_KILL = _pattern(r"CALL\s+system\s*\.\s*runtime\s*\.\s*kill_query\s*\((?P<arguments>.*)\)")
_SHOW_CATALOGS = _pattern(f"SHOW (?P<what>CATALOGS|SESSION|FUNCTIONS){LIKE}")
_SHOW_IN = _pattern(rf"SHOW (?P<what>SCHEMAS|TABLES|COLUMNS)(?:\s+(?:FROM|IN)\s+(?P<name>{NAME}))?{LIKE}")
_SHOW_CREATE = _pattern(f"SHOW CREATE (?P<what>TABLE|VIEW) (?P<name>{NAME})")
_DESCRIBE = _pattern(f"(?:DESCRIBE|DESC) (?P<name>{NAME})")
_EXPLAIN = _pattern(r"EXPLAIN(?: ANALYZE)?(?: VERBOSE)?(?:\s*\([^)]*\))?\s+(?P<sql>.+)")
_TIME_ZONE = _pattern("SET TIME ZONE .+")
_ARGUMENT = re.compile(rf"\s*(?:(?P<name>\w+)\s*=>\s*)?(?P<value>{TEXT})\s*(?:,|$)", re.DOTALL)


def bare(sql: str) -> str:
    """The statement without the comments and blanks in front of it and the blanks behind it."""
    found = _COMMENTS.match(sql)
    return (sql[found.end() :] if found else sql).rstrip()


def names(text: str) -> tuple[str, ...]:
    """The parts of a dotted name, lower case as Trino keeps them, quotes removed."""
    return tuple(
        (part[1:-1].replace('""', '"') if part.startswith('"') else part).lower()
        for part in re.findall(IDENTIFIER, text)
    )


def text_of(literal: str) -> str:
    return literal[1:-1].replace("''", "'")


def read(sql: str) -> Command:
    """What a statement asks for. What is no command of the session is Data, and parsed elsewhere."""
    text = bare(sql)
    word = text.split(None, 1)[0].upper() if text else ""
    reader = _READERS.get(word)
    return (reader(text) if reader else None) or Data(sql)


def _read_use(text: str) -> Command | None:
    if not (found := _USE.fullmatch(text)):
        return None
    parts = names(found["name"])
    return Use(parts[-2] if len(parts) > 1 else None, parts[-1])


def _read_set(text: str) -> Command | None:
    if found := _SET_SESSION.fullmatch(text):
        return SetSession(".".join(names(found["name"])), _scalar(found["value"]))
    return SetTimeZone() if _TIME_ZONE.fullmatch(text) else None


def _scalar(text: str) -> str:
    text = text.strip()
    return text_of(text) if re.fullmatch(TEXT, text, re.DOTALL) else text.lower()


def _read_reset(text: str) -> Command | None:
    found = _RESET_SESSION.fullmatch(text)
    return ResetSession(".".join(names(found["name"]))) if found else None


def _read_prepare(text: str) -> Command | None:
    found = _PREPARE.fullmatch(text)
    return Prepare(names(found["name"])[0], found["sql"].strip()) if found else None


def _read_execute(text: str) -> Command | None:
    if found := _IMMEDIATE.fullmatch(text):
        return Execute(None, text_of(found["sql"]), found["using"])
    found = _EXECUTE.fullmatch(text)
    return Execute(names(found["name"])[0], None, found["using"]) if found else None


def _read_deallocate(text: str) -> Command | None:
    found = _DEALLOCATE.fullmatch(text)
    return Deallocate(names(found["name"])[0]) if found else None


def _read_describe(text: str) -> Command | None:
    if found := _DESCRIBE_PREPARED.fullmatch(text):
        return DescribePrepared(names(found["name"])[0], found["what"].upper() == "OUTPUT")
    found = _DESCRIBE.fullmatch(text)
    return Show("COLUMNS", names(found["name"]), None) if found else None


def _read_transaction(text: str) -> Command | None:
    found = _TRANSACTION.fullmatch(text)
    return Transaction(" ".join(found["verb"].upper().split())) if found else None


def _read_call(text: str) -> Command | None:
    if not (found := _KILL.fullmatch(text)):
        return None
    given = list(_ARGUMENT.finditer(found["arguments"]))
    named = {m["name"].lower(): text_of(m["value"]) for m in given if m["name"]}
    placed = [text_of(m["value"]) for m in given if not m["name"]]
    query_id = named.get("query_id") or (placed[0] if placed else "")
    message = named.get("message") or (placed[1] if len(placed) > 1 else "")
    if not query_id:
        raise Failure("INVALID_FUNCTION_ARGUMENT", "kill_query needs query_id")
    return Kill(query_id, message)


def _read_show(text: str) -> Command | None:
    found = _SHOW_CATALOGS.fullmatch(text) or _SHOW_IN.fullmatch(text) or _SHOW_CREATE.fullmatch(text)
    if not found:
        return None
    parts = found.groupdict()
    what = "CREATE" if found.re is _SHOW_CREATE else found["what"].upper()
    like = parts.get("like")
    return Show(what, names(parts["name"]) if parts.get("name") else (), text_of(like) if like else None)


def _read_explain(text: str) -> Command | None:
    found = _EXPLAIN.fullmatch(text)
    return Explain(found["sql"]) if found else None


_READERS = {
    "USE": _read_use,
    "SET": _read_set,
    "RESET": _read_reset,
    "PREPARE": _read_prepare,
    "EXECUTE": _read_execute,
    "DEALLOCATE": _read_deallocate,
    "DESCRIBE": _read_describe,
    "DESC": _read_describe,
    "START": _read_transaction,
    "COMMIT": _read_transaction,
    "ROLLBACK": _read_transaction,
    "CALL": _read_call,
    "SHOW": _read_show,
    "EXPLAIN": _read_explain,
}
