"""Running a text on a request that has a little of everything."""

from collections.abc import Mapping, Sequence
from typing import Any

from warren.facts import Facts, QueryProperties, RequestFacts, RequestUser
from warren.model import QueryId
from warren.routing.mvel.compile import compile_action, compile_condition
from warren.routing.mvel.offered.values import text_of
from warren.routing.mvel.scope import Scope

HEADERS: Mapping[str, Sequence[str]] = {
    "x-trino-source": ("airflow",),
    "x-trino-client-tags": ("email=test@example.com,label=special", "second"),
    "content-type": ("text/plain; charset=UTF-8",),
    "content-length": ("8",),
    "cookie": ('a=1; b="two"', "c=3"),
}
REQUEST = RequestFacts(
    headers=HEADERS,
    path="/v1/statement",
    query="one=1&two=2&two=3",
    remote_address="10.0.0.7",
    scheme="https",
    host="gateway",
    port=8443,
)
USER = RequestUser(user="will", user_info={"sub": "will", "email": "w@x", "name": "Will", "groups": ["a"], "age": 7})
QUERY = QueryProperties(
    body="SELECT 1",
    query_type="Query",
    resource_group_query_type="SELECT",
    default_catalog="cat",
    default_schema="schem",
    tables=frozenset({("cat", "schem", "foo"), ("cat", 'sc"h', "bar")}),
    catalogs=frozenset({"cat"}),
    schemas=frozenset({"schem"}),
    catalog_schemas=frozenset({"cat.schem"}),
    is_new_query_submission=True,
    query_id=QueryId("20250101_000000_00001_abcde"),
)
FACTS = Facts(request=REQUEST, user=USER, query=QUERY)


def action(text: str, facts: Facts = FACTS) -> Any:
    return compile_action(text).run(Scope(facts))


def holds(condition: str, facts: Facts = FACTS) -> bool:
    answer = compile_condition(condition).run(Scope(facts))
    assert isinstance(answer, bool)
    return answer


def shown(text: str, facts: Facts = FACTS) -> str:
    """What the text answers, as its toString() says it."""
    return text_of(action(text, facts), Scope(facts))
