import pytest

from tests.routing.mvel.running import FACTS
from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.scope import STEPS, Scope


def test_steps_are_for_all_rules_of_a_request() -> None:
    scope = Scope(FACTS)
    scope.spend(STEPS)
    with pytest.raises(RuleFailed, match="too many steps"):
        scope.spend(1)


def test_scopes_share_nothing() -> None:
    one, other = Scope(FACTS), Scope(FACTS)
    one.state["a"] = one.result["a"] = 1
    assert other.state == other.result == {}
    assert other.chance() == 0.0
