"""Actions that only put texts, and others."""

import pytest

from warren.rulebook.tools.comparing import Kept
from warren.rulebook.tools.puts import then_of


@pytest.mark.parametrize(
    ("actions", "then"),
    [
        (['result.put("routingGroup", "etl")'], {"group": "etl"}),
        (["result.put(FileBasedRoutingGroupSelector.RESULTS_ROUTING_GROUP_KEY, 'etl');"], {"group": "etl"}),
        (['result["routingGroup"] = "etl"'], {"group": "etl"}),
        (
            ['result.put("fallbackGroup", "a"); result.put("pinnedCluster", "b")', 'result.put("stop", true)'],
            {"fallbackGroup": "a", "cluster": "b", "stop": True},
        ),
        (['result.put("rejectMessage", "no")'], {"reject": "no"}),
    ],
)
def test_texts_that_are_put_stand_below_then(actions: list[str], then: dict[str, object]) -> None:
    assert then_of(actions) == then


@pytest.mark.parametrize(
    ("actions", "because"),
    [
        ([""], "it does nothing"),
        (['result.put("routingGroup", request.getMethod())'], "more than put a text"),
        (['result.put("routingGroup", "a" + "b")'], "more than put a text"),
        (['result.put(request.getMethod(), "a")'], "more than put a text"),
        (['result.put(Integer.MAX_VALUE, "a")'], "more than put a text"),
        (['result.putIfAbsent("routingGroup", "a")'], "more than put a text"),
        (['state.put("routingGroup", "a")'], "more than put a text"),
        (['if (true) { result.put("routingGroup", "a") }'], "more than put a text"),
        (['result.put("routingGroup", null)'], "more than put a text"),
        (['result.put("routingGroup", 5)'], "more than put a text"),
        (['result.put("routingGroup", true)'], "it puts True for routingGroup"),
        (['result.put("stop", "true")'], "it puts true for stop"),
        (['result.put("other", "a")'], "it puts other, which only MVEL reads"),
        (['result.put("routingGroup", "")'], "blank"),
        (['result.put("routingGroup", " ")'], "blank"),
        ([f'result.put("routingGroup", "{"a" * 256}")'], "too long"),
        (['result.put("routingGroup", "a"); result.put("routingGroup", "b")'], "twice"),
    ],
)
def test_what_does_more_is_kept(actions: list[str], because: str) -> None:
    with pytest.raises(Kept, match=because):
        then_of(actions)
