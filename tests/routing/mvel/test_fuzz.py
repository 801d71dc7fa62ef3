"""Whatever is written, only MvelError comes from compiling and only RuleFailed from running, and both end."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.routing.mvel import grammar
from tests.routing.mvel.running import FACTS
from warren.routing.mvel.compile import Compiled, MvelError, RuleFailed, compile_action, compile_condition
from warren.routing.mvel.offered.values import text_of
from warren.routing.mvel.scope import Scope

NORMAL = settings(
    derandomize=True, max_examples=400, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
LONG = settings(max_examples=20_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
STEPS = 2_000
TEXTS = st.text(max_size=200) | grammar.jumbles | grammar.expressions | grammar.actions


def compiled(text: str, *, condition: bool, traced: bool) -> Compiled | MvelError:
    compiler = compile_condition if condition else compile_action
    try:
        return compiler(text, traced=traced)
    except MvelError as error:
        return error


def answered(rule: Compiled, scope: Scope) -> Any:
    """The answer, or the RuleFailed; an answer can always be shown."""
    try:
        answer = rule.run(scope)
        text_of(answer, Scope(FACTS))
    except RuleFailed as failure:
        return failure
    return answer


def check(text: str, *, condition: bool, traced: bool) -> None:
    rule = compiled(text, condition=condition, traced=traced)
    if isinstance(rule, MvelError):
        assert 0 <= rule.offset <= len(text)
        assert rule.line >= 1
        assert rule.column >= 1
        return
    scope = Scope(FACTS, steps=STEPS)
    answer = answered(rule, scope)
    if isinstance(answer, RuleFailed):
        assert "it cannot be done" not in str(answer), answer.__context__
        return
    assert isinstance(answer, bool) or not condition
    assert 0 <= scope.steps <= STEPS


@given(TEXTS, st.booleans(), st.booleans())
@NORMAL
def test_nothing_else_is_raised(text: str, condition: bool, traced: bool) -> None:
    check(text, condition=condition, traced=traced)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@given(TEXTS, st.booleans(), st.booleans())
@LONG
def test_nothing_else_is_raised_for_long(text: str, condition: bool, traced: bool) -> None:
    check(text, condition=condition, traced=traced)
