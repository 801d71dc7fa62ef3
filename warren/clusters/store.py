"""The rows of `gateway_backend`, shared with other instances and with Java gateways."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from warren.clusters.urls import check_external_url, check_label, check_proxy_to
from warren.drivers.sql import Database
from warren.errors import RegistryConflict
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName

SELECT = "SELECT name, routing_group, backend_url, external_url, active FROM gateway_backend"
INSERT = (
    "INSERT INTO gateway_backend (name, routing_group, backend_url, external_url, active)"
    " VALUES (:name, :routing_group, :backend_url, :external_url, :active)"
)
UPDATE = (
    "UPDATE gateway_backend SET routing_group = :routing_group, backend_url = :backend_url,"
    " external_url = :external_url, active = :active WHERE name = :name"
)
SET_ACTIVE = "UPDATE gateway_backend SET active = :active WHERE name = :name"
DELETE = "DELETE FROM gateway_backend WHERE name = :name"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a table or a file of clusters holds."""

    clusters: tuple[Cluster, ...] = ()
    """Sorted by name: databases keep no order of their own."""
    bad: tuple[str, ...] = ()
    """A sentence about each row that cannot be used, or not in full; the same row gives the same sentence."""


class ClusterStore:
    """Reads and changes the table. Every method may raise StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self) -> Rows:
        return rows_of(await self._database.fetch(SELECT))

    async def add(self, cluster: Cluster) -> Cluster:
        """Store a new cluster and answer what was stored.

        Raises RegistryConflict when the name is taken, ValueError for a field that cannot be stored.
        """
        checked = check(cluster)
        if not await self._database.insert(INSERT, **columns_of(checked)):
            raise RegistryConflict(f"there is a cluster named {cluster.name} already")
        return checked

    async def save(self, cluster: Cluster) -> Cluster:
        """Store a cluster, new or not, and answer what was stored; ValueError as with `add`."""
        checked = check(cluster)
        columns = columns_of(checked)
        # Again after a failed INSERT: somebody else has stored the name in between.
        if not (
            await self._database.execute(UPDATE, **columns)
            or await self._database.insert(INSERT, **columns)
            or await self._database.execute(UPDATE, **columns)
        ):
            raise RegistryConflict(f"cluster {cluster.name} is being added and deleted at once; try again")
        return checked

    async def set_active(self, name: ClusterName, active: bool) -> Cluster:
        """Activate or deactivate, and answer the cluster as it is now; RegistryConflict when there is none."""
        await self._database.execute(SET_ACTIVE, name=name, active=active)
        found = rows_of(await self._database.fetch(f"{SELECT} WHERE name = :name", name=name))
        if found.clusters:
            return found.clusters[0]
        raise RegistryConflict(found.bad[0] if found.bad else f"there is no cluster named {name}")

    async def delete(self, name: ClusterName) -> bool:
        """Whether there was such a cluster."""
        return await self._database.execute(DELETE, name=name) > 0


def check(cluster: Cluster) -> Cluster:
    """The cluster in the form that is stored; ValueError with a sentence when it cannot be."""
    return replace(
        cluster,
        name=ClusterName(check_label(cluster.name, "name")),
        group=GroupName(check_label(cluster.group, "routingGroup")),
        proxy_to=check_proxy_to(cluster.proxy_to),
        external_url=check_external_url(cluster.external_url),
    )


def rows_of(found: Iterable[Mapping[str, object]]) -> Rows:
    """The clusters among rows that anybody may have written. Never raises."""
    clusters: dict[ClusterName, Cluster] = {}
    bad: list[str] = []
    for row in found:
        try:
            cluster = _cluster_of(row, bad)
        except ValueError as error:
            bad.append(f"cluster {_shown(row.get('name'))} is left out: {error}")
        else:
            clusters.setdefault(cluster.name, cluster)
    return Rows(tuple(clusters[name] for name in sorted(clusters)), tuple(sorted(bad)))


def _cluster_of(row: Mapping[str, object], bad: list[str]) -> Cluster:
    proxy_to = check_proxy_to(_text(row, "backend_url", "proxyTo"))
    return Cluster(
        name=ClusterName(check_label(_text(row, "name", "name"), "name")),
        group=GroupName(check_label(_text(row, "routing_group", "routingGroup"), "routingGroup")),
        proxy_to=proxy_to,
        external_url=_external_url(row, proxy_to, bad),
        active=_is_set(row.get("active")),
    )


def _external_url(row: Mapping[str, object], proxy_to: ClusterUrl, bad: list[str]) -> str:
    """People can do without this URL, queries cannot do without the cluster: when it is bad, it is replaced."""
    try:
        return check_external_url(_text(row, "external_url", "externalUrl"))
    except ValueError as error:
        bad.append(f"cluster {_shown(row.get('name'))} is shown with its proxyTo: {error}")
        return proxy_to


def _text(row: Mapping[str, object], column: str, key: str) -> str:
    value = row.get(column)
    if not isinstance(value, str):
        raise ValueError(f"{key} is null" if value is None else f"{key} is not text")
    return value


def _is_set(flag: object) -> bool:
    """Null is inactive, as it is to a Java gateway; some databases answer numbers."""
    return isinstance(flag, int) and flag != 0


def _shown(name: object) -> str:
    return ascii(name)[:300] if isinstance(name, str) else "without a name"


def columns_of(cluster: Cluster) -> dict[str, object]:
    """The row of a cluster; `rows_of` reads it back."""
    return {
        "name": cluster.name,
        "routing_group": cluster.group,
        "backend_url": cluster.proxy_to,
        "external_url": cluster.external_url,
        "active": cluster.active,
    }
