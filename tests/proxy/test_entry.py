import ssl
from typing import Any, cast

import pytest

from tests.proxy.exchanges import FakeExchange
from warren.clusters.coordinators import Coordinators
from warren.clusters.roster import Roster
from warren.current import Current
from warren.memory.in_process import InProcess
from warren.memory.recall import Recall
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Health, HealthStatus, Placement, QueryId
from warren.protocol.paths import Paths
from warren.proxy.analysing import Analysing
from warren.proxy.choosing import Choosing
from warren.proxy.deciding import ByHeader, Deciding, DecidingCounts
from warren.proxy.entry import Entry, Patience
from warren.proxy.kills import Kills
from warren.proxy.search import Search
from warren.proxy.submission import Submissions
from warren.proxy.upstreams import Upstreams
from warren.routing.candidates import FallbackPolicy
from warren.routing.routers import AtRandom
from warren.rulebook.userinfo import NoUserInfo
from warren.wire.syntax.forwarded import Destination
from warren.wire.ticker import Ticker
from warren.wire.upstream import Upstream, UpstreamLimits

BLUE = ClusterUrl("http://blue:8080")
KNOWN = "20260416_160256_03078_6b4yt"
UNKNOWN = "20260416_160256_03078_aaaaa"
OWN = ("own", 120.0)
OWNER = (f"cluster {BLUE}", 25.0)
ANY = (f"cluster {BLUE}", 120.0)
SUBMITTED, SEARCHED = "Held.submit", "Held.answer"


class Held:
    """In place of submissions and searches: what they do is told elsewhere."""

    async def submit(self, _exchange: Any) -> None: ...

    async def answer(self, _exchange: Any, _asked: Any) -> None: ...


def entry(*, is_empty: bool = False) -> Entry:
    cluster = Cluster(name=ClusterName("blue"), proxy_to=BLUE, external_url=BLUE, group=GroupName("adhoc"), active=True)
    roster = Roster().with_clusters(() if is_empty else (cluster,))
    if not is_empty:
        roster = roster.with_health(cluster.name, Health(HealthStatus.HEALTHY))
    current = Current(roster)
    recall = Recall(InProcess(capacity=9, expire_after_seconds=9, clock=lambda: 0.0), Coordinators(), current)
    recall.keep(Placement(QueryId(KNOWN), BLUE, GroupName("adhoc"), BLUE))
    ticker = Ticker()
    return Entry(
        paths=Paths(("/v1/statement",), ()),
        recall=recall,
        upstreams=Upstreams(
            ticker=ticker,
            limits=UpstreamLimits(),
            tls=ssl.create_default_context(),
            on_trouble=lambda _url, _error: None,
        ),
        submissions=cast(Submissions, Held()),
        search=cast(Search, Held()),
        deciding=Deciding(
            selector=ByHeader(GroupName("adhoc"), DecidingCounts()),
            analysing=Analysing(max_body_size=9, v2=False),
            kills=cast(Kills, Held()),
            who_holds=NoUserInfo(),
            claim="email",
        ),
        choosing=Choosing(current, FallbackPolicy(default=GroupName("adhoc"), strict=False), AtRandom(lambda _: 0)),
        own_endpoints=Upstream(
            "own", destination=Destination(host=b"own", own=True), ticker=ticker, limits=UpstreamLimits()
        ),
        patience=Patience(),
        instance="here",
        access_log=None,
    )


@pytest.mark.parametrize(
    ("method", "target", "done"),
    [
        ("POST", "/v1/statement", SUBMITTED),
        ("GET", f"/v1/statement/executing/{KNOWN}/slug/1", OWNER),
        ("HEAD", f"/v1/statement/queued/{KNOWN}/slug/1", OWNER),
        ("DELETE", f"/v1/statement/queued/{KNOWN}/slug/1", OWNER),
        ("GET", f"/v1/statement/queued/{UNKNOWN}/slug/1", SEARCHED),
        ("DELETE", f"/v1/query/{UNKNOWN}", SEARCHED),
        ("GET", "/v1/spooled/download/abc", SEARCHED),
        ("GET", f"/ui/query.html?{KNOWN}", ANY),
        ("GET", f"/ui/query.html?{UNKNOWN}", ANY),
        ("GET", "/v1/info", ANY),
        ("GET", "/gateway/backend/all", OWN),
        ("GET", "/trino-gateway/readyz", OWN),
        ("GET", "/nothing", OWN),
        ("GET", f"/v1/statement/executing/{KNOWN}/../1", 400),
        ("GET", "//v1/info", 400),
        ("OPTIONS", "*", 400),
    ],
)
async def test_every_request_goes_its_way(method: str, target: str, done: object) -> None:
    exchange = FakeExchange(method, target)
    entry().requested(exchange.as_exchange())
    if done == ANY and exchange.decisions:
        await exchange.decided()
    for decision in exchange.decisions:
        decision.close()
    assert exchange.done == [done]


async def test_without_a_cluster_other_requests_are_refused_and_own_endpoints_are_not() -> None:
    here = entry(is_empty=True)
    other, own = FakeExchange("GET", "/v1/info"), FakeExchange("GET", "/gateway")
    here.requested(other.as_exchange())
    here.requested(own.as_exchange())
    await other.decided()
    assert (other.done, own.done) == ([503], [OWN])


async def test_refusals_name_the_instance() -> None:
    assert entry().refusal(503, "why", None) == (b"text/plain; charset=utf-8", b"why (gateway instance here)\n")
