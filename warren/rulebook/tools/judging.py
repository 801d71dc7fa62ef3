"""From a condition in MVEL to a plain one that says the same of every request, if there is one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from warren.routing.mvel import tree
from warren.routing.mvel.errors import MvelError
from warren.routing.mvel.shapes import parse_condition
from warren.routing.words import shown
from warren.rulebook.tools.asked import Asked, Called, asked, called, text_in
from warren.rulebook.tools.comparing import (
    BLANK,
    FILLED,
    Kept,
    check_types,
    compared,
    has_any,
    has_name,
    has_table,
    one_of,
)
from warren.rulebook.tools.conditions import ALWAYS, NEVER, NOTHING, Condition, TooLong, both, either, negated

Fields = frozenset[str]

NONE: Final[Fields] = frozenset()
WAYS: Final = {
    "equals": "equals",
    "contentEquals": "equals",
    "startsWith": "startsWith",
    "endsWith": "endsWith",
    "contains": "contains",
    "matches": "matches",
}
"""Methods of a text with one argument, by what plain rules call them."""
LISTS: Final = {"List": "of", "Set": "of", "Arrays": "asList"}


@dataclass(frozen=True, slots=True)
class Judged:
    """When an expression is true, and when it is false; where neither holds, it fails."""

    yes: Condition
    no: Condition
    fails: bool = False
    there_if_yes: Fields = NONE
    """Fields of which it is known then that they are not null."""
    there_if_no: Fields = NONE

    def turned(self) -> "Judged":
        return Judged(self.no, self.yes, self.fails, self.there_if_no, self.there_if_yes)


def plain_of(text: str) -> Condition:
    """The plain condition that holds when this one, which compiles, is true; not when it is false, or fails.

    Raises Kept.
    """
    try:
        judged = _Judge(text).of(parse_condition(text), NONE)
    except TooLong:
        raise Kept("it would become too long") from None
    except MvelError:
        raise Kept("it is more than one expression") from None
    return judged.yes


def _certain(condition: Condition) -> Judged:
    return Judged(condition, negated(condition))


def _and(one: Judged, other: Judged) -> Judged:
    """The other one is asked only when the first is true, and judged as it is then."""
    yes = both(one.yes, other.yes)
    fails = one.fails or other.fails
    no = either(one.no, both(one.yes, other.no)) if fails else negated(yes)
    both_there = one.there_if_no & (one.there_if_yes | other.there_if_no)
    return Judged(yes, no, fails, one.there_if_yes | other.there_if_yes, both_there)


class _Judge:
    """One condition. All methods raise Kept, and TooLong."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of(self, node: tree.Expression, there: Fields) -> Judged:
        """`there`: fields of which it is known at this point that they are not null."""
        match node:
            case tree.Literal(value=bool(value)):
                return _certain(ALWAYS if value else NEVER)
            case tree.Unary(operator="!"):
                return self.of(node.operand, there).turned()
            case tree.Logical():
                return self._logical(node, there)
            case tree.Binary(operator="==" | "!="):
                judged = self._equality(node, there)
                return judged if node.operator == "==" else judged.turned()
            case tree.Binary(operator="contains"):
                return self._contains(node, node.left, node.right)
            case tree.Binary(operator="in"):
                return self._contains(node, node.right, node.left)
            case tree.Binary(operator="~="):
                if (wanted := text_in(node.right)) is None:
                    raise self._kept(node)
                return self._calm(node, self._asked(node.left), lambda value: compared(value, "matches", wanted))
            case tree.Call() | tree.Property():
                return self._call(node, there)
        raise self._kept(node)

    def _kept(self, node: tree.Node) -> Kept:
        return Kept(f"plain rules cannot say `{shown(' '.join(self._text[node.offset : node.end].split()))}`")

    def _asked(self, node: tree.Expression) -> Asked:
        found = asked(node)
        if found is None:
            raise self._kept(node)
        return found

    def _logical(self, node: tree.Logical, there: Fields) -> Judged:
        is_or = node.operator == "||"
        first, *others = node.operands
        judged = self.of(first, there)
        judged = judged.turned() if is_or else judged
        for operand in others:
            other = self.of(operand, there | judged.there_if_yes)
            judged = _and(judged, other.turned() if is_or else other)
        return judged.turned() if is_or else judged

    # --- operators

    def _equality(self, node: tree.Binary, there: Fields) -> Judged:
        left, right = node.left, node.right
        if isinstance(left, tree.Literal | tree.Empty):
            left, right = right, left
        match right:
            case tree.Empty():
                return self._is_empty(node, self._asked(left))
            case tree.Literal(value=None):
                return self._is_null(node, self._asked(left))
            case tree.Literal(value=bool(value)):
                judged = self.of(left, there)
                return judged if value else judged.turned()
            case tree.Literal(value=str(wanted)):
                found = self._asked(left)
                return self._tested(node, found, lambda value: compared(value, "equals", wanted), there)
        if (present := _present_text(right)) is not None:
            return _certain(self._optional(node, self._asked(left), present))
        raise self._kept(node)

    def _is_null(self, node: tree.Node, found: Asked) -> Judged:
        if found.kind != "header" or found.lowered:
            raise self._kept(node)
        return Judged(negated(found.there), found.there, there_if_no=frozenset({found.key}))

    def _is_empty(self, node: tree.Node, found: Asked) -> Judged:
        if found.kind == "header" and not found.lowered:
            filled: Condition = found.asks("matches", FILLED)
        elif found.kind == "names":
            filled = has_any(found)
        elif found.kind == "type":
            filled = found.there
        else:
            raise self._kept(node)
        return Judged(negated(filled), filled, there_if_no=frozenset({found.key}))

    def _contains(self, node: tree.Node, where: tree.Expression, what: tree.Expression) -> Judged:
        """Infix: false when there is nothing to look into."""
        if (texts := _texts(where)) is not None:
            return self._calm(node, self._asked(what), lambda value: one_of(value, texts))
        found, wanted = self._asked(where), text_in(what)
        if wanted is None:
            raise self._kept(node)
        if found.kind == "names":
            return _certain(has_name(found, wanted))
        return self._calm(node, found, lambda value: compared(value, "contains", wanted))

    def _calm(self, node: tree.Node, found: Asked, make: Callable[[Asked], Condition]) -> Judged:
        """A comparison that null does not make fail, though a call before it may."""
        if found.kind == "got" or (found.kind == "header" and found.lowered):
            raise self._kept(node)
        condition = self._checked(node, found, make(found))
        return Judged(condition, negated(condition), there_if_yes=frozenset({found.key}))

    def _tested(
        self, node: tree.Node, found: Asked, make: Callable[[Asked], Condition], there: Fields, *, calls: bool = False
    ) -> Judged:
        """A comparison with `==`, or by a call, which null makes fail."""
        if not (calls or found.lowered or found.kind == "got") or not found.may_fail:
            if found.kind == "got":
                return _certain(make(found))
            return self._calm(node, found, make)
        condition = self._checked(node, found, make(found))
        known = frozenset({found.key})
        if found.key in there:
            return Judged(condition, negated(condition), there_if_yes=known, there_if_no=known)
        return Judged(condition, both(found.there, negated(condition)), True, known, known)

    def _checked(self, node: tree.Node, found: Asked, condition: Condition) -> Condition:
        if found.kind == "type":
            check_types(self._text[node.offset : node.end], found, condition)
        return condition

    # --- calls

    def _call(self, node: tree.Call | tree.Property, there: Fields) -> Judged:
        call = called(node)
        if call is None:
            raise self._kept(node)
        if isinstance(call.target, tree.Name):
            return _certain(self._of_object(node, call))
        if (texts := _texts(call.target)) is not None and call.method == "contains" and len(call.arguments) == 1:
            found = self._asked(call.arguments[0])
            return self._calm(node, found, lambda value: one_of(value, texts))
        if (text := text_in(call.target)) is not None:
            return self._of_literal(node, text, call)
        return self._of_asked(node, self._asked(call.target), call, there)

    def _of_object(self, node: tree.Node, call: Called) -> Condition:
        assert isinstance(call.target, tree.Name)
        wanted = text_in(call.arguments[0]) if len(call.arguments) == 1 else None
        match call.target.name, call.method, wanted:
            case "trinoQueryProperties", "tablesContains", str(wanted):
                return has_table(wanted)
            case "trinoRequestUser", "userExistsAndEquals", str(wanted) if wanted:
                return Asked("text", "user").asks("equals", wanted)
        raise self._kept(node)

    def _of_literal(self, node: tree.Node, text: str, call: Called) -> Judged:
        """`"airflow".equals(…)`, which null does not make fail."""
        if call.method not in {"equals", "equalsIgnoreCase"} or len(call.arguments) != 1:
            raise self._kept(node)
        folded = call.method == "equalsIgnoreCase"
        return self._calm(
            node, self._asked(call.arguments[0]), lambda value: compared(value, "equals", text, folded=folded)
        )

    def _of_asked(self, node: tree.Node, found: Asked, call: Called, there: Fields) -> Judged:
        wanted = text_in(call.arguments[0]) if len(call.arguments) == 1 else None
        if found.kind == "names":
            return _certain(self._names(node, found, call, wanted))
        if found.kind == "optional":
            return self._of_optional(node, found, call)
        if not call.arguments and not found.lowered and call.method in {"isEmpty", "isBlank"}:
            return self._tested(node, found, lambda value: self._without(node, value, call.method), there, calls=True)
        if wanted is not None and call.method == "equalsIgnoreCase":
            text = wanted
            return self._tested(
                node, found, lambda value: compared(value, "equals", text, folded=True), there, calls=True
            )
        if wanted is None or call.method not in WAYS:
            raise self._kept(node)
        way, text = WAYS[call.method], wanted
        return self._tested(node, found, lambda value: compared(value, way, text), there, calls=True)

    def _without(self, node: tree.Node, found: Asked, method: str) -> Condition:
        if found.kind == "type":
            return negated(found.there)
        if found.kind != "header":
            raise self._kept(node)
        return found.asks("matches", NOTHING if method == "isEmpty" else f"[{BLANK}]*")

    def _names(self, node: tree.Node, found: Asked, call: Called, wanted: str | None) -> Condition:
        if call.method == "contains" and wanted is not None:
            return has_name(found, wanted)
        if call.method == "isEmpty":
            return negated(has_any(found))
        raise self._kept(node)

    def _of_optional(self, node: tree.Node, found: Asked, call: Called) -> Judged:
        known = frozenset({found.key})
        if call.method == "isPresent":
            return Judged(found.there, negated(found.there), there_if_yes=known)
        if call.method == "isEmpty":
            return Judged(negated(found.there), found.there, there_if_no=known)
        present = _present_text(call.arguments[0]) if len(call.arguments) == 1 else None
        if call.method != "equals" or present is None:
            raise self._kept(node)
        return _certain(self._optional(node, found, present))

    def _optional(self, node: tree.Node, found: Asked, wanted: str) -> Condition:
        if found.kind != "optional" or not wanted or wanted != wanted.strip():
            raise self._kept(node)
        return found.asks("equals", wanted)


def _class_of(node: tree.Expression) -> str:
    return node.name if isinstance(node, tree.Name | tree.ClassPath) else ""


def _present_text(node: tree.Expression) -> str | None:
    """What stands in `Optional.of("…")`."""
    call = called(node, {})
    if call is None or _class_of(call.target) != "Optional" or call.method not in {"of", "ofNullable"}:
        return None
    return text_in(call.arguments[0])


def _texts(node: tree.Expression) -> list[str] | None:
    """The literal texts of a list, such as `["a", "b"]` or `List.of("a", "b")`."""
    items: tuple[tree.Expression, ...] = ()
    if isinstance(node, tree.ListLiteral | tree.ArrayLiteral):
        items = node.items
    elif (call := called(node, {})) is not None and LISTS.get(_class_of(call.target)) == call.method:
        items = call.arguments
    texts = [text for item in items if (text := text_in(item)) is not None]
    return texts if texts and len(texts) == len(items) else None
