"""Which methods a value has, and calls and properties of values whose class is known only when a rule runs."""

from collections.abc import Mapping
from typing import Any, Final

from warren.facts import QueryProperties, RequestFacts, RequestUser
from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.groups import ARRAY, ENTRY, LIST, MAP, SET, element, put
from warren.routing.mvel.offered.method import Methods, as_integer, nearest, properties, property_of
from warren.routing.mvel.offered.numbers import BOOLEAN, NUMBER, OPTIONAL
from warren.routing.mvel.offered.requests import COOKIE, QUERY, REQUEST, USER, USER_INFO, Cookie, UserInfo
from warren.routing.mvel.offered.texts import BUILDER, STRING, TABLE, char_at
from warren.routing.mvel.offered.values import (
    Entry,
    HashSet,
    Optional,
    StringBuilder,
    Table,
    class_of,
    key,
    null_pointer,
    sought,
)
from warren.routing.mvel.scope import Scope

BY_TYPE: Final[Mapping[type, Methods]] = {
    str: STRING,
    Table: TABLE,
    bool: BOOLEAN,
    int: NUMBER,
    float: NUMBER,
    list: LIST,
    tuple: ARRAY,
    HashSet: SET,
    frozenset: SET,
    dict: MAP,
    Entry: ENTRY,
    Optional: OPTIONAL,
    StringBuilder: BUILDER,
    RequestFacts: REQUEST,
    RequestUser: USER,
    UserInfo: USER_INFO,
    QueryProperties: QUERY,
    Cookie: COOKIE,
}
BY_KIND: Final[Mapping[str, Methods]] = {
    "String": STRING,
    "boolean": BOOLEAN,
    "int": NUMBER,
    "double": NUMBER,
    "List": LIST,
    "Array": ARRAY,
    "Set": SET,
    "Map": MAP,
    "Optional": OPTIONAL,
    "StringBuilder": BUILDER,
    "request": REQUEST,
    "trinoRequestUser": USER,
    "trinoQueryProperties": QUERY,
}
"""By what the compiler knows of a value before a rule runs."""
CHANGING: Final = frozenset(
    method.name for methods in BY_TYPE.values() for method in methods.values() if method.changes
)
"""Methods that do something; the others only read."""


def _weight(value: Any) -> int:
    """Steps that work on this costs: characters and elements."""
    if isinstance(value, str):
        return len(value) >> 12
    if isinstance(value, list | tuple | HashSet | frozenset | dict):
        return len(value) >> 4
    return 0


def call(scope: Scope, value: Any, name: str, *arguments: Any) -> Any:
    """Raises RuleFailed when the value has no such method, or it fails."""
    methods = BY_TYPE.get(type(value))
    found = methods.get(name) if methods is not None else None
    if found is None:
        if value is None:
            return null_pointer(f"{name}()")
        raise RuleFailed(f"no method {name}() on {class_of(value)}{nearest(name, methods or ())}")
    if weight := _weight(value) + sum(map(_weight, arguments)):
        scope.spend(weight)
    return paid(scope, found.invoke(scope, (value,), arguments))


def paid(scope: Scope, made: Any) -> Any:
    """What was made, its size counted: a loop may make and keep many."""
    if weight := _weight(made):
        scope.spend(weight)
    return made


def read(scope: Scope, value: Any, name: str) -> Any:
    """`value.name`: what a method without arguments answers, else of a map the value of that key."""
    methods = BY_TYPE.get(type(value), {})
    found = property_of(methods, name)
    if found is None:
        if value is None:
            return null_pointer(name)
        if isinstance(value, dict) and name in value:
            return value[name]
        raise RuleFailed(f"no property {name} on {class_of(value)}{nearest(name, properties(methods))}")
    if weight := _weight(value):
        scope.spend(weight)
    return found.invoke(scope, (value,), ())


def read_at(value: Any, index: Any) -> Any:
    """`value[index]`."""
    if isinstance(value, dict):
        return value.get(sought(key(index)))
    if isinstance(value, list | tuple):
        return element(value, as_integer(index))
    if isinstance(value, str):
        return char_at(value, as_integer(index))
    return null_pointer("[…]") if value is None else _refuse(value)


def write_at(value: Any, index: Any, new: Any) -> None:
    """`value[index] = new`."""
    if isinstance(value, dict):
        put(value, index, new)
    elif isinstance(value, list):
        place = as_integer(index)
        element(value, place)
        value[place] = new
    else:
        _refuse(value)


def write(value: Any, name: str, new: Any) -> None:
    """`value.name = new`: maps only."""
    if not isinstance(value, dict):
        raise RuleFailed(f"no property of {class_of(value)} can be assigned to")
    put(value, name, new)


def _refuse(value: Any) -> Any:
    raise RuleFailed(f"{class_of(value)} has no elements to be asked for, or none that can be assigned to")
