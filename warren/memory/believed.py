"""What a store says of a query's place, held against the roster: it must never lead a client's credentials astray."""

from urllib.parse import SplitResult, urlsplit

from warren.clusters.roster import Roster
from warren.clusters.urls import LONGEST, check_label
from warren.model import Cluster, ClusterUrl, GroupName, Placement, QueryId


def believed(roster: Roster, query_id: str, *, backend: str, group: str | None) -> Placement | None:
    """The placement, or None when no cluster of the roster can be meant.

    The group may be missing or unusable, since a Java gateway fills it lazily: then it is the cluster's. The external URL
    is the cluster's own in any case: it becomes a link for people, and who can write to a store must not choose it.
    """
    cluster = cluster_at(roster, backend)
    if cluster is None:
        return None
    return Placement(QueryId(query_id), cluster.proxy_to, _group(group) or cluster.group, cluster.external_url)


def cluster_at(roster: Roster, url: str) -> Cluster | None:
    """The cluster whose `proxyTo` this is; else the only one with its scheme and authority.

    A Java gateway stores no path. An authority that several clusters share decides nothing.
    """
    url = url.removesuffix("/")
    exact = roster.by_url.get(ClusterUrl(url))
    if exact is not None or len(url) > LONGEST:
        return exact
    parts = _split(url)
    if parts is None or parts.path or parts.query or parts.fragment:
        return None
    meant = [cluster for at, cluster in roster.by_url.items() if _is_at(urlsplit(at), parts)]
    return meant[0] if len(meant) == 1 else None


def _is_at(place: SplitResult, parts: SplitResult) -> bool:
    return (place.scheme, place.netloc.lower()) == (parts.scheme, parts.netloc.lower())


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _group(value: str | None) -> GroupName | None:
    try:
        return GroupName(check_label(value or "", "routingGroup"))
    except ValueError:
        return None
