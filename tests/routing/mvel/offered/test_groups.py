import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import action, shown
from warren.routing.mvel.compile import RuleFailed
from warren.routing.mvel.offered.values import MOST

ALL = (
    examples.LIST
    + examples.LIST_OF_JAVA_21
    + examples.ARRAY
    + examples.ARRAY_OF_OURS
    + examples.SET
    + examples.MAP
    + examples.ENTRY
)


@pytest.mark.parametrize(("text", "answer"), ALL)
def test_collections_answer_as_in_java(text: str, answer: str) -> None:
    assert shown(text) == answer


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[1, 2].get(5)", "index 5 is outside of 2 elements"),
        ("x = [1]; x.add(3, 1)", "add needs a place from 0 to 1"),
        ("[1].subList(1, 0)", "subList from 1 to 0 is outside of 1 elements"),
        ("[1].stream()", "streams are not offered"),
        ("trinoQueryProperties.getCatalogs().add(1)", "this set cannot be changed"),
        ("Set.of(1).remove(1)", "this set cannot be changed"),
        ("new HashSet([[1]])", "ArrayList cannot be in a set, nor a key of a map"),
        (
            "x = new HashSet([1]); x.add(1.0)",
            "the Double 1.0 cannot be in the same set or map: an equal number or boolean",
        ),
        ("x = new HashSet([1.0]); x.addAll([1])", "the Integer 1 cannot be in the same set or map"),
        ("new HashSet([1, true])", "the Boolean true cannot be in the same set or map"),
        ("new TreeSet([1, 1.0])", "the Double 1.0 cannot be in the same set or map"),
        ("Set.of(0, false)", "the Boolean false cannot be in the same set or map"),
        ("Set.copyOf([0, 0.0])", "the Double 0.0 cannot be in the same set or map"),
        ('[1: "a", true: "b"]', "the Boolean true cannot be in the same set or map"),
        ('Map.of(1, "a", 1.0, "b")', "the Double 1.0 cannot be in the same set or map"),
        ('x = [1: "a"]; x.put(1.0, "b")', "the Double 1.0 cannot be in the same set or map"),
        ('x = [1: "a"]; x[1.0] = "b"', "the Double 1.0 cannot be in the same set or map"),
        ('x = [1: "a"]; x.putIfAbsent(true, "b")', "the Boolean true cannot be in the same set or map"),
        ('x = [1: "a"]; x.putAll([true: "b"])', "the Boolean true cannot be in the same set or map"),
        ("x = 5; [1].addAll(x)", "a collection is expected and Integer is given"),
        (
            f"x = [1]; foreach (c : [{', '.join('1' * 20)}]) {{ x.addAll(x) }}",
            f"a collection would have more than {MOST} elements",
        ),
        ("x = [1]; x.add(x); x.toString()", "values are too deep in one another"),
    ],
)
def test_what_cannot_be_is_refused(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        action(text)


def test_sets_keep_their_order_so_that_rules_answer_the_same_everywhere() -> None:
    assert shown('x = new HashSet(["c", "a", "b"]); x') == "[c, a, b]"
    assert shown('new TreeSet(["c", "a", "b"])') == "[a, b, c]"
