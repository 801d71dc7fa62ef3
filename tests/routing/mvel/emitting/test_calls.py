import pytest

from tests.routing.mvel.running import FACTS, action
from warren.routing.mvel.compile import MvelError, RuleFailed, compile_action


@pytest.mark.parametrize(
    ("text", "why", "column"),
    [
        ('request.getHeadr("a")', r"no method getHeadr\(\) on request; did you mean getHeader", 9),
        ("request.metod", "no property metod on request; did you mean", 9),
        ("request.getHeader", r"getHeader\(\) takes 1 argument, not 0", 9),
        ("request.getHeader()", r"getHeader\(\) takes 1 argument, not 0", 9),
        ('request.getHeader("a", "b")', r"getHeader\(\) takes 1 argument, not 2", 9),
        ("request.getHeader(5)", r"getHeader\(\): text is expected and Integer is given", 19),
        ("trinoQueryProperties.getTable()", "on trinoQueryProperties; did you mean getTables", 22),
        ("trinoRequestUser.getUsr()", "on trinoRequestUser; did you mean getUser", 18),
        ('"abc".lenght()', "on text; did you mean length", 7),
        ('"abc".lenght', "on text; did you mean length", 7),
        ('"abc".class', "no property class on text", 7),
        ("request.getMethod().foo()", r"no method foo\(\) on text", 21),
        ("trinoRequestUser.getUser().getOrElse(1)", r"no method getOrElse\(\) on Optional; did you mean orElse", 28),
        ("state.computeIfAbsent(1, 2)", "no method computeIfAbsent", 7),
        ("Math.cos(1)", r"no method cos\(\) on the class Math", 6),
        ("Math.max(1)", r"max\(\) takes 2 arguments, not 1", 6),
        ("Integer.MAX_VALU", "no constant MAX_VALU on the class Integer; did you mean MAX_VALUE", 9),
        ("HashSet.of(1)", r"no method of\(\) on the class HashSet", 9),
        ("foreach (i : [1]) { request.getHeadr(i) }", "did you mean getHeader", 29),
    ],
)
def test_what_is_known_to_be_wrong_is_refused_when_rules_are_loaded(text: str, why: str, column: int) -> None:
    with pytest.raises(MvelError, match=why) as refused:
        compile_action(text)
    assert refused.value.column == column


@pytest.mark.parametrize("name", ["__class__", "__globals__", "format", "encode", "join", "func_code", "mro"])
def test_pythons_own_attributes_do_not_exist(name: str) -> None:
    for owner in ("request", '"abc"', "state", "trinoRequestUser", "Math"):
        with pytest.raises(MvelError, match=r"no property|no constant|no method"):
            compile_action(f"{owner}.{name}{'()' if owner == 'state' else ''}")
    for value in ("5", "[1]", '"a"', "new HashSet()"):
        with pytest.raises(RuleFailed, match=r"no (property|method)"):
            action(f"x = {value}; x.{name}")
        with pytest.raises(RuleFailed, match=r"no (property|method)"):
            action(f"x = {value}; x.{name}()")


@pytest.mark.parametrize(
    "text",
    [
        'request.getHeader("nobody").length()',
        'request.getHeader("nobody").toLowerCase()',
        'request.getHeader("nobody").contains("a")',
        'foreach (i : [1]) { request.getHeader("nobody").contains("a") }',
        "request.getQueryString.foo",
        'x = request.getHeader("nobody"); x.length()',
    ],
)
def test_a_call_of_null_is_a_null_pointer(text: str) -> None:
    if text.endswith("foo"):
        with pytest.raises(MvelError, match="no property foo on text"):
            action(text, FACTS)
        return
    with pytest.raises(RuleFailed, match="null pointer: "):
        action(text)


@pytest.mark.parametrize(
    "text",
    [
        'request.getHeader("nobody").?length()',
        'request.getHeader("nobody").?length',
        "x = null; x.?foo()",
        "x = null; x.?foo",
        'foreach (i : [1]) { return request.getHeader("nobody").?contains("a") }',
    ],
)
def test_a_safe_call_of_null_is_null(text: str) -> None:
    assert action(text) is None
