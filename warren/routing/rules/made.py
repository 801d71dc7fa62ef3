"""Conditions and actions of both kinds, MVEL and plain, made from what stands in a file."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from warren.facts import Facts
from warren.routing.mvel.compile import Compiled, compile_action, compile_condition
from warren.routing.mvel.scope import Scope
from warren.routing.rules.plain import QUERY_FIELDS, BadCondition, Plain, Values, compile_when
from warren.routing.rules.rule import (
    CLUSTER,
    FALLBACK,
    GROUP,
    LONGEST_MESSAGE,
    LONGEST_NAME,
    REJECT,
    STOP,
    Action,
    Condition,
)
from warren.routing.words import shown

ANALYSED = frozenset({"trinoQueryProperties", "trinoRequestUser"})
"""What MVEL has only when statements are analysed, as upstream."""
QUERY = "trinoQueryProperties"

THEN: Mapping[str, str] = {"group": GROUP, "fallbackGroup": FALLBACK, "cluster": CLUSTER, "reject": REJECT}
"""By key below `then` the key of the result."""

SHOWN_VALUES = 20
TRACED = 1000
"""Texts whose traced form is kept."""


def mvel_condition(text: str) -> tuple[Condition, frozenset[str]]:
    """A condition in MVEL, and what it needs to know. Raises MvelError."""
    compiled = compile_condition(text)
    return Condition(text, compiled.run, lambda scope: _traced_condition(text).run(scope)), compiled.names & ANALYSED


def mvel_action(text: str) -> tuple[Action, frozenset[str]]:
    """An action in MVEL, and what it needs to know. Raises MvelError."""
    compiled = compile_action(text)
    return Action(text, compiled.run, lambda scope: _traced_action(text).run(scope)), compiled.names & ANALYSED


@lru_cache(maxsize=TRACED)
def _traced_condition(text: str) -> Compiled:
    """Only made when somebody asks why: loading a file costs half of it without."""
    return compile_condition(text, traced=True)


@lru_cache(maxsize=TRACED)
def _traced_action(text: str) -> Compiled:
    return compile_action(text, traced=True)


def plain_condition(tree: Any) -> tuple[Condition, frozenset[str]]:
    """A condition in YAML, and what it needs to know. Raises BadCondition."""
    plain = compile_when(tree)
    test = plain.test

    def applies(scope: Scope) -> bool:
        return test(scope.facts)

    return Condition(plain.text, applies, _tracing(plain)), frozenset({QUERY} if plain.fields & QUERY_FIELDS else ())


def _tracing(plain: Plain) -> Callable[[Scope], bool]:
    def traced(scope: Scope) -> bool:
        scope.seen.extend((name, _seen(values, scope.facts)) for name, values in plain.looks)
        return plain.test(scope.facts)

    return traced


def _seen(values: Values, facts: Facts) -> str | list[str] | None:
    """What a field has: nothing, one value, or several."""
    found = sorted(values(facts))
    if len(found) > 1:
        return found[:SHOWN_VALUES]
    return found[0] if found else None


def plain_action(tree: Any, path: Sequence[str | int] = ("then",)) -> Action:
    """What stands below `then`. Raises BadCondition."""
    if not isinstance(tree, Mapping) or not tree:
        raise BadCondition(path, "", f"write what to do: {', '.join(THEN)} or stop")
    puts: dict[str, str | bool] = {}
    for key, value in tree.items():
        if key == STOP:
            puts[STOP] = flag(value, (*path, STOP))
            continue
        if key not in THEN:
            raise BadCondition(
                (*path, str(key)), "", f"nothing is known by that name; known are {', '.join(THEN)}, stop"
            )
        limit = LONGEST_MESSAGE if key == "reject" else LONGEST_NAME
        if not isinstance(value, str) or not value.strip() or len(value) > limit:
            raise BadCondition((*path, key), shown(str(value)), f"write a text of at most {limit} characters")
        puts[THEN[key]] = value

    def act(scope: Scope) -> None:
        scope.result.update(puts)

    return Action(", ".join(f"{key} {shown(str(value))}" for key, value in tree.items()), act, act)


def flag(value: Any, path: Sequence[str | int]) -> bool:
    """Raises BadCondition for what is neither true nor false."""
    match str(value).lower():
        case "true":
            return True
        case "false":
            return False
    raise BadCondition(path, shown(str(value)), "write true or false")
