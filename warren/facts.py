"""What is known of a request when its routing group is chosen: the request itself, who asks, and what its SQL says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from warren.model import QueryId

Qualified = tuple[str, str, str]
"""A table: catalog, schema and table, as Trino compares them, in lower case."""

DEFAULT_PORTS = {"http": 80, "https": 443}
BEGINNING = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """The request's head, as text. Nothing in it is verified."""

    method: str = "POST"
    path: str = "/v1/statement"
    """As it came, still percent-encoded, without the query string."""
    query: str | None = None
    """What follows the first `?`, None when there is none."""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By lower-case name the values, in their order; never an empty sequence."""
    remote_address: str = ""
    scheme: str = "http"
    host: str = ""
    """What the client calls us, without the port."""
    port: int = 0

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        values = self.headers.get(name.lower())
        return values[0] if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestUser:
    """Who asks, as far as the request tells: upstream's TrinoRequestUser. Believed for routing and history, for nothing else."""

    user: str | None = None
    user_info: Mapping[str, Any] | None = None
    """What the UserInfo endpoint said of a token, when it had to be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryProperties:
    """What is known of a statement's SQL: upstream's TrinoQueryProperties, by the same names."""

    body: str = ""
    """The SQL that was analysed; of an EXECUTE that of the prepared statement. Empty when it could not be read."""
    query_type: str = ""
    """Trino's class of the statement, such as `Query` or `CreateTableAsSelect`; empty when unknown."""
    resource_group_query_type: str = ""
    """Trino's QueryType, such as `SELECT` or `DATA_DEFINITION`; empty when unknown."""
    default_catalog: str | None = None
    default_schema: str | None = None
    """Of the session, as the headers have it, with their case."""
    tables: frozenset[Qualified] = frozenset()
    catalogs: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()
    catalog_schemas: frozenset[str] = frozenset()
    """`catalog.schema`."""
    is_new_query_submission: bool = False
    is_query_parsing_successful: bool = True
    """False whenever `error_message` says something: the sets are empty then, and mean nothing."""
    error_message: str | None = None
    query_id: QueryId | None = None
    """The query that the statement kills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that rules may look at."""

    request: RequestFacts
    user: RequestUser = field(default_factory=RequestUser)
    query: QueryProperties | None = None
    """None when statements are not analysed, or no rule looks at what that yields."""
    now: datetime = BEGINNING
    """When the request arrived; it knows its zone."""


def facts_of_head(
    *, method: str, path: str, query: str | None, headers: Mapping[str, Sequence[str]], remote_address: str, scheme: str
) -> RequestFacts:
    """The facts of a request; `headers` by lower-case name. What the client calls us stands in `host`, with or without a port."""
    host, port = _authority(headers.get("host", ("",))[0], scheme)
    return RequestFacts(
        method=method,
        path=path,
        query=query,
        headers=headers,
        remote_address=remote_address,
        scheme=scheme,
        host=host,
        port=port,
    )


def _authority(host: str, scheme: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{host}")
        return parts.hostname or "", parts.port or DEFAULT_PORTS[scheme]
    except ValueError:
        return "", DEFAULT_PORTS[scheme]
