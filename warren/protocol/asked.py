"""What a request asks for: the closed set of answers that classifying one can have."""

from dataclasses import dataclass
from enum import Enum

from warren.model import QueryId


class FollowKind(Enum):
    """Where a request names its query. Trino's statuses mean different things at each place."""

    STATEMENT = "statement"
    """In the path below a statement path: pages, cancels, heartbeats."""
    QUERY = "query"
    """In the path below `/v1/query`."""
    MENTIONED = "mentioned"
    """In a path of the UI or in a query string: a hint for routing, never a reason to search."""


class SpooledAction(Enum):
    """What is wanted of a spooled segment."""

    DOWNLOAD = "download"
    ACK = "ack"


@dataclass(frozen=True, slots=True)
class Submit:
    """A new statement; nobody owns it yet."""


@dataclass(frozen=True, slots=True)
class Follow:
    """A request about a query that some cluster already owns."""

    query_id: QueryId
    searchable: bool
    """Whether the clusters may be asked for its owner with this very request."""
    kind: FollowKind


@dataclass(frozen=True, slots=True)
class Spooled:
    """A request about a spooled segment. Only the cluster that made the identifier can read it."""

    identifier: str
    """As it stands in the target, still percent-encoded. A capability: never logged."""
    action: SpooledAction


@dataclass(frozen=True, slots=True)
class Other:
    """Anything else that a cluster answers: its UI, `/v1/info`, OAuth2."""


@dataclass(frozen=True, slots=True)
class Own:
    """Not proxied: it belongs to the gateway's own endpoints."""


Asked = Submit | Follow | Spooled | Other | Own
