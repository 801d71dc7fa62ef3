import pytest

from tests.routing.mvel.running import FACTS, holds
from warren.routing.mvel.compile import MvelError, RuleFailed, compile_action, compile_condition
from warren.routing.mvel.scope import Scope


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ('request.getHeader("X-Trino-Source") == "airflow"', True),
        ('request.getHeader("X-Trino-Source") == "airflow";', True),
        ('request.getHeader("X-Trino-Source") != "airflow"', False),
        ('request.getHeader("nobody") == null', True),
        ('request.getHeader("nobody") contains "x"', False),
        ('request.getHeader("X-Trino-Client-Tags") contains "label=special"', True),
        ('request.getHeader("X-Trino-Client-Tags").toLowerCase.contains("label=special")', True),
        ('["airflow", "dbt"] contains request.getHeader("X-Trino-Source")', True),
        ('request.getHeader("X-Trino-Source") ~= "air.*"', True),
        ("trinoQueryProperties.isNewQuerySubmission", True),
        ('trinoRequestUser.userExistsAndEquals("bill")', False),
        ('state.get("a") == null', True),
    ],
)
def test_a_condition_holds_or_does_not(condition: str, true: bool) -> None:
    assert holds(condition) is true


@pytest.mark.parametrize(
    ("condition", "what"),
    [("1", "Integer"), ('"true"', "String"), ("null", "null"), ('state.get("a")', "null"), ("[1]", "ArrayList")],
)
def test_a_condition_that_is_no_boolean_fails(condition: str, what: str) -> None:
    with pytest.raises(RuleFailed, match=f"the condition is not a boolean but {what}"):
        holds(condition)


def test_of_two_conditions_none_is_lost() -> None:
    with pytest.raises(MvelError, match="expected the end of the condition, found 2"):
        compile_condition("1 == 1; 2 == 2")


@pytest.mark.parametrize(
    ("text", "names", "puts"),
    [
        ("true", set(), set()),
        ('request.getMethod == "GET" || state.a', {"request", "state"}, set()),
        ('result.put("routingGroup", "a"); result.put("other", 1)', {"result"}, {"routingGroup", "other"}),
        ("result.put(FileBasedRoutingGroupSelector.RESULTS_ROUTING_GROUP_KEY, 1)", {"result"}, {"routingGroup"}),
        ('result["a"] = 1; result.b = 2; result.putIfAbsent("c", 3)', {"result"}, {"a", "b", "c"}),
        ('result.put("a" + "b", 1); state.put("c", 1)', {"result", "state"}, set()),
        ("trinoQueryProperties.body", {"trinoQueryProperties"}, set()),
        ("trinoRequestUser.user", {"trinoRequestUser"}, set()),
        ('if (false) { result.put("a", 1) } else { foreach (x : []) { result.put("b", 1) } }', {"result"}, {"a", "b"}),
    ],
)
def test_a_compiled_text_says_what_it_mentions_and_may_decide(text: str, names: set[str], puts: set[str]) -> None:
    compiled = compile_action(text)
    assert compiled.text == text
    assert (set(compiled.names), set(compiled.puts)) == (names, puts)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('request.getHeader("X-Trino-Source") == "airflow"', [('request.getHeader("X-Trino-Source")', "airflow")]),
        (
            'request . getHeader( "X-Trino-Source" )\n .toUpperCase.contains("A  B")',
            [('request . getHeader( "X-Trino-Source" ) .toUpperCase.contains("A  B")', False)],
        ),
        (
            'false && request.isSecure || trinoQueryProperties.queryType == "Query"',
            [("trinoQueryProperties.queryType", "Query")],
        ),
        ('result.put("a", request.getMethod())', [("request.getMethod()", "POST")]),
        ('state.put("a", [1]); state.get("a").add(2); state.a', [('state.get("a")', [1]), ("state.a", [1, 2])]),
        ("state[request.method] == null", [("request.method", "POST"), ("state[request.method]", None)]),
        ("1 == 1", []),
    ],
)
def test_a_traced_text_shows_what_it_read(text: str, seen: list[tuple[str, object]]) -> None:
    scope = Scope(FACTS)
    compile_action(text, traced=True).run(scope)
    assert scope.seen == seen
    untraced = Scope(FACTS)
    compile_action(text).run(untraced)
    assert untraced.seen == []
    assert untraced.result == scope.result


def test_loops_spend_steps_and_others_do_not() -> None:
    scope = Scope(FACTS, steps=100)
    compile_condition('request.getHeader("X-Trino-Source") == "airflow"').run(scope)
    assert scope.steps == 100
    compile_action("x = 0; foreach (i : [1, 2, 3]) { x += i }").run(scope)
    assert scope.steps == 100 - 3 * 2
    compile_action(" + ".join(["1"] * 30)).run(scope)
    assert scope.steps == 100 - 3 * 2 - 29


def test_a_rule_that_does_too_much_is_stopped() -> None:
    digits = '"0123456789".toCharArray()'
    text = f"x = 0; foreach (a : {digits}) {{ foreach (b : {digits}) {{ x += 1 }} }} x"
    assert compile_action(text).run(Scope(FACTS)) == 100
    with pytest.raises(RuleFailed, match="too many steps"):
        compile_action(text).run(Scope(FACTS, steps=99))


def test_a_variable_without_a_value_is_named() -> None:
    with pytest.raises(RuleFailed, match="the variable x has no value yet"):
        compile_action("if (false) { x = 1 } x").run(Scope(FACTS))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('String s = request.getHeader("X-Trino-Source"); s != null && s.startsWith("air")', True),
        ('s = request.getHeader("X-Trino-Source"); return s == "other";', False),
        ('return request.getHeader("X-Trino-Source") == "airflow";', True),
        ('if (request.getMethod() == "GET") { true } else { request.getHeader("X-Nothing") == null }', True),
        ('String[] parts = request.getHeader("X-Trino-Source").split("f"); parts[1] == "low"', True),
        ("boolean found; found = false; foreach (x : [1, 2]) { if (x == 2) { found = true } } found", True),
        ("foreach (x : [1, 2]) { if (x == 2) { return true } } false", True),
    ],
)
def test_a_condition_may_have_statements(text: str, answer: bool) -> None:
    assert compile_condition(text).run(Scope(FACTS)) is answer
    assert compile_condition(text, traced=True).run(Scope(FACTS)) is answer


@pytest.mark.parametrize(
    ("text", "why"),
    [("x = 1; x", "not a boolean but Integer"), ("return", "not a boolean but null"), ("if (false) { true }", "not a boolean but null")],
)  # fmt: skip
def test_a_condition_whose_statements_answer_something_else_fails(text: str, why: str) -> None:
    with pytest.raises(RuleFailed, match=why):
        compile_condition(text).run(Scope(FACTS))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('source = "airflow"', "equality is written =="),
        ("String s = 1; s ==", "expected a value"),
        ("a b", "expected the end of the condition"),
    ],
)
def test_a_condition_that_is_neither_says_what_is_wrong_where_it_is(text: str, why: str) -> None:
    with pytest.raises(MvelError, match=why):
        compile_condition(text)
