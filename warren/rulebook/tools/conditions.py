"""Plain conditions as values: put together, turned round, and written as the tree that stands below `when`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeGuard

from warren.routing.rules.plain import ALL, ANY, HEADERS, NOT

MOST_PARTS: Final = 200
"""Comparisons of a condition; nobody would read more."""
ANYTHING: Final = ".*"
"""Matches every value that a header can have, the empty one too; `present` says nothing of that."""
NOTHING: Final = "^$"
FILLING: Final = frozenset({"equals", "oneOf", "startsWith", "endsWith", "contains"})
"""Comparisons with a text that is not empty: what holds them is not empty, either."""


class TooLong(Exception):
    """The condition has more than MOST_PARTS comparisons."""


@dataclass(frozen=True, slots=True)
class Asks:
    """One comparison of one field, or of one header."""

    field: str
    operator: str
    wanted: str | bool | tuple[str, ...]
    is_header: bool = False

    @property
    def size(self) -> int:
        return 1

    def asks(self, operator: str, wanted: str | bool | tuple[str, ...]) -> "Asks":
        """Another comparison of the same field."""
        return Asks(self.field, operator, wanted, self.is_header)

    @property
    def same(self) -> str:
        """Names the field, whatever the case of a header."""
        return f"header {self.field.lower()}" if self.is_header else self.field


@dataclass(frozen=True, slots=True)
class Denied:
    """A comparison that does not hold."""

    asks: Asks

    @property
    def size(self) -> int:
        return 1


@dataclass(frozen=True, slots=True)
class Joined:
    """All of them hold, or one of them at least."""

    word: Literal["all", "any"]
    parts: tuple["Condition", ...]
    size: int


Condition = Asks | Denied | Joined

ALWAYS: Final = Joined("all", (), 0)
NEVER: Final = Joined("any", (), 0)


def negated(condition: Condition) -> Condition:
    match condition:
        case Asks():
            return Denied(condition)
        case Denied():
            return condition.asks
        case Joined():
            # What cannot be simpler cannot be so when it is turned round.
            return Joined("any" if condition.word == "all" else "all", _turned(condition.parts), condition.size)


def both(*conditions: Condition) -> Condition:
    """Raises TooLong."""
    return _joined("all", conditions)


def either(*conditions: Condition) -> Condition:
    """Raises TooLong."""
    return _joined("any", conditions)


def _joined(word: Literal["all", "any"], conditions: Iterable[Condition]) -> Condition:
    parts: dict[Condition, None] = {}
    for condition in conditions:
        flat = condition.parts if isinstance(condition, Joined) and condition.word == word else (condition,)
        parts.update(dict.fromkeys(flat))
    absorbed = [_absorbed(part, parts) for part in parts]
    if absorbed != [*parts]:
        return _joined(word, absorbed)
    decides = NEVER if word == "all" else ALWAYS
    if decides in parts or any(isinstance(part, Denied) and part.asks in parts for part in parts):
        return decides
    kept = _simpler(tuple(parts)) if word == "all" else _turned(_simpler(_turned(tuple(parts))))
    size = sum(part.size for part in kept)
    if size > MOST_PARTS:
        raise TooLong
    return kept[0] if len(kept) == 1 else Joined(word, kept, size)


def _absorbed(part: Condition, beside: Iterable[Condition]) -> Condition:
    """The part without what the others decide: `a or (not a and b)` is `a or b`."""
    if not isinstance(part, Joined):
        return part
    kept = [each for each in part.parts if isinstance(each, Joined) or negated(each) not in beside]
    return part if len(kept) == len(part.parts) else _joined(part.word, kept)


def _turned(parts: tuple[Condition, ...]) -> tuple[Condition, ...]:
    return tuple(negated(part) for part in parts)


def _simpler(parts: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """The parts of which all hold, without those that follow from others."""
    for part in parts:
        if not isinstance(part, Asks):
            continue
        others = [each for each in parts if isinstance(each, Asks) and each.same == part.same and each != part]
        if (part.operator, part.wanted) == ("matches", ANYTHING):
            empty = Denied(part.asks("matches", NOTHING))
            if empty in parts:
                filled = part.asks("present", wanted=True)
                return _simpler(
                    tuple(dict.fromkeys(filled if each == part else each for each in parts if each != empty))
                )
            if others:
                return _simpler(tuple(each for each in parts if each != part))
        elif part.operator == "present" and any(each.operator in FILLING for each in others):
            return _simpler(tuple(each for each in parts if each != part))
    return parts


# --- as YAML has it


def tree_below_when(condition: Condition) -> dict[str, Any]:
    """What stands below `when`. Neither ALWAYS nor NEVER stands inside of another condition."""
    if condition == ALWAYS:
        # Every request has a method, and there is no word for "always".
        return {"method": {"present": True}}
    match condition:
        case Asks():
            value = condition.wanted if condition.operator == "equals" else _listed(condition)
            return {HEADERS: {condition.field: value}} if condition.is_header else {condition.field: value}
        case Denied():
            if condition.asks.operator == "present":
                return tree_below_when(condition.asks.asks("present", wanted=not condition.asks.wanted))
            return {NOT: tree_below_when(condition.asks)}
        case Joined(word="all"):
            return _all(condition.parts)
        case Joined():
            return _any(condition.parts)


def _listed(asks: Asks) -> Any:
    """A list alone means `oneOf`."""
    if isinstance(asks.wanted, tuple):
        return list(asks.wanted)
    return {asks.operator: asks.wanted}


def _all(parts: Sequence[Condition]) -> dict[str, Any]:
    denied = [part.asks for part in parts if _is_not(part)]
    trees = [tree_below_when(part) for part in parts if not _is_not(part)]
    if denied:
        trees.append({NOT: _any(denied)})
    merged: dict[str, Any] | None = {}
    for tree in trees:
        merged = None if merged is None else _merged(merged, tree)
    return {ALL: trees} if merged is None else merged


def _is_not(part: Condition) -> TypeGuard[Denied]:
    return isinstance(part, Denied) and part.asks.operator != "present"


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any] | None:
    """One mapping for both, None when they have a key in common that cannot be shared."""
    made = dict(one)
    for key, value in other.items():
        if key not in made:
            made[key] = value
            continue
        if key in {ALL, ANY, NOT} or not isinstance(value, dict) or not isinstance(made[key], dict):
            return None
        inner = _merged(made[key], value)
        if inner is None:
            return None
        made[key] = inner
    return made


def _any(parts: Sequence[Condition]) -> dict[str, Any]:
    """Equal fields are asked once, with a list."""
    equal: dict[tuple[str, bool], list[str]] = {}
    for part in parts:
        if isinstance(part, Asks) and part.operator in {"equals", "oneOf"}:
            wanted = part.wanted if isinstance(part.wanted, tuple) else (str(part.wanted),)
            equal.setdefault((part.field, part.is_header), []).extend(wanted)
    trees: list[dict[str, Any]] = []
    for part in parts:
        if not isinstance(part, Asks) or part.operator not in {"equals", "oneOf"}:
            trees.append(tree_below_when(part))
        elif texts := equal.pop((part.field, part.is_header), []):
            one = part.asks("equals", texts[0])
            trees.append(tree_below_when(one if len(texts) == 1 else part.asks("oneOf", tuple(dict.fromkeys(texts)))))
    return trees[0] if len(trees) == 1 else {ANY: trees}
