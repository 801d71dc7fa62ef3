"""The smaller sections of the file, ours and upstream's."""

from enum import Enum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo

from warren.settings.section import (
    Bytes,
    Flag,
    Inert,
    Kind,
    PemFile,
    Real,
    Seconds,
    Secret,
    Section,
    Text,
    Whole,
    number_of,
    told,
)
from warren.settings.units import WrongValue

OTHER_MONITORS = Inert("it belongs to a monitor type that this version does not offer")
STREAMING = Inert("answers stream through, so nothing has to fit anywhere")
ROSTER = Inert("no request reads the database: the list of clusters is kept in memory and read again each second")


class Monitor(Section):
    """How clusters are watched."""

    task_delay: Annotated[Seconds, Field(ge=0.01)] = 60.0
    """The pause between two health checks of a cluster."""
    retries: Annotated[Whole, Field(ge=0, le=100)] = 0
    """How often a health check is repeated at once when a cluster answers 502, 503 or 504."""
    failure_threshold: Annotated[Whole, Field(ge=1, le=100)] = 1
    """How many failed checks in a row make a cluster unhealthy."""
    success_threshold: Annotated[Whole, Field(ge=1, le=100)] = 1
    """How many good checks in a row make a cluster healthy again."""
    query_timeout: Annotated[Seconds, BeforeValidator(told(number_of)), Field(gt=0), OTHER_MONITORS] = 10.0
    """The time limit of the JDBC monitor's statement. A bare number means seconds."""
    explicit_prepare: Annotated[Flag, OTHER_MONITORS] = False
    """For the JDBC monitor: true for Trino before 431."""
    metrics_endpoint: Annotated[Text, OTHER_MONITORS] = "/metrics"
    """For the METRICS monitor: the path."""
    running_queries_metric_name: Annotated[Text, OTHER_MONITORS] = "trino_execution_name_QueryManager_RunningQueries"
    """For the METRICS monitor: what counts running queries."""
    queued_queries_metric_name: Annotated[Text, OTHER_MONITORS] = "trino_execution_name_QueryManager_QueuedQueries"
    """For the METRICS monitor: what counts queued queries."""
    metric_minimum_values: Annotated[dict[str, Real], Kind("map of numbers"), OTHER_MONITORS] = Field(
        default={"trino_metadata_name_DiscoveryNodeManager_ActiveNodeCount": 1.0}
    )
    """For the METRICS monitor: below these a cluster is unhealthy."""
    metric_maximum_values: Annotated[dict[str, Real], Kind("map of numbers"), OTHER_MONITORS] = Field(default={})
    """For the METRICS monitor: above these a cluster is unhealthy."""
    cluster_metrics_registry_refresh_period: Annotated[
        Seconds, Field(gt=0), Inert("metrics follow the list of clusters by themselves")
    ] = 30.0
    """How often upstream registers the metrics of clusters."""


class Routing(Section):
    """How requests are carried and which group takes a statement that names none."""

    async_timeout: Annotated[Seconds, Field(gt=0)] = 120.0
    """The longest wait for the head of an answer. Statements and their follow-ups have the shorter limits below."""
    forwarded_headers_enabled: Flag = True
    """Whether clusters are told of the client in `X-Forwarded-*`. Without them their URLs point past the gateway."""
    default_routing_group: Annotated[Text, Field(min_length=1, max_length=255)] = "adhoc"
    """The group of statements that name none, and the one to fall back to."""
    strict_groups: Flag = False
    """true: a statement whose group has no usable cluster is answered with 503, never run in the default group."""
    statement_try_timeout: Annotated[Seconds, Field(gt=0)] = 8.0
    """How long one cluster may take to accept a statement before another of the group is tried."""
    statement_timeout: Annotated[Seconds, Field(gt=0)] = 25.0
    """How long accepting a statement may take in all. Clients give up after 30 seconds or more."""
    follow_timeout: Annotated[Seconds, Field(gt=0)] = 25.0
    """How long a cluster may take to answer a request about a running query."""


class ProxyResponse(Section):
    """Upstream's limit on answers."""

    response_size: Annotated[Bytes, STREAMING] = 32 * 1024 * 1024
    """The largest answer upstream passes on."""


class DatabaseCache(Section):
    """Upstream's cache of the list of clusters."""

    enabled: Annotated[Flag, ROSTER] = False
    """Whether upstream caches the list."""
    expire_after_write: Annotated[Seconds, Field(gt=0), ROSTER] = 3600.0
    """When upstream drops the cached list."""
    refresh_after_write: Annotated[Seconds, Field(gt=0), ROSTER] = 5.0
    """When upstream reads the list again."""


class MonitorType(Enum):
    """The ways to ask a cluster how it is."""

    INFO_API = "INFO_API"
    NOOP = "NOOP"


def monitor_type_of(value: Any, _: ValidationInfo) -> Any:
    if not isinstance(value, str):
        return value
    if value in {"UI_API", "JDBC", "JMX", "METRICS"}:
        raise WrongValue("this monitor type is not offered in this version: write INFO_API, or NOOP to watch nothing")
    if value not in MonitorType.__members__:
        raise WrongValue("write INFO_API or NOOP")
    return MonitorType(value)


class ClusterStats(Section):
    """Which way clusters are asked how they are."""

    monitor_type: Annotated[
        MonitorType, BeforeValidator(told(monitor_type_of)), Kind("`INFO_API` or `NOOP`", lambda kind: kind.value)
    ] = MonitorType.INFO_API
    """`INFO_API` asks `/v1/info`; `NOOP` asks nothing and takes every active cluster for healthy."""


class BackendState(Section):
    """Credentials of the monitors that log in to clusters."""

    username: Annotated[Text | None, OTHER_MONITORS] = None
    """The user name."""
    password: Annotated[Secret, OTHER_MONITORS] = SecretStr("")
    """The password."""
    ssl: Annotated[Flag, OTHER_MONITORS] = False
    """Whether the JDBC monitor uses TLS."""
    x_forwarded_proto_header: Annotated[Flag, OTHER_MONITORS] = False
    """Whether health checks send `X-Forwarded-Proto: https`. The spelling `xforwardedProtoHeader` works, too."""


class ProxyTls(Section):
    """TLS towards clusters whose `proxyTo` is https."""

    ca_file: PemFile | None = None
    """A PEM file of the authorities to trust. The system's unless written."""
    cert_file: PemFile | None = None
    """A PEM file with the certificate that the gateway shows to clusters."""
    key_file: PemFile | None = None
    """A PEM file with its private key, when `certFile` does not hold it."""


class Memory(Section):
    """Where running queries live, in this process."""

    max_entries: Annotated[Whole, Field(ge=1, le=10_000_000)] = 10_000
    """How many queries are remembered."""
    expire_after_access: Annotated[Seconds, Field(gt=0)] = 1800.0
    """How long after its last use a query is remembered."""


class Search(Section):
    """Asking all clusters for a query that this instance does not know."""

    max_concurrent: Annotated[Whole, Field(ge=1, le=100_000)] = 50
    """How many searches run at once; beyond that 503 is answered."""
    max_concurrent_per_client: Annotated[Whole, Field(ge=1, le=100_000)] = 10
    """How many of them for one client address."""
    ignore_unreachable_after: Annotated[Seconds, Field(ge=0)] = 600.0
    """An inactive cluster that was unreachable for so long no longer keeps a search from ending."""


class Limits(Section):
    """Bounds on what clients can make an instance hold."""

    max_header_count: Annotated[Whole, Field(ge=20, le=10_000)] = 200
    """The most fields of a head, both ways."""
    head_timeout: Annotated[Seconds, Field(gt=0)] = 20.0
    """How long the head of a request may take to arrive."""
    statement_body_kept: Annotated[Bytes, Field(ge=0, le=1024**3)] = 1024**2
    """The longest statement that is kept so that another cluster can be tried; longer ones have one try."""
    statement_bodies_kept: Annotated[Bytes, Field(ge=0, le=1024**4)] = 64 * 1024**2
    """How much all kept statements may take together."""
    max_connections: Annotated[Whole, Field(ge=1)] | None = None
    """The most connections of clients at a time. Bounded only by the process's descriptors unless written."""
