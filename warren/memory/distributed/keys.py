"""How placements are written in Valkey: three plain strings for each query, as a Java gateway writes them, too."""

from collections.abc import Sequence
from dataclasses import dataclass

from warren.drivers.valkey.pool import Command
from warren.model import ClusterUrl, CoordinatorId, Placement

LONGEST_VALUE = 512
"""Bytes of a value that are read: a URL or a group has at most 256 characters. The server cuts off the rest."""

COORDINATOR_SECONDS = b"2592000"
"""Thirty days: how long it is known which cluster hands out which ids. A coordinator draws new ones when it starts."""


@dataclass(frozen=True, slots=True)
class Keys:
    """`trino:query:backend:<id>`, `…:routinggroup:<id>`, `…:externalurl:<id>`, and ours, `…:coordinator:<last five>`.

    In a Valkey Cluster the id stands in braces, so that the three are on one node.
    """

    prefix: str
    ttl_seconds: int
    """0: they never expire."""
    in_cluster: bool

    def backend(self, query_id: str) -> bytes:
        return self._of("backend", query_id)

    def find(self, query_id: str) -> Sequence[Command]:
        """What reads backend and group: the external URL is the cluster's own, whatever somebody has written.

        GETRANGE, so that a hostile value of many megabytes does not arrive here.
        """
        return [_beginning_of(self._of(kind, query_id)) for kind in ("backend", "routinggroup")]

    def keep(self, placement: Placement) -> Sequence[Command]:
        """What writes the three, each whole."""
        query_id = placement.query_id
        return [
            self._set("backend", query_id, placement.cluster),
            self._set("routinggroup", query_id, placement.group),
            self._set("externalurl", query_id, placement.external_url),
        ]

    def renew(self, query_id: str) -> Sequence[Command]:
        """What lets the three live on. The reply to the first is 0 when there is nothing any more."""
        ttl = b"%d" % self.ttl_seconds
        return [(b"EXPIRE", self._of(kind, query_id), ttl) for kind in ("backend", "routinggroup", "externalurl")]

    def coordinator(self, coordinator_id: str) -> bytes:
        return f"{self.prefix}:coordinator:{coordinator_id}".encode()

    def find_coordinator(self, coordinator_id: str) -> Command:
        return _beginning_of(self.coordinator(coordinator_id))

    def learn(self, coordinator_id: CoordinatorId, cluster: ClusterUrl) -> Command:
        return (b"SET", self.coordinator(coordinator_id), cluster.encode(), b"EX", COORDINATOR_SECONDS)

    def _of(self, kind: str, query_id: str) -> bytes:
        name = f"{{{query_id}}}" if self.in_cluster else query_id
        return f"{self.prefix}:{kind}:{name}".encode()

    def _set(self, kind: str, query_id: str, value: str) -> Command:
        command = (b"SET", self._of(kind, query_id), value.encode())
        return (*command, b"EX", b"%d" % self.ttl_seconds) if self.ttl_seconds else command


def _beginning_of(key: bytes) -> Command:
    return (b"GETRANGE", key, b"0", b"%d" % LONGEST_VALUE)


def text_of(value: object) -> str | None:
    """A value as text; None when there is none, or nothing that was written by a gateway."""
    if not isinstance(value, bytes) or not value or len(value) > LONGEST_VALUE:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None
