"""Methods of lists, arrays, sets, maps and their entries."""

from collections.abc import Iterable
from typing import Any, Final

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.method import Methods, method, table
from warren.routing.mvel.offered.values import (
    Entry,
    HashSet,
    beside,
    has_key,
    key,
    members_of,
    room,
    same,
    sought,
    text_of,
)
from warren.routing.mvel.scope import Scope


def find(scope: Scope, items: Iterable[Any], wanted: Any) -> int:
    for index, item in enumerate(items):
        scope.spend(1)
        if same(item, wanted, scope):
            return index
    return -1


def _find_last(scope: Scope, items: list[Any], wanted: Any) -> int:
    found = find(scope, reversed(items), wanted)
    return found if found < 0 else len(items) - 1 - found


def element(items: list[Any] | tuple[Any, ...], index: Any) -> Any:
    if not 0 <= index < len(items):
        raise RuleFailed(f"index {index} is outside of {len(items)} elements")
    return items[index]


def _replaced(items: list[Any], index: int, value: Any) -> Any:
    old = element(items, index)
    items[index] = value
    return old


def _add(items: list[Any], first: Any, *second: Any) -> bool | None:
    room(len(items) + 1)
    if not second:
        items.append(first)
        return True
    if type(first) is not int or not 0 <= first <= len(items):
        raise RuleFailed(f"add needs a place from 0 to {len(items)}")
    items.insert(first, second[0])
    return None


def _add_all(items: list[Any], others: Iterable[Any]) -> bool:
    more = list(members_of(others))
    room(len(items) + len(more))
    items.extend(more)
    return bool(more)


def _remove(scope: Scope, items: list[Any], what: Any) -> Any:
    """By place when a number is given, as Java does."""
    if type(what) is int:
        element(items, what)
        return items.pop(what)
    index = find(scope, items, what)
    if index >= 0:
        items.pop(index)
    return index >= 0


def _part(items: list[Any], begin: int, end: int) -> list[Any]:
    if not 0 <= begin <= end <= len(items):
        raise RuleFailed(f"subList from {begin} to {end} is outside of {len(items)} elements")
    return items[begin:end]


def _has_all(scope: Scope, items: Any, others: Any) -> bool:
    return all(_has(scope, items, other) for other in members_of(others))


def _has(scope: Scope, items: Any, wanted: Any) -> bool:
    if isinstance(items, HashSet | frozenset):
        return has_key(items.items if isinstance(items, HashSet) else items, wanted)
    return find(scope, items, wanted) >= 0


def _clear(items: Any) -> None:
    if isinstance(items, HashSet | frozenset):
        changeable(items).clear()
    else:
        items.clear()


def _array(items: Any) -> tuple[Any, ...]:
    return tuple(members_of(items))


def _size(items: Any) -> int:
    return len(items)


def _equals(scope: Scope, items: Any, other: Any) -> bool:
    return same(items, other, scope)


def _text(scope: Scope, items: Any) -> str:
    return text_of(items, scope)


def _no_stream(items: Any) -> None:
    raise RuleFailed("streams are not offered, since MVEL has no functions to give them: use foreach")


def _shared() -> Methods:
    """What lists and sets have in common."""
    return table(
        method("clear", _clear, changes=True),
        method("contains", _has, "any", "boolean", scoped=True),
        method("containsAll", _has_all, "collection", "boolean", scoped=True),
        method("equals", _equals, "any", "boolean", scoped=True),
        method("isEmpty", lambda items: not len(items), "", "boolean"),
        method("size", _size, "", "int"),
        method("stream", _no_stream),
        method("toArray", _array, "", "Array"),
        method("toString", _text, "", "String", scoped=True),
    )


LIST: Final = _shared() | table(
    method("add", _add, "any any?", "", changes=True),
    method("addAll", _add_all, "collection", "boolean", changes=True),
    method("get", element, "int"),
    method("getFirst", lambda items: element(items, 0)),
    method("getLast", lambda items: element(items, len(items) - 1)),
    method("indexOf", find, "any", "int", scoped=True),
    method("lastIndexOf", _find_last, "any", "int", scoped=True),
    method("remove", _remove, "any", "", scoped=True, changes=True),
    method("set", _replaced, "int any", changes=True),
    method("subList", _part, "int int", "List"),
)
ARRAY: Final = table(
    method("equals", _equals, "any", "boolean", scoped=True),
    method("length", _size, "", "int"),
    method("toString", _text, "", "String", scoped=True),
)
"""`length` is a field in Java; here `array.length` asks the method."""


def changeable(items: HashSet | frozenset[Any]) -> dict[Any, None]:
    if isinstance(items, frozenset) or items.fixed:
        raise RuleFailed("this set cannot be changed")
    return items.items


def _join(items: HashSet, value: Any) -> bool:
    inside = changeable(items)
    new = beside(inside, value) not in inside
    room(len(inside) + new)
    inside[value] = None
    return new


def _join_all(items: HashSet, others: Iterable[Any]) -> bool:
    return sum(_join(items, other) for other in list(members_of(others))) > 0


def _leave(items: HashSet, value: Any) -> bool:
    inside = changeable(items)
    there = has_key(inside, key(value))
    if there:
        del inside[value]
    return there


def _leave_all(items: HashSet, others: Iterable[Any]) -> bool:
    return sum(_leave(items, other) for other in list(members_of(others))) > 0


def _keep_all(scope: Scope, items: HashSet, others: Any) -> bool:
    leaving = [item for item in changeable(items) if not _has(scope, others, item)]
    return _leave_all(items, leaving)


SET: Final = _shared() | table(
    method("add", _join, "any", "boolean", changes=True),
    method("addAll", _join_all, "collection", "boolean", changes=True),
    method("remove", _leave, "any", "boolean", changes=True),
    method("removeAll", _leave_all, "collection", "boolean", changes=True),
    method("retainAll", _keep_all, "collection", "boolean", scoped=True, changes=True),
)


def put(items: dict[Any, Any], name: Any, value: Any) -> Any:
    old = items.get(beside(items, name))
    if old is None and name not in items:
        room(len(items) + 1)
    items[name] = value
    return old


def _put_all(items: dict[Any, Any], others: dict[Any, Any]) -> None:
    room(len(items.keys() | others.keys()))
    for name in others:
        beside(items, name)
    items.update(others)


def _put_if_absent(items: dict[Any, Any], name: Any, value: Any) -> Any:
    old = items.get(sought(key(name)))
    if old is None:
        put(items, name, value)
    return old


def _or_default(items: dict[Any, Any], name: Any, default: Any) -> Any:
    return items.get(sought(key(name)), default)


MAP: Final = table(
    method("clear", _clear, changes=True),
    method("containsKey", lambda items, name: has_key(items, key(name)), "any", "boolean"),
    method(
        "containsValue",
        lambda scope, items, value: find(scope, items.values(), value) >= 0,
        "any",
        "boolean",
        scoped=True,
    ),
    method("entrySet", lambda items: [Entry(*pair) for pair in items.items()], "", "List"),
    method("equals", _equals, "any", "boolean", scoped=True),
    method("get", lambda items, name: items.get(sought(key(name))), "any"),
    method("getOrDefault", _or_default, "any any"),
    method("isEmpty", lambda items: not items, "", "boolean"),
    method("keySet", lambda items: HashSet(items, fixed=True), "", "Set"),
    method("put", put, "any any", changes=True),
    method("putAll", _put_all, "map", changes=True),
    method("putIfAbsent", _put_if_absent, "any any", changes=True),
    method("remove", lambda items, name: items.pop(sought(key(name)), None), "any", changes=True),
    method("size", _size, "", "int"),
    method("toString", _text, "", "String", scoped=True),
    method("values", lambda items: list(items.values()), "", "List"),
)
ENTRY: Final = table(
    method("equals", _equals, "any", "boolean", scoped=True),
    method("getKey", lambda entry: entry.key),
    method("getValue", lambda entry: entry.value),
    method("toString", _text, "", "String", scoped=True),
)
