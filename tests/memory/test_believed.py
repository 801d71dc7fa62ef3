import pytest

from warren.clusters.roster import Roster
from warren.memory.believed import believed
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, Placement, QueryId

ID = QueryId("20260416_160256_03078_6b4yt")


def cluster(name: str, url: str) -> Cluster:
    return Cluster(
        name=ClusterName(name),
        proxy_to=ClusterUrl(url),
        external_url=f"https://{name}.example",
        group=GroupName(f"group of {name}"),
        active=True,
    )


ROSTER = Roster().with_clusters(
    (
        cluster("blue", "http://blue:8080"),
        cluster("path", "http://behind:8080/trino"),
        cluster("one", "http://shared:8080/one"),
        cluster("two", "http://shared:8080/two"),
    )
)


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("http://blue:8080", "blue"),
        ("http://blue:8080/", "blue"),
        ("http://BLUE:8080", "blue"),
        ("http://behind:8080/trino", "path"),
        ("http://behind:8080", "path"),  # as a Java gateway stores it
        ("http://shared:8080/two", "two"),
        ("http://shared:8080", None),  # it could be either
        ("http://behind:8080/other", None),
        ("http://behind:8080?x", None),
        ("http://behind:8080#x", None),
        ("https://blue:8080", None),
        ("http://blue:8081", None),
        ("http://blue", None),
        ("http://user@blue:8080", None),
        ("http://evil.example:8080", None),
        ("not a url", None),
        ("http://[::1", None),
        ("", None),
        ("http://blue:8080" + "x" * 10_000, None),
    ],
)
def test_a_stored_url_is_one_cluster_of_the_roster_or_none(stored: str, name: str | None) -> None:
    found = believed(ROSTER, ID, backend=stored, group=None)
    assert (found.external_url if found else None) == (f"https://{name}.example" if name else None)


@pytest.mark.parametrize(
    ("group", "as_stored"), [("etl", True), (None, False), ("", False), ("a\nb", False), ("x" * 300, False)]
)
def test_a_group_is_the_stored_one_when_it_can_be_used(group: str | None, as_stored: bool) -> None:
    found = believed(ROSTER, ID, backend="http://blue:8080", group=group)
    usual = GroupName("etl" if as_stored else "group of blue")
    assert found == Placement(ID, ClusterUrl("http://blue:8080"), usual, "https://blue.example")
