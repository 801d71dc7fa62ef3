"""DuckDB's types and values, told as Trino tells them in a page."""

import base64
import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from warren.simulator.sql.failures import Failure

UNBOUNDED_VARCHAR = 2147483647
PARAMETRIC_DATETIME = "PARAMETRIC_DATETIME"
"""The client's capability that lets `timestamp(6)` stand in a page; without it Trino says `timestamp`."""

Encode = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Type:
    """A Trino type: how it is written, its signature, and how a value of it stands in JSON."""

    name: str
    signature: dict[str, Any]
    encode: Encode | None = None


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: Type

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "type": self.type.name, "typeSignature": self.type.signature}


def long_argument(value: int) -> dict[str, Any]:
    return {"kind": "LONG", "value": value}


def plain(name: str, encode: Encode | None = None) -> Type:
    return Type(name, {"rawType": name, "arguments": []}, encode)


def varchar(length: int = UNBOUNDED_VARCHAR) -> Type:
    name = "varchar" if length == UNBOUNDED_VARCHAR else f"varchar({length})"
    return Type(name, {"rawType": "varchar", "arguments": [long_argument(length)]})


BIGINT = plain("bigint")
INTEGER = plain("integer")
BOOLEAN = plain("boolean")


def _double(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _huge(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise Failure("NUMERIC_VALUE_OUT_OF_RANGE", f"bigint overflow: {value}")
    return value


def _interval(value: dt.timedelta) -> str:
    sign = "-" if value < dt.timedelta() else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    return f"{sign}{value.days} {hours:02}:{rest // 60:02}:{rest % 60:02}.{value.microseconds // 1000:03}"


def _blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _moment(digits: int, zoned: bool) -> Encode:
    def encode(value: Any) -> str:
        text = value.strftime("%H:%M:%S" if isinstance(value, dt.time) else "%Y-%m-%d %H:%M:%S")
        fraction = f".{value.microsecond:06}"[: digits + 1] if digits else ""
        return f"{text}{fraction} UTC" if zoned else f"{text}{fraction}"

    return encode


def _with_zone(value: Any) -> dt.datetime:
    moment: dt.datetime = value
    return moment.astimezone(dt.UTC)


def _temporal(name: str, digits: int, *, parametric: bool) -> Type:
    zoned = name.endswith("with time zone")
    precision = digits if parametric else 3
    write = _moment(precision, zoned)
    encode: Encode = (lambda value: write(_with_zone(value))) if zoned else write
    if not parametric:
        return plain(name, encode)
    head, _, tail = name.partition(" ")
    written = f"{head}({precision}){' ' + tail if tail else ''}"
    return Type(written, {"rawType": name, "arguments": [long_argument(precision)]}, encode)


PLAIN: dict[str, Type] = {
    "boolean": BOOLEAN,
    "tinyint": plain("tinyint"),
    "smallint": plain("smallint"),
    "utinyint": plain("smallint"),
    "integer": INTEGER,
    "usmallint": INTEGER,
    "bigint": BIGINT,
    "uinteger": BIGINT,
    "ubigint": plain("bigint", _huge),
    "hugeint": plain("bigint", _huge),  # sum(bigint): DuckDB widens it, Trino does not
    "uhugeint": plain("bigint", _huge),
    "float": plain("real", _double),
    "double": plain("double", _double),
    "varchar": varchar(),
    "enum": varchar(),
    "bit": varchar(),
    "blob": plain("varbinary", _blob),
    "date": plain("date", str),
    "uuid": plain("uuid", str),
    "interval": Type("INTERVAL DAY TO SECOND", {"rawType": "interval day to second", "arguments": []}, _interval),
    "sqlnull": plain("unknown"),
    '"null"': plain("unknown"),
}

TEMPORAL = {
    "timestamp": ("timestamp", 6),
    "timestamp_s": ("timestamp", 0),
    "timestamp_ms": ("timestamp", 3),
    "timestamp_ns": ("timestamp", 6),
    "timestamp with time zone": ("timestamp with time zone", 3),
    "time": ("time", 6),
}


def _list(element: Type) -> Type:
    encode = element.encode

    def each(values: Sequence[Any]) -> list[Any]:
        return [None if value is None or encode is None else encode(value) for value in values]

    signature = {"rawType": "array", "arguments": [{"kind": "TYPE", "value": element.signature}]}
    return Type(f"array({element.name})", signature, each if encode else None)


def _map(key: Type, value: Type) -> Type:
    def each(entries: dict[Any, Any]) -> dict[str, Any]:
        return {str(written(key, k)): written(value, v) for k, v in entries.items()}

    arguments = [{"kind": "TYPE", "value": side.signature} for side in (key, value)]
    return Type(f"map({key.name}, {value.name})", {"rawType": "map", "arguments": arguments}, each)


def _row(fields: Sequence[tuple[str, Type]]) -> Type:
    def each(value: Any) -> list[Any]:
        items = list(value.values()) if isinstance(value, dict) else list(value)
        return [written(field, item) for (_, field), item in zip(fields, items, strict=True)]

    arguments: list[dict[str, Any]] = []
    for name, field in fields:
        named: dict[str, Any] = {"fieldName": {"name": name}} if name else {}
        arguments.append({"kind": "NAMED_TYPE", "value": {**named, "typeSignature": field.signature}})
    inner = ", ".join(f"{_shown(name)} {field.name}" if name else field.name for name, field in fields)
    return Type(f"row({inner})", {"rawType": "row", "arguments": arguments}, each)


_NUMBERED = re.compile(r"_?\d*")


def _named(field: str) -> str:
    """The field's name; those that sqlglot or DuckDB numbered have none in Trino."""
    return "" if _NUMBERED.fullmatch(field) else field


def _shown(field: str) -> str:
    return field if re.fullmatch("[a-z_][a-z0-9_]*", field) else '"' + field.replace('"', '""') + '"'


def written(kind: Type, value: Any) -> Any:
    """A value as it stands in JSON."""
    return value if value is None or kind.encode is None else kind.encode(value)


def trino_type(kind: Any, *, parametric: bool) -> Type:
    """The Trino type for a DuckDB one; what Trino has no word for becomes a varchar."""
    name = str(kind.id).lower()
    if name == "decimal":
        sizes = dict(kind.children)
        precision, scale = int(sizes["precision"]), int(sizes["scale"])
        arguments = [long_argument(precision), long_argument(scale)]
        return Type(f"decimal({precision}, {scale})", {"rawType": "decimal", "arguments": arguments}, str)
    if name in {"list", "array"}:
        return _list(trino_type(kind.children[0][1], parametric=parametric))
    if name == "map":
        key, value = (trino_type(child, parametric=parametric) for _, child in kind.children)
        return _map(key, value)
    if name == "struct":
        return _row([(_named(n), trino_type(child, parametric=parametric)) for n, child in kind.children])
    if name in TEMPORAL:
        return _temporal(*TEMPORAL[name], parametric=parametric)
    return PLAIN.get(name) or PLAIN.get(str(kind).lower()) or plain("varchar", str)
