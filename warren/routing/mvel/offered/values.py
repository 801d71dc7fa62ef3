"""The values that rules handle and Python has no twin of, and what every value has: a class, a text, an equality."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.scope import Scope

LONGEST: Final = 1_000_000
"""Characters of a text that rules make."""
MOST: Final = 10_000
"""Elements of a list, set or map that rules fill."""
LARGEST: Final = 2**63 - 1


class Table(str):
    """A table's name: text, as `catalog.schema.table`, that knows its parts."""

    __slots__ = ("parts",)
    parts: tuple[str, ...]

    @classmethod
    def of(cls, parts: tuple[str, ...]) -> "Table":
        table = cls(".".join(parts))
        table.parts = parts
        return table


class HashSet:
    """A set that keeps the order in which it was filled, so that rules answer the same everywhere."""

    __slots__ = ("fixed", "items", "ordered")

    def __init__(self, items: Iterable[Any] = (), *, fixed: bool = False, ordered: bool = False) -> None:
        self.items: dict[Any, None] = dict.fromkeys(items)
        self.fixed = fixed
        """Rules cannot change it."""
        self.ordered = ordered
        """A TreeSet: walked through from the least to the greatest."""

    def __iter__(self) -> Iterator[Any]:
        if not self.ordered:
            return iter(self.items)
        try:
            return iter(sorted(self.items))
        except TypeError:
            raise RuleFailed("a TreeSet holds values that cannot be compared with one another") from None

    def __len__(self) -> int:
        return len(self.items)

    def __contains__(self, value: object) -> bool:
        return value in self.items


class Optional:
    """java.util.Optional: a value, or None for none."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Optional) and bool(sought(self.value) == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return f"Optional({self.value!r})"


class StringBuilder:
    __slots__ = ("text",)

    def __init__(self, text: str = "") -> None:
        self.text = text


class Entry:
    """A key of a map and its value."""

    __slots__ = ("key", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.key = key
        self.value = value


CONTAINERS: Final = (list, tuple, HashSet, frozenset, dict)
CLASSES: Final[dict[type, str]] = {
    str: "String",
    Table: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Double",
    list: "ArrayList",
    tuple: "Object[]",
    HashSet: "HashSet",
    frozenset: "HashSet",
    dict: "HashMap",
    Optional: "Optional",
    StringBuilder: "StringBuilder",
    Entry: "Map.Entry",
    type(None): "null",
}


def class_of(value: Any) -> str:
    """As Java calls it, near enough."""
    if type(value) is int and not -(2**31) <= value < 2**31:
        return "Long"
    return CLASSES.get(type(value), type(value).__name__)


def null_pointer(name: str) -> Any:
    """For a call or a property of null."""
    raise RuleFailed(f"null pointer: {name} asked of null")


def key(value: Any) -> Any:
    """Raises RuleFailed for what cannot be in a set or a key of a map here."""
    if not is_key(value):
        raise RuleFailed(f"{class_of(value)} cannot be in a set, nor a key of a map")
    return value


def is_key(value: Any) -> bool:
    while type(value) is Optional:
        value = value.value
    return value is None or isinstance(value, str | int | float)


class Exactly:
    """A number or boolean that is looked for: Python takes 1, 1.0 and true for one key, Java does not."""

    __slots__ = ("value",)

    def __init__(self, value: int | float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        other = other.value if type(other) is Exactly else other
        return other is self.value or (type(other) is type(self.value) and other == self.value)

    def __hash__(self) -> int:
        return hash(self.value)


def sought(value: Any) -> Any:
    """What finds a key in a dict or set where Java finds it, and only there."""
    return Exactly(value) if isinstance(value, int | float) else value


def has_key(keys: Collection[Any], wanted: Any) -> bool:
    """Of a dict or set."""
    return is_key(wanted) and sought(wanted) in keys


def beside(keys: Collection[Any], new: Any) -> Any:
    """A key that may be kept with these. Raises RuleFailed when Python would take it for another one of them."""
    if isinstance(key(new), int | float) and new in keys and Exactly(new) not in keys:
        why = "an equal number or boolean of another class is there, and only one of them can be kept"
        raise RuleFailed(f"the {class_of(new)} {_scalar(new)} cannot be in the same set or map: {why}")
    return new


def keys_of(items: Iterable[Any]) -> dict[Any, None]:
    """The members of a set."""
    keys: dict[Any, None] = {}
    for item in items:
        keys[beside(keys, item)] = None
    return keys


def map_of(*pairs: Any) -> dict[Any, Any]:
    """Of keys and values by turns."""
    made: dict[Any, Any] = {}
    for at in range(0, len(pairs), 2):
        made[beside(made, pairs[at])] = pairs[at + 1]
    return made


def bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise RuleFailed(f"a text would be longer than {LONGEST} characters")
    return text


def room(count: int) -> None:
    """Raises RuleFailed when so many elements are too many."""
    if count > MOST:
        raise RuleFailed(f"a collection would have more than {MOST} elements")


def integer(value: int) -> int:
    if not -LARGEST - 1 <= value <= LARGEST:
        raise RuleFailed("an integer would not fit into 64 bits")
    return value


def text_of(value: Any, scope: Scope) -> str:
    """What toString() answers."""
    if isinstance(value, str):
        return value
    if not isinstance(value, CONTAINERS) and type(value) is not Optional and type(value) is not Entry:
        return _scalar(value)
    parts: list[str] = []
    _write(value, parts, scope, LONGEST)
    return "".join(parts)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is float:
        return _double(value)
    return value.text if type(value) is StringBuilder else str(value)


def _double(value: float) -> str:
    if value != value or value in {float("inf"), -float("inf")}:
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        plain = f"{value:.17f}" if "e" in repr(value) else repr(value)
        return plain.rstrip("0") + "0" if plain.endswith("00") else plain
    digits, _, exponent = f"{value!r}e".partition("e")
    if not exponent:
        shifted = f"{value:.16e}"
        for precision in range(17):
            if float(f"{value:.{precision}e}") == value:
                shifted = f"{value:.{precision}e}"
                break
        digits, _, exponent = shifted.partition("e")
    digits = digits if "." in digits else f"{digits}.0"
    return f"{digits}E{int(exponent.rstrip('e'))}"


def _write(value: Any, parts: list[str], scope: Scope, left: int) -> int:
    """Appends the value's text and answers how many characters are left."""
    scope.spend(1)
    if isinstance(value, Optional):
        if value.value is None:
            return _append("Optional.empty", parts, left)
        left = _write(value.value, parts, scope, _append("Optional[", parts, left))
        return _append("]", parts, left)
    if isinstance(value, Entry):
        left = _write(value.key, parts, scope, left)
        return _write(value.value, parts, scope, _append("=", parts, left))
    if isinstance(value, CONTAINERS):
        return _write_all(value, parts, scope, left)
    return _append(value if isinstance(value, str) else _scalar(value), parts, left)


def _write_all(value: Any, parts: list[str], scope: Scope, left: int) -> int:
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    left = _append(opening, parts, left)
    members = [Entry(*pair) for pair in value.items()] if isinstance(value, dict) else members_of(value)
    for index, member in enumerate(members):
        if index:
            left = _append(", ", parts, left)
        left = _write(member, parts, scope, left)
    return _append(closing, parts, left)


def _append(text: str, parts: list[str], left: int) -> int:
    if len(text) > left:
        raise RuleFailed(f"a text would be longer than {LONGEST} characters")
    parts.append(text)
    return left - len(text)


def members_of(value: Any) -> Iterable[Any]:
    """Of a list, array or set, in an order that is the same everywhere."""
    return sorted(value) if isinstance(value, frozenset) else value


def same(left: Any, right: Any, scope: Scope) -> bool:
    """What equals() answers: values of different classes differ, numbers included."""
    if left is right:
        return True
    if isinstance(left, str):
        return isinstance(right, str) and left == right
    if isinstance(left, CONTAINERS):
        return _same_members(left, right, scope)
    if type(left) is not type(right):
        return False
    if isinstance(left, Optional):
        scope.spend(1)
        return same(left.value, right.value, scope)
    if isinstance(left, Entry):
        return same(left.key, right.key, scope) and same(left.value, right.value, scope)
    return bool(left == right)


def _same_members(left: Any, right: Any, scope: Scope) -> bool:
    if isinstance(left, dict):
        return isinstance(right, dict) and _same_maps(left, right, scope)
    sets = (HashSet, frozenset)
    if isinstance(left, sets) or isinstance(right, sets):
        if not (isinstance(left, sets) and isinstance(right, sets)) or len(left) != len(right):
            return False
        scope.spend(1 + len(left) // 8)
        return set(map(sought, left)) == set(map(sought, right))
    if type(left) is not type(right) or len(left) != len(right):
        return False
    scope.spend(1)
    return all(_spent(scope) and same(one, other, scope) for one, other in zip(left, right, strict=True))


def _same_maps(left: Mapping[Any, Any], right: Mapping[Any, Any], scope: Scope) -> bool:
    if len(left) != len(right):
        return False
    return all(
        _spent(scope) and has_key(right, name) and same(value, right[name], scope) for name, value in left.items()
    )


def _spent(scope: Scope) -> bool:
    scope.spend(1)
    return True
