import pytest

from warren.protocol.targets import LONGEST_TARGET, check_target


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1/statement",
        "/v1/statement/executing/20200416_160256_03078_6b4yt/ya7e/1368?targetResultSize=1MB",
        "/v1/spooled/download/a%2Fb%2fc==",
        "/ui/assets/app.js",
        "/ui/%C3%A9t%C3%A9",
        "/ui/...",
        "/ui/.hidden/a.b",
        "/ui/a;b=..",
        "/ui/%252e%252e/x",
        "/a//b",
        "/v1/query?state=RUNNING&bad=%zz&up=../..&back=\\&nul=%00&hash=#",
        "/" + "a" * (LONGEST_TARGET - 1),
    ],
)
def test_an_ordinary_target_passes(target: str) -> None:
    assert check_target(target) is None


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("", "origin-form"),
        ("*", "origin-form"),
        ("v1/statement", "origin-form"),
        ("http://trino/v1/statement", "origin-form"),
        ("trino:443", "origin-form"),
        ("/" + "a" * LONGEST_TARGET, "16385 bytes"),
        ("/ui/é", "ASCII"),
        ("/ui?é", "ASCII"),
        ("/ui x", "control"),
        ("/ui?a b", "control"),
        ("/ui\x00", "control"),
        ("/ui?\x7f", "control"),
        ("/ui?\t", "control"),
        ("//evil.example/ui", "host name"),
        ("/ui#x", "%23"),
        ("/ui/%", "%25"),
        ("/ui/%4", "%25"),
        ("/ui/%zz", "%25"),
        ("/ui/%u002e", "%25"),
        ("/ui/%ff", "UTF-8"),
        ("/%c0%ae%c0%ae/gateway", "UTF-8"),
        ("/ui/%00", "encoded control"),
        ("/ui/%0d%0aX", "encoded control"),
        ("/ui/%7F", "encoded control"),
        ("/ui\\gateway", "backslash"),
        ("/ui%5Cgateway", "backslash"),
        ("/ui%5cgateway", "backslash"),
        ("/ui/../gateway", "segment"),
        ("/ui/./x", "segment"),
        ("/..", "segment"),
        ("/.", "segment"),
        ("/ui/..", "segment"),
        ("/ui/%2e%2E/gateway", "segment"),
        ("/ui/.%2e/gateway", "segment"),
        ("/ui/..;/gateway", "segment"),
        ("/ui/..;a=b/gateway", "segment"),
        ("/ui/%2e.;/gateway", "segment"),
        ("/ui/..%3Bx/gateway", "segment"),
        ("/ui/..%2Fgateway", "segment"),
        ("/ui/a%2F..%2Fb", "segment"),
    ],
)
def test_a_target_that_servers_could_read_differently_is_refused(target: str, says: str) -> None:
    assert says in (check_target(target) or "")
