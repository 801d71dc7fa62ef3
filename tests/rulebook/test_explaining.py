"""The answer to why: exactly what the gateway would do, and what led to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from warren.clusters.roster import Roster
from warren.facts import Facts
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Health, HealthStatus
from warren.protocol.paths import Paths
from warren.routing.candidates import FallbackPolicy
from warren.routing.rules.rule import RuleSet
from warren.rulebook.explaining import NOT_ANALYSED, Explainer, Question
from warren.rulebook.reading import read_rules
from warren.rulebook.service import ServiceAnswer, ServiceFailed, ServiceTerms
from warren.rulebook.userinfo import NoUserInfo, WhoHolds

RULES = """
name: airflow
condition: request.getHeader("X-Trino-Source") == "airflow"
actions: ['result.put("routingGroup", "etl")']
---
name: no drops
when: {queryType: DropTable}
then: {reject: ask us first}
---
name: broken
when: {source: bad}
then: {group: x}
"""
FAILING = """
name: fails
condition: request.getHeader("X-Nothing").isEmpty()
actions: ['result.put("routingGroup", "etl")']
"""


def roster() -> Roster:
    found = Roster(loaded=True).with_clusters(
        tuple(
            Cluster(
                name=ClusterName(name),
                proxy_to=ClusterUrl(f"http://{name}:8080"),
                external_url="",
                group=GroupName(group),
                active=name != "off",
            )
            for name, group in (("one", "etl"), ("down", "etl"), ("off", "etl"), ("any", "adhoc"))
        )
    )
    found = found.with_health(ClusterName("down"), Health(HealthStatus.UNHEALTHY, "connection refused"))
    for name in ("one", "off", "any"):
        found = found.with_health(ClusterName(name), Health(HealthStatus.HEALTHY))
    return found


TERMS = ServiceTerms(url="http://rules", exclude_headers=frozenset(), propagate_errors=False, timeout_seconds=1.0)


@dataclass
class Says:
    """A rules service with one answer."""

    answer: ServiceAnswer | ServiceFailed
    terms: ServiceTerms = TERMS
    asked: list[Facts] = field(default_factory=list)

    async def ask(self, facts: Facts, pairs: object) -> ServiceAnswer:
        self.asked.append(facts)
        if isinstance(self.answer, ServiceFailed):
            raise self.answer
        return self.answer


async def explained(
    question: Question,
    *,
    rules: str | None = RULES,
    service: Says | None = None,
    analyses: bool = True,
    who_holds: WhoHolds | None = None,
) -> dict[str, Any]:
    found: RuleSet | None = read_rules(rules, analyses=True) if rules is not None else None
    explainer = Explainer(
        rules=lambda: found,
        service=service,
        who_holds=who_holds or NoUserInfo(),
        classify=Paths(["/v1/statement", "/ui/api/insights/ide/statement"]).classify,
        clusters=roster,
        policy=FallbackPolicy(default=GroupName("adhoc"), strict=False),
        claim="email",
        analyses=analyses,
        max_body_size=1000,
        v2=False,
        now=lambda: datetime(2026, 11, 25, 12, tzinfo=UTC),
        chance=lambda: 0.0,
    )
    answer = await explainer.explain(question)
    assert orjson.loads(orjson.dumps(answer)) is not None  # it is JSON, whatever rules saw
    return answer


async def test_it_tells_what_each_rule_saw_which_cluster_takes_it_and_why_not_the_others() -> None:
    headers = {"x-trino-source": ["airflow"], "x-trino-user": ["ana"]}
    answer = await explained(Question(sql="SELECT * FROM hive.web.clicks", headers=headers))

    first, second, third = answer["rules"]
    assert (first["rule"], first["line"], first["applies"]) == ("airflow", 2, True)
    assert first["saw"] == [{"what": 'request.getHeader("X-Trino-Source")', "value": "airflow"}]
    assert first["put"] == {"routingGroup": "etl"}
    assert (second["applies"], second["saw"]) == (False, [{"what": "queryType", "value": "query"}])
    assert third["applies"] is False
    assert answer["user"] == "ana"
    assert answer["statement"]["tables"] == ["hive.web.clicks"]
    assert answer["decision"] == {
        "group": "etl",
        "cluster": None,
        "fallbackGroup": "adhoc",
        "because": "rule airflow says group etl",
    }
    assert [(each["cluster"], each["usable"], each["why"]) for each in answer["clusters"]] == [
        ("one", True, ""),
        ("down", False, "unhealthy, connection refused"),
        ("off", False, "inactive"),
        ("any", True, ""),
    ]
    assert answer["goesTo"] == "one"


async def test_a_rejected_statement_goes_nowhere() -> None:
    answer = await explained(Question(sql="DROP TABLE a.b.c"))
    assert answer["decision"] == {"rejected": "ask us first", "because": "rule no drops rejects it"}
    assert answer["goesTo"] == "no cluster: it is rejected"


async def test_a_rule_that_fails_is_named_and_the_header_decides() -> None:
    answer = await explained(Question(headers={"x-trino-routing-group": ["etl"]}), rules=FAILING)
    assert "null" in answer["rules"][0]["failed"]
    assert answer["rules"][0]["applies"] is None
    assert answer["decision"]["group"] == "etl"
    assert answer["decision"]["because"].startswith("rule fails: ")
    assert answer["decision"]["because"].endswith("header X-Trino-Routing-Group says etl")


async def test_without_rules_the_header_decides() -> None:
    answer = await explained(Question(headers={"x-trino-routing-group": ["nobody"]}), rules=None, analyses=False)
    assert answer["statement"] == NOT_ANALYSED
    assert answer["goesTo"] == "any"
    assert "rules" not in answer
    assert "fell back to default group adhoc" in answer["because"]


async def test_a_group_that_nobody_can_take_is_said() -> None:
    rules = "name: a\nwhen: {method: POST}\nthen: {group: night, fallbackGroup: night}\n"
    answer = await explained(Question(sql="SELECT 1"), rules=rules)
    assert answer["goesTo"] == "no cluster, so 503: group night has no usable cluster (there is no cluster in it)"


async def test_a_kill_is_told_to_follow_its_query() -> None:
    sql = "CALL system.runtime.kill_query('20260416_160256_03078_6b4yt', 'x')"
    answer = await explained(Question(sql=sql))
    assert answer["kills"].startswith("20260416_160256_03078_6b4yt: it goes to the cluster of that query")


async def test_a_request_without_a_statement_is_explained_too() -> None:
    answer = await explained(Question(method="GET", path="/v1/info", headers={"x-trino-catalog": ["hive"]}))
    assert answer["statement"]["isNewQuerySubmission"] is False
    assert answer["statement"]["defaultCatalog"] == "hive"
    assert answer["goesTo"] == "any"


@pytest.mark.parametrize(
    ("said", "group", "goes_to"),
    [
        (ServiceAnswer(GroupName("etl"), ((b"X-Trino-Source", b"x"),), ("no",)), "etl", "one"),
        (ServiceAnswer(None, (), ()), "adhoc", "any"),
        (ServiceFailed("it is away"), "adhoc", "any"),
    ],
)
async def test_the_rules_service_is_asked(said: ServiceAnswer | ServiceFailed, group: str, goes_to: str) -> None:
    service = Says(said)
    answer = await explained(Question(sql="SELECT 1"), rules=None, service=service)
    assert (answer["decision"]["group"], answer["goesTo"]) == (group, goes_to)
    assert len(service.asked) == 1


async def test_what_the_service_finds_wrong_is_the_answer_where_it_would_be() -> None:
    said = ServiceAnswer(GroupName("etl"), (), ("no such team", "no such day"))
    propagating = replace(TERMS, propagate_errors=True)
    answer = await explained(Question(), rules=None, service=Says(said, propagating))
    assert answer["decision"]["rejected"] == "no such team; no such day"
    assert answer["goesTo"] == "no cluster, so 400: it is rejected"


@pytest.mark.parametrize("analyses", [True, False])
async def test_the_service_is_told_of_the_statement_only_where_it_would_be(analyses: bool) -> None:
    service = Says(ServiceAnswer(None, (), ()))
    await explained(Question(sql="SELECT 1"), rules=None, service=service, analyses=analyses)
    assert (service.asked[0].query is not None) is analyses


@pytest.mark.parametrize("path", ["/v1/statement", "/v1/statement/", "/ui/api/insights/ide/statement"])
async def test_a_statement_is_one_at_every_path_of_statements(path: str) -> None:
    answer = await explained(Question(sql="DROP TABLE a.b.c", path=path))
    assert answer["decision"]["rejected"] == "ask us first"


@pytest.mark.parametrize(
    ("method", "path", "goes_to"),
    [
        ("GET", "/v1/statement/executing/20260416_160256_03078_6b4yt/x/1", "the cluster of query 20260416_160256_03078_6b4yt"),
        ("GET", "/v1/query/20260416_160256_03078_6b4yt", "the cluster of query 20260416_160256_03078_6b4yt"),
        ("GET", "/v1/spooled/download/abc", "the cluster that made the segment"),
        ("GET", "/trino-gateway/livez", "the gateway itself"),
    ],
)  # fmt: skip
async def test_where_nobody_decides_no_rule_is_tried(method: str, path: str, goes_to: str) -> None:
    answer = await explained(Question(method=method, path=path))
    assert answer["goesTo"].startswith(goes_to)
    assert "rules" not in answer


class Knows:
    """A UserInfo endpoint that knows every token."""

    async def about(self, token: str) -> Mapping[str, Any]:
        return {"sub": f"the one with {token}"}


async def test_a_token_is_explained_as_for_the_statement_itself() -> None:
    rules = "name: a\nwhen: {user: the one with opaque}\nthen: {group: etl}\n"
    headers = {"authorization": ["Bearer opaque"]}
    answer = await explained(Question(headers=headers), rules=rules, who_holds=Knows())
    assert (answer["user"], answer["goesTo"]) == ("the one with opaque", "one")
    answer = await explained(Question(headers=headers, method="GET", path="/v1/info"), rules=rules, who_holds=Knows())
    assert answer["user"] == "", "only statements are worth asking about"


async def test_long_values_are_shortened() -> None:
    rules = "name: a\nwhen: {source: {contains: x}}\nthen: {group: etl}\n"
    answer = await explained(Question(headers={"x-trino-source": ["x" * 5000]}), rules=rules)
    assert len(answer["rules"][0]["saw"][0]["value"]) == 301
