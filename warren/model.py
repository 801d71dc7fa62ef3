"""The nouns that every room shares. Frozen values; nothing here does anything."""

from dataclasses import dataclass
from enum import Enum
from typing import NewType

QueryId = NewType("QueryId", str)
"""Trino's id of a query, such as `20260416_160256_03078_6b4yt`."""

CoordinatorId = NewType("CoordinatorId", str)
"""The last five characters of a query id: drawn once when a coordinator starts."""

ClusterName = NewType("ClusterName", str)
"""The key of a row of `gateway_backend`."""

ClusterUrl = NewType("ClusterUrl", str)
"""Where we send: `proxyTo`, without a trailing slash."""

GroupName = NewType("GroupName", str)
"""A name that several clusters share; rules choose a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One Trino behind the gateway: a row of `gateway_backend`."""

    name: ClusterName
    proxy_to: ClusterUrl
    external_url: str
    """What people are shown."""
    group: GroupName
    active: bool
    """Set by people. An inactive cluster gets no new statements, and is followed and searched all the same."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a query lives. One record, so its parts can never disagree."""

    query_id: QueryId
    cluster: ClusterUrl
    group: GroupName
    external_url: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Which group should run a statement, and the reason in words that a person can read."""

    group: GroupName
    because: str
    fallback: GroupName | None = None
    """The group that takes it when nobody in `group` can, instead of the default group; `group` itself means nobody."""
    cluster: ClusterName | None = None
    """The one cluster that shall run it: others of its group may not, only those of `fallback`."""


class HealthStatus(Enum):
    """What the monitor last made of a cluster; upstream's TrinoStatus, by the same names."""

    PENDING = "PENDING"
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Health:
    """A cluster's health and the sentence that explains it."""

    status: HealthStatus
    reason: str = ""
    """Why it is not HEALTHY, for people: the last error. Empty when it is."""
    since: float = 0.0
    """Unix time of the change to this status, in seconds."""
    suspicion: str = ""
    """What a request just met there, such as a refused connection: until the cluster answers a probe it gets new
    statements only when nobody else in its group can take them. Empty when there is no suspicion."""


@dataclass(frozen=True, slots=True)
class SiblingAnswer:
    """What another worker of this host answered to a question, or why it did not."""

    slot: int
    pid: int
    """0 when there is no process at the moment."""
    status: int = 0
    """0 when there is no answer."""
    body: bytes = b""
    error: str = ""
    """Why there is none, for people."""
    told: str = ""
    """Name of the file that has the counters of this answer as well; empty when none has."""
