"""What operators do with values whose classes are known only when a rule runs: what MVEL 2.5 does."""

import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.patterns import as_pattern, full_match, is_pattern
from warren.routing.mvel.offered.values import (
    HashSet,
    Optional,
    StringBuilder,
    bounded,
    class_of,
    has_key,
    integer,
    members_of,
    room,
    same,
    text_of,
)
from warren.routing.mvel.scope import Scope

NUMERIC: Final = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
FREE: Final = 4096
"""Characters that are read or made for a step."""
SPELLED: Final = re.compile(r"-?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})", re.ASCII)
"""Texts that == and < take for numbers."""
FALSE_WORDS: Final = frozenset({"false", "no", "off", "0", ""})
"""Texts that equal false; every other equals true."""


def number_in(value: Any) -> int | float | None:
    """The number that a number, a boolean or a text is, None when it is none."""
    kind = type(value)
    if kind is int or kind is float:
        found: int | float = value
        return found
    if kind is bool:
        return int(value)
    if isinstance(value, str) and SPELLED.fullmatch(value):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return None


def equal(scope: Scope, left: Any, right: Any) -> bool:
    """`==`: null equals null only, numbers equal the texts that spell them."""
    if left is None or right is None:
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return _as_boolean(left) is _as_boolean(right)
    if isinstance(left, int | float | str) and isinstance(right, int | float | str):
        one, other = number_in(left), number_in(right)
        return one is not None and one == other
    return same(left, right, scope)


def _as_boolean(value: Any) -> bool | None:
    """What a value is beside a boolean, None when it is neither true nor false."""
    if isinstance(value, str):
        return value.lower() not in FALSE_WORDS
    return value > 0 if isinstance(value, int | float) else None


def unequal(scope: Scope, left: Any, right: Any) -> bool:
    return not equal(scope, left, right)


def is_empty(value: Any) -> bool:
    """`== empty`."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | tuple | HashSet | frozenset | dict):
        return len(value) == 0
    return value is None or (isinstance(value, int | float) and value == 0)


def _pair(left: Any, right: Any, sign: str) -> tuple[Any, Any] | None:
    """Two values that Python can compare, None when one of them is null."""
    if left is None or right is None:
        return None
    if isinstance(left, str) and isinstance(right, str):
        return left, right
    if isinstance(left, bool) or isinstance(right, bool):
        left, right = _as_boolean(left), _as_boolean(right)
    one, other = number_in(left), number_in(right)
    if one is None or other is None:
        raise RuleFailed(f"{class_of(left)} and {class_of(right)} cannot be compared by {sign}")
    return one, other


def less(left: Any, right: Any) -> bool:
    pair = _pair(left, right, "<")
    return pair is not None and bool(pair[0] < pair[1])


def less_or_equal(left: Any, right: Any) -> bool:
    pair = _pair(left, right, "<=")
    return pair is not None and bool(pair[0] <= pair[1])


def greater(left: Any, right: Any) -> bool:
    pair = _pair(left, right, ">")
    return pair is not None and bool(pair[0] > pair[1])


def greater_or_equal(left: Any, right: Any) -> bool:
    pair = _pair(left, right, ">=")
    return pair is not None and bool(pair[0] >= pair[1])


def add(scope: Scope, left: Any, right: Any) -> Any:
    """`+`: numbers are added, elements come to a list or set, which then is a list, anything else is joined as text."""
    if type(left) in (int, float) and type(right) in (int, float):
        total = left + right
        return integer(total) if type(total) is int else total
    if isinstance(left, list | HashSet | frozenset):
        more = list(members_of(right)) if isinstance(right, list | tuple | HashSet | frozenset) else [right]
        room(len(left) + len(more))
        scope.spend(len(left) // 8)
        return [*members_of(left), *more]
    joined = bounded(text_of(left, scope) + text_of(right, scope))
    _read(scope, joined)
    return joined


def _read(scope: Scope, text: str) -> None:
    if len(text) > FREE:
        scope.spend(len(text) // FREE)


def _numbers(left: Any, right: Any, sign: str) -> tuple[Any, Any] | None:
    """None when one of them is null: so is the result."""
    if left is None or right is None:
        return None
    one, other = number_in(left), number_in(right)
    if one is None or other is None or isinstance(left, bool) or isinstance(right, bool):
        raise RuleFailed(f"{class_of(left)} {sign} {class_of(right)} is no arithmetic")
    return one, other


def subtract(left: Any, right: Any) -> int | float | None:
    pair = _numbers(left, right, "-")
    return None if pair is None else _fit(pair[0] - pair[1])


def multiply(left: Any, right: Any) -> int | float | None:
    pair = _numbers(left, right, "*")
    return None if pair is None else _fit(pair[0] * pair[1])


def divide(left: Any, right: Any) -> float | None:
    """Never of integers alone: 7 / 2 is 3.5, and 1 / 0 infinite."""
    pair = _numbers(left, right, "/")
    if pair is None:
        return None
    one, other = float(pair[0]), float(pair[1])
    if other:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)


def remainder(left: Any, right: Any) -> int | float | None:
    pair = _numbers(left, right, "%")
    if pair is None:
        return None
    one, other = pair
    if isinstance(one, int) and isinstance(other, int):
        if not other:
            raise RuleFailed("arithmetic: % by zero")
        return int(math.copysign(1, one)) * (abs(one) % abs(other))
    return math.fmod(one, other) if other and not math.isinf(one) else math.nan


def negate(value: Any) -> int | float:
    if type(value) not in (int, float):
        raise RuleFailed(f"- cannot be applied to {class_of(value)}")
    return _fit(-value)


def _fit(value: int | float) -> int | float:
    return integer(value) if isinstance(value, int) else value


def contains(scope: Scope, left: Any, right: Any) -> bool:
    """Infix: false when there is nothing to look into."""
    if isinstance(left, str):
        _read(scope, left)
        return right is not None and text_of(right, scope) in left
    if isinstance(left, list | tuple):
        return any(_spent(scope) and same(member, right, scope) for member in left)
    if isinstance(left, HashSet | frozenset | dict):
        return has_key(left.items if isinstance(left, HashSet) else left, right)
    return False


def _spent(scope: Scope) -> bool:
    scope.spend(1)
    return True


def is_in(scope: Scope, left: Any, right: Any) -> bool:
    return contains(scope, right, left)


def first_filled(left: Any) -> bool:
    """Whether `left or right` is left."""
    return left is not None and left != ""


def matches(scope: Scope, left: Any, right: Any) -> bool:
    """`~=`: false when one of them is null."""
    if left is None or right is None:
        return False
    text = text_of(left, scope)
    _read(scope, text)
    compiled = right if is_pattern(right) else as_pattern(text_of(right, scope))
    return full_match(compiled, text)


def truth(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise RuleFailed(f"a boolean is expected and {class_of(value)} is given")


def condition(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise RuleFailed(f"the condition is not a boolean but {class_of(value)}")


def passes(scope: Scope, items: Any, cost: int) -> Iterator[Any]:
    """What foreach walks over, as it was at the beginning; each pass costs."""
    if isinstance(items, str):
        items = [*items] if len(items) <= scope.steps else _refuse(scope)
    elif not isinstance(items, list | tuple | HashSet | frozenset):
        hint = ": keySet(), values() and entrySet() can" if isinstance(items, dict) else ""
        raise RuleFailed(f"foreach cannot walk over {class_of(items)}{hint}")
    scope.spend(len(items) // 8)
    for item in tuple(members_of(items)):
        scope.spend(cost)
        yield item


def _refuse(scope: Scope) -> NoReturn:
    scope.spend(scope.steps + 1)
    raise AssertionError("it has raised")


CHECKS: Final[dict[str, tuple[type, ...]]] = {
    "String": (str,),
    "CharSequence": (str, StringBuilder),
    "Boolean": (bool,),
    "Integer": (int,),
    "Long": (int,),
    "Double": (float,),
    "Number": (int, float),
    "List": (list,),
    "ArrayList": (list,),
    "Collection": (list, HashSet, frozenset),
    "Set": (HashSet, frozenset),
    "HashSet": (HashSet, frozenset),
    "Map": (dict,),
    "HashMap": (dict,),
    "Optional": (Optional,),
    "StringBuilder": (StringBuilder,),
}
"""Classes that `is` and `instanceof` know."""


def is_a(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name != "Boolean":
        return False
    if name == "Integer" and isinstance(value, int):
        return class_of(value) == "Integer"
    return isinstance(value, CHECKS[name])
