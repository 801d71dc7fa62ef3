from dataclasses import replace

from warren.clusters.roster import UNKNOWN, Roster
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Health, HealthStatus

HEALTHY = Health(HealthStatus.HEALTHY)
ADHOC, ETL = GroupName("adhoc"), GroupName("etl")


def cluster(name: str, *, url: str = "", group: GroupName = ADHOC) -> Cluster:
    return Cluster(
        name=ClusterName(name), proxy_to=ClusterUrl(url or f"http://{name}"), external_url="", group=group, active=True
    )


BLUE, GREEN = cluster("blue"), cluster("green", group=ETL)
ROSTER = Roster((BLUE, GREEN), {BLUE.name: HEALTHY}, loaded=True)


def test_a_roster_is_empty_and_not_loaded_until_it_is_told_its_clusters() -> None:
    assert not Roster().loaded
    assert Roster().with_clusters([]).loaded


def test_clusters_are_found_by_name_by_url_and_by_group() -> None:
    assert ROSTER.named("green") == GREEN
    assert ROSTER.named("red") is None
    assert ROSTER.by_url[BLUE.proxy_to] == BLUE
    assert ROSTER.members(ETL) == ((GREEN, UNKNOWN),)


def test_members_come_in_the_order_of_the_table_each_with_its_health() -> None:
    another = cluster("another")
    roster = ROSTER.with_clusters([BLUE, another, GREEN])
    assert roster.members(ADHOC) == ((BLUE, HEALTHY), (another, UNKNOWN))
    assert roster.members(GroupName("nobody's")) == ()


def test_of_two_rows_with_one_url_the_first_stands_for_it() -> None:
    twin = cluster("twin", url=BLUE.proxy_to)
    assert Roster((BLUE, twin)).by_url == {BLUE.proxy_to: BLUE}


def test_health_stays_with_a_cluster_that_stays_at_its_url() -> None:
    drained = replace(BLUE, active=False, group=ETL)
    assert ROSTER.with_clusters([drained]).health_of(BLUE.name) == HEALTHY


def test_health_does_not_follow_a_cluster_to_another_url_nor_outlive_it() -> None:
    moved = replace(BLUE, proxy_to=ClusterUrl("http://elsewhere"))
    assert ROSTER.with_clusters([moved]).health_of(BLUE.name) == UNKNOWN
    assert ROSTER.with_clusters([GREEN]).with_clusters([BLUE, GREEN]).health_of(BLUE.name) == UNKNOWN


def test_a_change_of_health_changes_nothing_else_and_no_roster_in_use() -> None:
    down = Health(HealthStatus.UNHEALTHY, "connection refused")
    changed = ROSTER.with_health(GREEN.name, down)

    assert changed.health_of(GREEN.name) == down
    assert changed.health_of(BLUE.name) == HEALTHY
    assert changed.clusters is ROSTER.clusters
    assert changed.loaded
    assert ROSTER.health_of(GREEN.name) == UNKNOWN
