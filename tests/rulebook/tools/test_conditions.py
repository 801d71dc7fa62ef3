"""Plain conditions, put together, and what is written below `when`."""

from typing import Any

import pytest

from warren.routing.rules.plain import compile_when
from warren.rulebook.tools.conditions import (
    ALWAYS,
    MOST_PARTS,
    NEVER,
    Asks,
    Condition,
    TooLong,
    both,
    either,
    negated,
    tree_below_when,
)

A = Asks("source", "equals", "a")
B = Asks("source", "equals", "b")
USER = Asks("user", "equals", "u")
STARTS = Asks("source", "startsWith", "s")
SENT = Asks("X", "matches", ".*", is_header=True)
EMPTY = Asks("x", "matches", "^$", is_header=True)
FILLED = Asks("X", "present", wanted=True, is_header=True)
X = Asks("X", "equals", "x", is_header=True)


@pytest.mark.parametrize(
    ("condition", "simple"),
    [
        (both(A), A),
        (both(A, A), A),
        (both(A, ALWAYS), A),
        (both(A, NEVER), NEVER),
        (either(A, NEVER), A),
        (either(A, ALWAYS), ALWAYS),
        (both(), ALWAYS),
        (both(A, negated(A)), NEVER),
        (either(A, negated(A)), ALWAYS),
        (both(SENT, X), X),
        (both(SENT, negated(SENT.asks("matches", "^$"))), FILLED),
        (both(FILLED, X), X),
        (either(negated(SENT), negated(X)), negated(X)),
        (either(A, both(negated(A), USER)), either(A, USER)),
        (both(A, either(negated(A), USER)), both(A, USER)),
        (both(A, both(USER, STARTS)), both(A, USER, STARTS)),
        (negated(both(A, USER)), either(negated(A), negated(USER))),
        (negated(negated(A)), A),
        (negated(ALWAYS), NEVER),
    ],
)
def test_conditions_are_made_simple(condition: Condition, simple: Condition) -> None:
    assert condition == simple


@pytest.mark.parametrize(
    ("condition", "tree"),
    [
        (A, {"source": "a"}),
        (X, {"headers": {"X": "x"}}),
        (STARTS, {"source": {"startsWith": "s"}}),
        (Asks("source", "oneOf", ("a", "b")), {"source": ["a", "b"]}),
        (negated(A), {"not": {"source": "a"}}),
        (negated(FILLED), {"headers": {"X": {"present": False}}}),
        (both(A, USER), {"source": "a", "user": "u"}),
        (both(A, B), {"all": [{"source": "a"}, {"source": "b"}]}),
        (both(STARTS, STARTS.asks("endsWith", "e")), {"source": {"startsWith": "s", "endsWith": "e"}}),
        (both(X, Asks("Y", "equals", "y", is_header=True)), {"headers": {"X": "x", "Y": "y"}}),
        (both(USER, negated(A), negated(B)), {"user": "u", "not": {"source": ["a", "b"]}}),
        (either(A, USER, B), {"any": [{"source": ["a", "b"]}, {"user": "u"}]}),
        (either(A, Asks("source", "oneOf", ("b", "a"))), {"source": ["a", "b"]}),
        (both(USER, either(A, STARTS)), {"user": "u", "any": [{"source": "a"}, {"source": {"startsWith": "s"}}]}),
        (ALWAYS, {"method": {"present": True}}),
    ],
)
def test_conditions_are_written_as_people_write_them(condition: Condition, tree: dict[str, Any]) -> None:
    assert tree_below_when(condition) == tree
    compile_when(tree)


def test_a_header_is_the_same_in_any_case() -> None:
    assert SENT.same == EMPTY.same != Asks("x", "present", wanted=True).same


def test_a_condition_has_a_bound() -> None:
    with pytest.raises(TooLong):
        both(*(Asks("source", "contains", str(number)) for number in range(MOST_PARTS + 1)))
