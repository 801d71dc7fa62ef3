"""Methods of numbers, booleans and Optional."""

import math
from typing import Any, Final

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.method import method, table
from warren.routing.mvel.offered.values import LARGEST, Optional, null_pointer, same, text_of
from warren.routing.mvel.scope import Scope


def whole(value: int | float) -> int:
    """Cut to an integer, as Java casts: what is too great becomes the greatest."""
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return LARGEST if value > 0 else -LARGEST - 1
    return max(-LARGEST - 1, min(LARGEST, int(value)))


def compare(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _text(scope: Scope, value: Any) -> str:
    return text_of(value, scope)


def _equals(scope: Scope, value: Any, other: Any) -> bool:
    return same(value, other, scope)


def _as_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise RuleFailed("compareTo needs a boolean")


def number_hash(value: int | float) -> int:
    """Java's, for integers; any value of a double, but always the same."""
    code = hash(value) if isinstance(value, float) else (value ^ (value >> 32) if abs(value) >= 2**31 else value)
    code &= 0xFFFFFFFF
    return code - 2**32 if code >= 2**31 else code


NUMBER: Final = table(
    method("compareTo", compare, "number", "int"),
    method("doubleValue", float, "", "double"),
    method("equals", _equals, "any", "boolean", scoped=True),
    method("floatValue", float, "", "double"),
    method("hashCode", number_hash, "", "int"),
    method("intValue", whole, "", "int"),
    method("isInfinite", math.isinf, "", "boolean"),
    method("isNaN", math.isnan, "", "boolean"),
    method("longValue", whole, "", "int"),
    method("toString", _text, "", "String", scoped=True),
)
BOOLEAN: Final = table(
    method("booleanValue", bool, "", "boolean"),
    method("compareTo", lambda value, other: compare(value, _as_boolean(other)), "any", "int"),
    method("equals", _equals, "any", "boolean", scoped=True),
    method("hashCode", lambda value: 1231 if value else 1237, "", "int"),
    method("toString", _text, "", "String", scoped=True),
)


def _get(optional: Optional) -> Any:
    if optional.value is None:
        raise RuleFailed("no value present: the Optional is empty")
    return optional.value


def optional_of(value: Any) -> Optional:
    return Optional(null_pointer("Optional.of") if value is None else value)


OPTIONAL: Final = table(
    method("equals", _equals, "any", "boolean", scoped=True),
    method("get", _get),
    method("isEmpty", lambda optional: optional.value is None, "", "boolean"),
    method("isPresent", lambda optional: optional.value is not None, "", "boolean"),
    method("orElse", lambda optional, other: other if optional.value is None else optional.value, "any"),
    method("orElseThrow", _get),
    method("toString", _text, "", "String", scoped=True),
)
