"""Classes that rules may name: what is called on them, their constants, and what `new` makes."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered import numbers
from warren.routing.mvel.offered.groups import find
from warren.routing.mvel.offered.method import Method, Methods, as_collection, as_number, as_text, method, table
from warren.routing.mvel.offered.operators import NUMERIC
from warren.routing.mvel.offered.texts import join, make_builder
from warren.routing.mvel.offered.values import (
    HashSet,
    Optional,
    integer,
    keys_of,
    map_of,
    members_of,
    null_pointer,
    room,
    same,
    text_of,
)
from warren.routing.mvel.scope import Scope

Constants = Mapping[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Static:
    """A class: its package, which may be left out, methods and constants."""

    package: str
    methods: Methods
    constants: Constants = field(default_factory=dict)


def _parse_integer(text: Any, bits: int) -> int:
    if type(text) is int:
        return integer(text)
    digits = as_text(text)
    if not NUMERIC.fullmatch(digits) or not digits.lstrip("+-").isdigit():
        raise RuleFailed(f"{digits[:100]!r} is not an integer")
    value = int(digits)
    if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise RuleFailed(f"{digits[:100]!r} does not fit into {bits} bits")
    return value


def _parse_double(value: Any) -> float:
    if type(value) in (int, float):
        return float(value)
    text = as_text(value).strip()
    if not NUMERIC.fullmatch(text):
        raise RuleFailed(f"{text[:100]!r} is not a number")
    return float(text)


def _parse_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return isinstance(value, str) and value.lower() == "true"


def _integers(bits: int, parse: str) -> Static:
    greatest = 2 ** (bits - 1) - 1
    return Static(
        "java.lang",
        table(
            method("compare", numbers.compare, "number number", "int"),
            method(parse, lambda text: _parse_integer(text, bits), "text", "int"),
            method("toString", text_of_scoped, "int", "String", scoped=True),
            method("valueOf", lambda text: _parse_integer(text, bits), "any", "int"),
        ),
        {"MAX_VALUE": greatest, "MIN_VALUE": -greatest - 1},
    )


def text_of_scoped(scope: Scope, value: Any) -> str:
    return text_of(value, scope)


def _round(value: int | float) -> int:
    return value if isinstance(value, int) else numbers.whole(value + 0.5 if math.isinf(value) else _half_up(value))


def _half_up(value: float) -> float:
    return value if math.isnan(value) or abs(value) > 2**52 else math.floor(value + 0.5)


def _floor(value: int | float) -> float:
    return float(value) if not math.isfinite(value) else float(math.floor(value))


def _ceil(value: int | float) -> float:
    return float(value) if not math.isfinite(value) else float(math.ceil(value))


def _floor_mod(one: int, other: int) -> int:
    if not other:
        raise RuleFailed("arithmetic: floorMod by zero")
    return one % other


MATH: Final = table(
    method("abs", lambda value: integer(abs(value)) if isinstance(value, int) else abs(value), "number"),
    method("ceil", _ceil, "number", "double"),
    method("floor", _floor, "number", "double"),
    method("floorMod", _floor_mod, "int int", "int"),
    method("max", max, "number number"),
    method("min", min, "number number"),
    method("random", lambda scope: scope.chance(), "", "double", scoped=True),
    method("round", _round, "number", "int"),
    method("signum", lambda value: float((value > 0) - (value < 0)), "number", "double"),
    method("sqrt", lambda value: math.sqrt(value) if value >= 0 else math.nan, "number", "double"),
)


def _listed(*items: Any) -> list[Any]:
    room(len(items))
    if len(items) == 1 and isinstance(items[0], tuple):
        return list(items[0])
    return list(items)


def _set_of(*items: Any) -> HashSet:
    if len(items) == 1 and isinstance(items[0], list | tuple):
        return made_set(items[0], fixed=True)
    return made_set(items, fixed=True)


def _map_of(*pairs: Any) -> dict[Any, Any]:
    if len(pairs) % 2:
        raise RuleFailed("Map.of needs a value for each key")
    return map_of(*pairs)


def made_set(items: Iterable[Any], *, fixed: bool = False, ordered: bool = False) -> HashSet:
    return HashSet(keys_of(members_of(items)), fixed=fixed, ordered=ordered)


def _extreme(items: Any, *, greatest: bool) -> Any:
    members = list(members_of(items))
    if not members:
        raise RuleFailed("a collection without elements has neither a greatest nor a least")
    if not all(isinstance(member, str) for member in members):
        members = [as_number(member) for member in members]
    return max(members) if greatest else min(members)


def _sort(scope: Scope, items: Any) -> None:
    if not isinstance(items, list):
        raise RuleFailed("Collections.sort needs a list")
    if not all(isinstance(item, str) for item in items):
        for item in items:
            as_number(item)
    scope.spend(len(items) // 4)
    items.sort()


def _reverse(items: Any) -> None:
    if not isinstance(items, list):
        raise RuleFailed("Collections.reverse needs a list")
    items.reverse()


def _frequency(scope: Scope, items: Any, wanted: Any) -> int:
    scope.spend(len(items))
    return sum(same(item, wanted, scope) for item in members_of(items))


def _disjoint(scope: Scope, one: Any, other: Any) -> bool:
    return all(find(scope, members_of(other), item) < 0 for item in members_of(one))


COLLECTIONS: Final = table(
    method("disjoint", _disjoint, "collection collection", "boolean", scoped=True),
    method("emptyList", list, "", "List"),
    method("emptyMap", dict, "", "Map"),
    method("emptySet", lambda: HashSet(fixed=True), "", "Set"),
    method("frequency", _frequency, "collection any", "int", scoped=True),
    method("list", lambda items: list(members_of(items)), "collection", "List"),
    method("max", lambda items: _extreme(items, greatest=True), "collection"),
    method("min", lambda items: _extreme(items, greatest=False), "collection"),
    method("reverse", _reverse, "collection"),
    method("singleton", lambda item: made_set([item], fixed=True), "any", "Set"),
    method("singletonList", lambda item: [item], "any", "List"),
    method("sort", _sort, "collection", scoped=True),
)
OBJECTS: Final = table(
    method("equals", lambda scope, one, other: same(one, other, scope), "any any", "boolean", scoped=True),
    method("isNull", lambda value: value is None, "any", "boolean"),
    method("nonNull", lambda value: value is not None, "any", "boolean"),
    method("requireNonNullElse", lambda value, other: other if value is None else value, "any any"),
    method("toString", text_of_scoped, "any", "String", scoped=True),
)
STATICS: Final[Mapping[str, Static]] = {
    "Arrays": Static(
        "java.util",
        table(
            method("asList", _listed, "any*", "List"),
            method("toString", text_of_scoped, "collection", "String", scoped=True),
        ),
    ),
    "Boolean": Static(
        "java.lang",
        table(
            method("parseBoolean", _parse_boolean, "text-or-null", "boolean"),
            method("toString", text_of_scoped, "any", "String", scoped=True),
            method("valueOf", _parse_boolean, "any", "boolean"),
        ),
        {"TRUE": True, "FALSE": False},
    ),
    "Collections": Static("java.util", COLLECTIONS),
    "Double": Static(
        "java.lang",
        table(
            method("compare", numbers.compare, "number number", "int"),
            method("parseDouble", _parse_double, "text", "double"),
            method("toString", text_of_scoped, "number", "String", scoped=True),
            method("valueOf", _parse_double, "any", "double"),
        ),
    ),
    "FileBasedRoutingGroupSelector": Static(
        "io.trino.gateway.ha.router", {}, {"RESULTS_ROUTING_GROUP_KEY": "routingGroup"}
    ),
    "Integer": _integers(32, "parseInt"),
    "List": Static(
        "java.util", table(method("copyOf", list, "collection", "List"), method("of", _listed, "any*", "List"))
    ),
    "Long": _integers(64, "parseLong"),
    "Map": Static("java.util", table(method("of", _map_of, "any*", "Map"))),
    "Math": Static("java.lang", MATH, {"PI": math.pi, "E": math.e}),
    "Objects": Static("java.util", OBJECTS),
    "Optional": Static(
        "java.util",
        table(
            method("empty", lambda: Optional(None), "", "Optional"),
            method("of", numbers.optional_of, "any", "Optional"),
            method("ofNullable", Optional, "any", "Optional"),
        ),
    ),
    "Set": Static(
        "java.util",
        table(
            method("copyOf", lambda items: made_set(items, fixed=True), "collection", "Set"),
            method("of", _set_of, "any*", "Set"),
        ),
    ),
    "String": Static(
        "java.lang",
        table(
            method("join", join, "text any*", "String", scoped=True),
            method("valueOf", text_of_scoped, "any", "String", scoped=True),
        ),
    ),
}


def _new_list(*source: Any) -> list[Any]:
    """Of a collection, or with a capacity that says nothing here."""
    return [] if not source or isinstance(source[0], int) else list(members_of(as_collection(source[0])))


def _new_set(*source: Any, ordered: bool = False) -> HashSet:
    items = () if not source or isinstance(source[0], int) else as_collection(source[0])
    return made_set(items, ordered=ordered)


def _new_map(*source: Any) -> dict[Any, Any]:
    if not source or isinstance(source[0], int):
        return {}
    return dict(source[0]) if isinstance(source[0], dict) else null_pointer("new HashMap(…)")


def _new_text(*source: Any) -> str:
    return as_text(source[0]) if source else ""


NEW: Final[Mapping[str, tuple[str, Method]]] = {
    "ArrayList": ("java.util", method("ArrayList", _new_list, "any?", "List")),
    "HashMap": ("java.util", method("HashMap", _new_map, "any?", "Map")),
    "HashSet": ("java.util", method("HashSet", _new_set, "any?", "Set")),
    "LinkedHashMap": ("java.util", method("LinkedHashMap", _new_map, "any?", "Map")),
    "LinkedHashSet": ("java.util", method("LinkedHashSet", _new_set, "any?", "Set")),
    "LinkedList": ("java.util", method("LinkedList", _new_list, "any?", "List")),
    "String": ("java.lang", method("String", _new_text, "any?", "String")),
    "StringBuffer": ("java.lang", method("StringBuffer", make_builder, "any?", "StringBuilder")),
    "StringBuilder": ("java.lang", method("StringBuilder", make_builder, "any?", "StringBuilder")),
    "TreeSet": ("java.util", method("TreeSet", lambda *source: _new_set(*source, ordered=True), "any?", "Set")),
}
"""What `new` makes, each with its package."""
