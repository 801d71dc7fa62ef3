"""A plain condition says of every request what its MVEL says; where that fails, it does not hold."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.rulebook.tools.rules_in_mvel import conditions, requests, tests
from warren.facts import Facts
from warren.routing.mvel.compile import MvelError, RuleFailed, compile_condition
from warren.routing.mvel.scope import Scope
from warren.routing.rules.plain import compile_when
from warren.rulebook.tools.comparing import Kept
from warren.rulebook.tools.conditions import NEVER, tree_below_when
from warren.rulebook.tools.judging import plain_of


def same(condition: str, asked: list[Facts]) -> bool:
    """Whether there is a plain form; it is held against the original on each request."""
    try:
        original = compile_condition(condition)
        made = plain_of(condition)
    except (MvelError, Kept):
        return False
    plain = compile_when(tree_below_when(made)).test if made != NEVER else lambda _: False
    for each in asked:
        try:
            expected = original.run(Scope(each))
        except RuleFailed:
            expected = False
        assert plain(each) is expected, (condition, tree_below_when(made), each)
    return True


@pytest.mark.slow
@given(tests, st.lists(requests, min_size=8, max_size=8))
@settings(max_examples=700, deadline=None)
def test_single_comparisons_say_the_same(condition: str, asked: list[Facts]) -> None:
    same(condition, asked)


@pytest.mark.slow
@given(conditions, st.lists(requests, min_size=8, max_size=8))
@settings(max_examples=700, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_conditions_say_the_same(condition: str, asked: list[Facts]) -> None:
    assume(same(condition, asked))
