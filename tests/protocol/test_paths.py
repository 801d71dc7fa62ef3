import time
from collections.abc import Iterable

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from warren.model import QueryId
from warren.protocol.asked import Asked, Follow, FollowKind, Other, Own, Spooled, SpooledAction, Submit
from warren.protocol.paths import FAST_FOLLOW, METHODS, Paths
from warren.protocol.targets import check_target

Q = QueryId("20200416_160256_03078_6b4yt")
A = QueryId("20200416_160256_00001_aaaaa")
B = QueryId("20200416_160256_00002_bbbbb")

STATEMENT = Follow(Q, True, FollowKind.STATEMENT)
QUERY = Follow(Q, True, FollowKind.QUERY)
MENTIONED = Follow(Q, False, FollowKind.MENTIONED)

STOCK = Paths(["/v1/statement"])


def paths(statements: Iterable[str] = ("/v1/statement",), extra: Iterable[str] = ()) -> Paths:
    return Paths(tuple(statements), [re2.compile(pattern) for pattern in extra])


CONFORMANCE = paths(["/v1/statement", "/v2/statement"], ["/api/v1/custom/.*", "/health/.*", "/metrics"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/statement",
        "/v1/query",
        "/v1/query/q1/status",
        "/ui",
        "/ui/",
        "/ui/query.html",
        "/ui/assets/app.js",
        "/ui/api/stats",
        "/v1/info",
        "/v1/info/status",
        "/v1/node",
        "/v1/node/n1/status",
        "/oauth2",
        "/oauth2/callback",
        "/oauth2/token",
        "/v1/spooled/ack/abc=",
        "/v1/spooled/download/abc=",
        "/v2/statement/batch",
        "/api/v1/custom/",
        "/api/v1/custom/users/123",
        "/health/",
        "/health/live",
        "/metrics",
    ],
)
def test_paths_of_a_cluster_are_proxied(path: str) -> None:
    assert CONFORMANCE.classify("GET", path) != Own()


@pytest.mark.parametrize(
    "path",
    [
        "/v3/statement",
        "/api/v2/custom/users",
        "/status",
        "/metrics/extra",
        "",
        "/",
        "/V1/query",
        "/API/v1/custom/test",
        "/v1/quer",
        "/api/v1/custo",
        "/gateway/backend/all",
        "/trino-gateway",
        "/login",
        # Prefixes match at a segment's end. The Java gateway proxies these four; on purpose not here.
        "/v1/infoX",
        "/v1/statements",
        "/uix",
        "/oauth2x/token",
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_all_other_paths_are_the_gateways_own(method: str, path: str) -> None:
    assert CONFORMANCE.classify(method, path) == Own()


def test_without_statement_paths_nothing_is_submitted() -> None:
    assert paths([]).classify("POST", "/v1/statement") == Own()


@pytest.mark.parametrize(("path", "asked"), [("/api/v1/x", Other()), ("/api/v0/x", Own()), ("/api/v10/x", Own())])
def test_whitelist_patterns_match_whole_paths(path: str, asked: Asked) -> None:
    assert paths(extra=["/api/v[1-9]/.*"]).classify("GET", path) == asked


def test_whitelist_patterns_see_the_decoded_path_in_which_an_encoded_slash_stays() -> None:
    chosen = paths(extra=["/health/[^/]*", "/été"])
    assert chosen.classify("GET", "/he%61lth/a%2Fb") == Other()
    assert chosen.classify("GET", "/health/a/b") == Own()
    assert chosen.classify("GET", "/%C3%A9t%C3%A9") == Other()


def test_the_root_is_proxied_when_it_is_listed() -> None:
    assert paths(extra=["/"]).classify("GET", "/") == Other()


@pytest.mark.parametrize("path", ["/v1/statement", "/v1/statement/", "/v1/statement?x=1", "/v1/%73tatement"])
def test_a_post_on_a_statement_path_submits(path: str) -> None:
    assert STOCK.classify("POST", path) == Submit()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_a_post_submits(method: str) -> None:
    assert STOCK.classify(method, "/v1/statement") == Other()


def test_additional_statement_paths_take_statements_and_follow_them() -> None:
    chosen = paths(["/v1/statement", "/ui/api/insights/ide/statement", "/v2/statement"])
    assert chosen.classify("POST", "/v2/statement") == Submit()
    assert chosen.classify("POST", "/ui/api/insights/ide/statement") == Submit()
    assert chosen.classify("GET", f"/ui/api/insights/ide/statement/executing/{Q}/ya7e/1") == STATEMENT
    assert chosen.classify("DELETE", f"/v2/statement/queued/{Q}/ya7e/1") == STATEMENT


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        (f"/v1/statement/queued/{Q}/ye6c/1", STATEMENT),
        (f"/v1/statement/scheduled/{Q}/ye6c/1", STATEMENT),
        (f"/v1/statement/executing/{Q}/ya7e/1368", STATEMENT),
        (f"/v1/statement/executing/partialCancel/{Q}/0/yce0/1", STATEMENT),
        (f"/custom/api/statement/executing/{Q}/ya7e/1368", STATEMENT),
        (f"/ui/api/query/{Q}", MENTIONED),
        (f"/ui/api/query/{Q}/killed", MENTIONED),
        (f"/ui/api/query/{Q}/preempted", MENTIONED),
        (f"/v1/query/{Q}?pretty", QUERY),
        (f"/ui/troubleshooting?queryId={Q}", MENTIONED),
        (f"/ui/query.html?{Q}", MENTIONED),
        (f"/login?redirect=%2Fui%2Fapi%2Fquery%2F{Q}", MENTIONED),
        ("/ui/api/query/myOtherThing", Other()),
        ("/ui/api/query/20200416_blah?bogus_fictional_param", Other()),
        ("/ui/?lang=en&p=1&id=0_1_2_a", Other()),
        ("/v1/statement", Other()),
        ("/v1/statement/", Other()),
        ("/v1/query", Other()),
        ("/v1/query/", Other()),
        (f"/v1/statement/{Q}", STATEMENT),
        (f"/ui/query.html?{Q}&x=1", MENTIONED),
        (f"/ui/query.html?{Q}-foo", MENTIONED),
        (f"/ui/query.html?a=1&{Q}", Other()),
        (f"/ui/?query_id={Q}", MENTIONED),
        (f"/ui/?QueryID={Q}", MENTIONED),
        (f"/ui/?QUERY_ID={Q}", MENTIONED),
        (f"/ui/?myquery_id={Q}", MENTIONED),
        (f"/v1/info/{Q}", Other()),
        (f"/v1/spooled/download/{Q}", Spooled(Q, SpooledAction.DOWNLOAD)),
        (f"/ui/{A}/x/{Q}", MENTIONED),
        (f"/ui/?query_id={A}&queryId={Q}", MENTIONED),
        # Bugs of the Java gateway, answered sanely.
        ("/v1/statement/queued", Other()),
        ("/v1/statement/executing/partialCancel", Other()),
        ("/v1/statement/executing/not-an-id/x/1", Other()),
        (f"/v1/statement/executing/{A}/x/1?query_id={B}", Follow(A, True, FollowKind.STATEMENT)),
        (f"/ui/api/query/{A}?query_id={B}", Follow(A, False, FollowKind.MENTIONED)),
        (f"/oauth2/callback?state=x%2f{Q}", MENTIONED),
        # Text around the id, or too much of it, does not make another id.
        (f"/ui/?query_id={'1' * 20}_{'2' * 20}_{'3' * 20}_abc", Other()),
        (f"/ui/?query_id={Q}{'z' * 100}", Other()),
        (f"/v1/statement/executing/{Q}{'z' * 100}/x/1", Other()),
    ],
)
def test_the_query_a_get_is_about(target: str, asked: Asked) -> None:
    chosen = paths(["/v1/statement", "/custom/api/statement"], extra=["/login"])
    assert chosen.classify("GET", target) == asked


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/statement/executing;a=b/{Q};c/ya7e/1",
        f"/v1/statement/%65xecuting/{Q.replace('_', '%5f')}/ya7e/1",
        f"/v1//statement/executing/{Q}/ya7e/1",
        f"/v1/statement//executing//{Q}/ya7e/1",
    ],
)
def test_an_odd_spelling_of_a_follow_up_never_goes_to_an_arbitrary_cluster(target: str) -> None:
    assert STOCK.classify("GET", target) in {STATEMENT, Own()}


@pytest.mark.parametrize(
    ("method", "target", "asked"),
    [
        ("HEAD", f"/v1/statement/executing/{Q}/x/1", STATEMENT),
        ("DELETE", f"/v1/statement/executing/{Q}/x/1", STATEMENT),
        ("PUT", f"/v1/statement/executing/{Q}/x/1", Follow(Q, False, FollowKind.STATEMENT)),
        ("POST", f"/v1/statement/executing/{Q}/x/1", Follow(Q, False, FollowKind.STATEMENT)),
        ("HEAD", f"/v1/query/{Q}", QUERY),
        ("DELETE", f"/v1/query/{Q}", QUERY),
        ("PUT", f"/v1/query/{Q}/killed", QUERY),
        ("PUT", f"/v1/query/{Q}/preempted", QUERY),
        ("PUT", f"/v1/query/{Q}", Follow(Q, False, FollowKind.QUERY)),
        ("POST", f"/v1/query/{Q}/killed", Follow(Q, False, FollowKind.QUERY)),
        ("PUT", f"/ui/api/query/{Q}/killed", MENTIONED),
        ("POST", f"/ui/api/query/{Q}", Other()),
        ("POST", f"/ui/login?query_id={Q}", Other()),
        ("POST", "/ui/login", Other()),
    ],
)
def test_the_method_decides_whether_the_clusters_may_be_asked(method: str, target: str, asked: Asked) -> None:
    assert STOCK.classify(method, target) == asked


@pytest.mark.parametrize(
    ("method", "target", "asked"),
    [
        ("GET", "/v1/spooled/download/abc=", Spooled("abc=", SpooledAction.DOWNLOAD)),
        ("HEAD", "/v1/spooled/download/a%2Fb", Spooled("a%2Fb", SpooledAction.DOWNLOAD)),
        ("GET", "/v1/spooled/ack/abc=?x=1", Spooled("abc=", SpooledAction.ACK)),
        ("DELETE", "/v1/spooled/ack/abc=", Spooled("abc=", SpooledAction.ACK)),
        ("POST", "/v1/spooled/ack/abc=", Other()),
        ("GET", "/v1/spooled/segments/abc=", Other()),
        ("GET", "/v1/spooled/download/", Other()),
        ("GET", "/v1/spooled/download/a/b", Other()),
        ("GET", "/v1/spooled", Other()),
    ],
)
def test_spooled_segments_are_named_by_their_identifier(method: str, target: str, asked: Asked) -> None:
    assert STOCK.classify(method, target) == asked


@given(st.from_regex(FAST_FOLLOW, fullmatch=True), st.sampled_from(["GET", "HEAD", "DELETE"]))
def test_what_the_short_cut_matches_is_a_follow_of_the_same_id(target: bytes, method: str) -> None:
    found = FAST_FOLLOW.fullmatch(target)
    assert found is not None
    text = target.decode("ascii")
    assert check_target(text) is None
    expected = Follow(QueryId(found[1].decode("ascii")), True, FollowKind.STATEMENT)
    assert STOCK.classify(method, text) == expected
    assert paths(["/v1/statement", "/v2/statement"], ["/.*"]).classify(method, text) == expected


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/statement/queued/{Q}/ye6c/1",
        f"/v1/statement/executing/{Q}/ye6c54db413e27f9ec4ea4b5d9e2f5e6dba2d4f0a/1368?targetResultSize=16MB&maxWait=1.00s",
    ],
)
def test_the_short_cut_takes_everyday_polls(target: str) -> None:
    found = FAST_FOLLOW.fullmatch(target.encode())
    assert found is not None
    assert found[1] == Q.encode()


@pytest.mark.parametrize(
    "target",
    [
        f"/v1/statement/executing/{Q}/x/1\n",
        f"/v1/statement/executing/{Q}/x/1?a=%2e",
        f"/v1/statement/executing/{Q}/x/../1",
        f"/v1/statement/executing/{Q}/x",
        f"/v1/statement/executing/partialCancel/{Q}/0/x/1",
        "/v1/statement/executing/0_1_2_a/x/1",
        f"/v2/statement/executing/{Q}/x/1",
    ],
)
def test_the_short_cut_leaves_anything_unusual_to_the_rules(target: str) -> None:
    assert FAST_FOLLOW.fullmatch(target.encode()) is None


@given(st.sampled_from(METHODS), st.text(max_size=200))
def test_classifying_never_fails(method: str, text: str) -> None:
    STOCK.classify(method, text)
    STOCK.classify(method, f"/v1/statement/{text}")
    STOCK.classify(method, f"/ui/?query_id={text}")


@pytest.mark.parametrize(
    "evil", ["query_id=1_1_1_" * 1000, "1" * 15000, "1_" * 7500, "%2F1_1_1_a" * 1600, "query" * 3000]
)
def test_long_query_strings_take_linear_time(evil: str) -> None:
    started = time.process_time()
    assert STOCK.classify("GET", f"/ui/?{evil}!") != Submit()
    # A few milliseconds; a quadratic search of this length takes seconds.
    assert time.process_time() - started < 0.5
