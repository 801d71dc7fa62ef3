import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser

from tests.admin.own import Own, cluster, roster_of
from warren.admin.page import MOST_ROWS, render
from warren.admin.readiness import Readiness
from warren.clusters.roster import Roster
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Health, HealthStatus

READY = Readiness(True, "ok")


class Seen(HTMLParser):
    """Which tags a browser would see, their links, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_clusters_are_shown_with_their_health_and_its_reason() -> None:
    roster = Roster((cluster("blue"), cluster("green", active=False, group="etl")), loaded=True)
    roster = roster.with_health(
        ClusterName("blue"), Health(HealthStatus.UNHEALTHY, "connection refused", 1_700_000_000.0)
    )
    text = Seen(render("gw-1", roster, READY)).text
    for shown in (
        "blue",
        "green",
        "etl",
        "UNHEALTHY since 2023-11-14 22:13:20 UTC",
        "connection refused",
        "UNKNOWN",
        "gw-1",
    ):
        assert shown in text


def test_without_a_cluster_the_first_step_is_shown() -> None:
    assert "modify/add" in Seen(render("gw-1", Roster(), READY)).text


def test_what_an_instance_lacks_is_shown() -> None:
    assert "the database is down" in Seen(render("gw-1", Roster(), Readiness(True, "the database is down"))).text


def test_nothing_from_outside_becomes_markup() -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    hostile = Cluster(
        name=ClusterName(evil),
        proxy_to=ClusterUrl(evil),
        external_url=f"http://x/{evil}",
        group=GroupName(evil),
        active=True,
    )
    harmless = Roster((cluster("a"),)).with_health(ClusterName("a"), Health(HealthStatus.UNHEALTHY, "down"))
    roster = Roster((hostile,)).with_health(hostile.name, Health(HealthStatus.UNHEALTHY, evil))
    seen = Seen(render(evil, roster, Readiness(False, evil)))
    assert seen.tags == Seen(render("gw-1", harmless, READY)).tags
    assert seen.text.count(evil) == 7


def test_only_web_addresses_become_links() -> None:
    hostile = replace(cluster("a"), external_url="javascript:alert(1)")
    assert not [link for link in Seen(render("gw-1", Roster((hostile,)), READY)).links if "alert" in link]
    assert "http://a:8080" in Seen(render("gw-1", Roster((cluster("a"),)), READY)).links


def test_a_long_list_is_cut_and_says_so() -> None:
    roster = Roster(tuple(cluster(f"c{number}") for number in range(MOST_ROWS + 3)))
    seen = Seen(render("gw-1", roster, READY))
    assert seen.tags.count("tr") == MOST_ROWS + 1
    assert "and 3 more" in seen.text


async def test_a_browser_may_load_nothing_but_the_pages_own_style() -> None:
    answer = await Own(roster_of(cluster("a"))).ask("GET", "/trino-gateway")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    style = re.search("<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    allowed = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]
    assert f"default-src 'none'; style-src 'sha256-{allowed}'" in policy
    assert "script" not in policy + answer.text
    assert "frame-ancestors 'none'" in policy
