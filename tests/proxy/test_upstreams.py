import ssl
from collections.abc import Callable

import pytest

from warren.clusters.roster import Roster
from warren.errors import ClusterUnreachable, GatewayError
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName
from warren.proxy.upstreams import Upstreams
from warren.wire.ticker import Ticker
from warren.wire.upstream import UpstreamLimits

BLUE = ClusterUrl("http://blue:8080")


def made(on_trouble: Callable[[ClusterUrl, GatewayError], None] = lambda _url, _error: None) -> Upstreams:
    return Upstreams(ticker=Ticker(), limits=UpstreamLimits(), tls=ssl.create_default_context(), on_trouble=on_trouble)


def roster_of(*urls: ClusterUrl) -> Roster:
    return Roster().with_clusters(
        tuple(
            Cluster(name=ClusterName(url), proxy_to=url, external_url=url, group=GroupName("adhoc"), active=True)
            for url in urls
        )
    )


async def test_a_cluster_has_one_upstream_for_as_long_as_it_is_there() -> None:
    upstreams = made()
    first = upstreams.of(BLUE)
    upstreams.follow(roster_of(BLUE))
    assert upstreams.of(BLUE) is first

    upstreams.follow(roster_of())
    assert first.closed
    assert upstreams.of(BLUE) is not first


async def test_at_the_end_all_are_closed() -> None:
    upstreams = made()
    both = [upstreams.of(BLUE), upstreams.of(ClusterUrl("http://green:8080"))]
    upstreams.close()
    assert all(each.closed for each in both)


@pytest.mark.parametrize(
    ("url", "host", "prefix"),
    [
        ("http://blue:8080", b"blue:8080", b""),
        ("https://blue", b"blue", b""),
        ("http://[::1]:8080/below/here", b"[::1]:8080", b"/below/here"),
    ],
)
async def test_what_clusters_are_called_follows_from_their_url(url: str, host: bytes, prefix: bytes) -> None:
    upstream = made().of(ClusterUrl(url))
    assert (upstream.destination.host, upstream.destination.own, upstream.prefix) == (host, False, prefix)
    assert upstream.name == f"cluster {url}"


async def test_trouble_is_told_with_the_url_of_the_cluster() -> None:
    told: list[tuple[ClusterUrl, str]] = []
    upstreams = made(lambda url, error: told.append((url, str(error))))
    nobody = ClusterUrl("http://127.0.0.1:1")
    with pytest.raises(ClusterUnreachable):
        await upstreams.of(nobody).connect()
    assert told == [(nobody, "cluster http://127.0.0.1:1 could not be reached: Connection refused")]
