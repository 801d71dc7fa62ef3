import pytest

from tests.routing.mvel.offered import examples
from tests.routing.mvel.running import FACTS, REQUEST, action, shown
from warren.facts import Facts, RequestFacts, RequestUser
from warren.routing.mvel.compile import RuleFailed

ALL = examples.REQUEST + examples.COOKIE + examples.USER + examples.USER_INFO + examples.QUERY + examples.TABLE


@pytest.mark.parametrize(("text", "answer"), ALL)
def test_what_rules_look_at(text: str, answer: str) -> None:
    assert shown(text) == answer


BARE = Facts(request=RequestFacts(host="::1", port=80))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("request.getCookies()", "null"),
        ("request.getContentType()", "null"),
        ("request.getCharacterEncoding()", "null"),
        ("request.getContentLength()", "-1"),
        ("request.getQueryString()", "null"),
        ("request.getParameterMap()", "{}"),
        ("request.getRequestURL()", "http://[::1]/v1/statement"),
        ("trinoRequestUser.getUser()", "Optional.empty"),
        ("trinoRequestUser.getUserInfo()", "Optional.empty"),
    ],
)
def test_what_a_bare_request_says(text: str, answer: str) -> None:
    assert shown(text, BARE) == answer


def test_query_properties_need_the_analysis() -> None:
    with pytest.raises(RuleFailed, match="statements are not analysed"):
        action("trinoQueryProperties.getBody()", Facts(request=REQUEST))
    assert action('request.getMethod() == "GET" && trinoQueryProperties.isNewQuerySubmission()', BARE) is False


def test_a_header_that_is_no_integer_is_refused() -> None:
    with pytest.raises(RuleFailed, match="the header Content-Type is not an integer"):
        action('request.getIntHeader("Content-Type")')


def test_rules_cannot_change_what_others_see() -> None:
    info = {"groups": ["a"]}
    facts = Facts(request=REQUEST, user=RequestUser(user="ann", user_info=info))
    assert shown('g = trinoRequestUser.userInfo.get.get("groups"); g.add("b"); g', facts) == "[a, b]"
    assert info == {"groups": ["a"]}
    action('request.getHeaders("X-Trino-Source").clear()')
    assert FACTS.request.headers["x-trino-source"] == ("airflow",)


def test_too_many_parameters_are_refused() -> None:
    facts = Facts(request=RequestFacts(query="a=1&" * 2000))
    with pytest.raises(RuleFailed, match="more than 1000 parameters"):
        action('request.getParameter("a")', facts)
