"""The `valkeyConfiguration` section: the distributed cache, in which all instances know where every query lives."""

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator

from warren.settings.section import Flag, PemFile, Secret, Section, Text, Whole, refused, told
from warren.settings.units import WrongValue

Address = tuple[str, int]

PORT = 6379
SENTINEL_PORT = 26379
SCHEMES = {"valkey": False, "redis": False, "valkeys": True, "rediss": True}
"""By scheme of a URL, whether it means TLS."""
MOST_NODES = 1000

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_PREFIX = re.compile(r"[A-Za-z0-9._:/-]+")
_WRITTEN_IN_URLS = ("host", "port", "username", "password", "database")


class ValkeyKind(Enum):
    """How the servers are arranged."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class ValkeyTlsFiles:
    """TLS towards the servers; None for the system's authorities, or for no certificate of our own."""

    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    verify_hostname: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyServer:
    """All that is said about the servers, in one form, whichever way it was written. Seconds."""

    kind: ValkeyKind
    addresses: tuple[Address, ...]
    """Of the server, of the Sentinels, or of some nodes of the Cluster."""
    sentinel_master: str | None
    sentinel_password: SecretStr | None
    username: str | None
    password: SecretStr | None
    database: int
    tls: ValkeyTlsFiles | None
    max_total: int
    max_idle: int
    min_idle: int
    timeout_seconds: float | None
    """None: no limit."""
    ttl_seconds: int
    """0: placements never expire."""
    health_check_seconds: float
    budget_seconds: float
    key_prefix: str

    @property
    def is_cluster(self) -> bool:
        return self.kind is ValkeyKind.CLUSTER

    @property
    def timeout_or_interval(self) -> float:
        """What nobody waits for has a deadline all the same."""
        return self.timeout_seconds if self.timeout_seconds is not None else self.health_check_seconds


def address_of(text: str, *, port: int) -> Address:
    """`host`, `host:port` or `[IPv6]:port`. Raises WrongValue."""
    found = _ADDRESS.fullmatch(text)
    number = int(found["port"] or port) if found is not None else 0
    if found is None or not 1 <= number <= 65535:
        raise WrongValue(
            f"write host:port, such as valkey-1.example.com:{port} or [2001:db8::7]:{port}", found=repr(text)
        )
    return found["host"].strip("[]"), number


def nodes_of(nodes: tuple[str, ...], _: ValidationInfo) -> tuple[str, ...]:
    if not 1 <= len(nodes) <= MOST_NODES:
        raise WrongValue("list at least one node, as host:port")
    for node in nodes:
        address_of(node, port=PORT)
    return nodes


def host_of(host: str, _: ValidationInfo) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?", host):
        raise WrongValue("write the name or the address of a host; its port has a key of its own")
    return host.strip("[]")


def prefix_of(prefix: str, _: ValidationInfo) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise WrongValue(
            "a prefix has letters, digits and . _ : / - only; braces would change where a Cluster keeps a key"
        )
    return prefix


def url_of(url: SecretStr, _: ValidationInfo) -> SecretStr:
    parsed(url.get_secret_value())
    return url


def parsed(url: str) -> SplitResult:
    """Raises WrongValue with a sentence that does not repeat the URL, which may hold a password."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise WrongValue("the URL cannot be read: its port must be a number from 1 to 65535") from None
    if parts.scheme not in SCHEMES:
        found = parts.scheme if parts.scheme in {"unix", "http", "https", "tcp"} else ""
        raise WrongValue("begin the URL with valkey://, valkeys://, redis:// or rediss:// (with s: TLS)", found=found)
    if not host or port == 0:
        raise WrongValue("the URL names no host and port: write valkey://host:6379")
    if parts.query or parts.fragment:
        raise WrongValue("the URL has a query or a fragment: options have keys of their own in this section")
    if not re.fullmatch(r"/?|/[0-9]{1,6}", parts.path):
        raise WrongValue("what follows the port must be the number of the database, such as /0")
    return parts


class ValkeyTls(Section):
    """TLS towards the servers."""

    enabled: Flag = False
    """Whether connections are encrypted. URLs that begin with `valkeys://` or `rediss://` mean it, too."""
    ca_file: PemFile | None = None
    """A PEM file of the authorities to trust. The system's unless written."""
    cert_file: PemFile | None = None
    """A PEM file with the certificate that the gateway shows."""
    key_file: PemFile | None = None
    """A PEM file with its private key, when `certFile` does not hold it."""
    verify_hostname: Flag = True
    """Whether the server's certificate must name the host that is connected to."""


class ValkeySentinel(Section):
    """Sentinels that say which server is the primary."""

    master: Annotated[Text, Field(min_length=1, max_length=255)]
    """The name by which the Sentinels know the primary."""
    nodes: Annotated[tuple[Text, ...], AfterValidator(told(nodes_of))]
    """The Sentinels, as host:port; port 26379 unless written."""
    password: Secret | None = None
    """The password of the Sentinels themselves, when they have one."""


class ValkeyClusterNodes(Section):
    """A Valkey Cluster."""

    nodes: Annotated[tuple[Text, ...], AfterValidator(told(nodes_of))]
    """Some of its nodes, as host:port; the others are found through them."""


class ValkeyConfiguration(Section):
    """The distributed cache. Off by default: one instance needs none."""

    enabled: Flag = False
    """Whether there is a distributed cache."""
    host: Annotated[Text, Field(min_length=1, max_length=255), AfterValidator(told(host_of))] = "localhost"
    """The server."""
    port: Annotated[Whole, Field(ge=1, le=65535)] = PORT
    """Its port."""
    username: Annotated[Text, Field(min_length=1)] | None = None
    """The ACL user; the server's default user unless written."""
    password: Secret | None = None
    """The password: `${ENV:VALKEY_PASSWORD}`."""
    database: Annotated[Whole, Field(ge=0, le=1_000_000)] = 0
    """The number of the database; a Cluster has only 0."""
    max_total: Annotated[Whole, Field(ge=1, le=10_000)] = 20
    """Most connections of one process to one server."""
    max_idle: Annotated[Whole, Field(ge=0, le=10_000)] = 10
    """Most of them that are kept open unused."""
    min_idle: Annotated[Whole, Field(ge=0, le=10_000)] = 5
    """So many are kept open from the start."""
    timeout_ms: Annotated[Whole, Field(ge=0, le=3_600_000)] = 2000
    """Milliseconds for connecting and answering, where no client waits; 0: no limit of its own."""
    cache_ttl_seconds: Annotated[Whole, Field(ge=0, le=10**9)] = 1800
    """Seconds for which a placement is kept after its last use; 0: for ever."""
    health_check_interval_ms: Annotated[Whole, Field(ge=1000, le=86_400_000)] = 30_000
    """Milliseconds between two looks at a server that is well. One that is not is asked after 0.1 s, then at doubling
    pauses up to 5 s, or this interval when it is shorter."""
    url: Annotated[Secret, AfterValidator(told(url_of))] | None = None
    """All of it in one: `valkey://user:password@host:port/database`. Instead of host, port, username, password, database."""
    tls: ValkeyTls = ValkeyTls()
    """TLS towards the servers."""
    sentinel: ValkeySentinel | None = None
    """Sentinels that say which server is the primary. Instead of `host`."""
    cluster: ValkeyClusterNodes | None = None
    """A Valkey Cluster. Instead of `host`."""
    request_budget_ms: Annotated[Whole, Field(ge=1, le=60_000)] = 100
    """The longest that a client's request waits for the distributed cache, in milliseconds, in all."""
    key_prefix: Annotated[Text, Field(min_length=1, max_length=100), AfterValidator(told(prefix_of))] = "trino:query"
    """What all keys begin with."""

    @model_validator(mode="after")
    def fits_together(self) -> "ValkeyConfiguration":
        for is_wrong, remedy in self._contradictions():
            if is_wrong:
                raise refused(WrongValue(remedy))
        return self

    def _contradictions(self) -> list[tuple[bool, str]]:
        written = self.model_fields_set
        doubled = [name for name in _WRITTEN_IN_URLS if name in written]
        elsewhere = [name for name in ("host", "port") if name in written]
        return [
            (self.max_idle > self.max_total, f"maxIdle ({self.max_idle}) must be at most maxTotal ({self.max_total})"),
            (self.min_idle > self.max_idle, f"minIdle ({self.min_idle}) must be at most maxIdle ({self.max_idle})"),
            (
                self.sentinel is not None and self.cluster is not None,
                "sentinel and cluster exclude each other: keep one",
            ),
            (
                self.url is not None and bool(doubled),
                f"url says it all: remove {', '.join(doubled)}, or write them instead of the url",
            ),
            (
                self.url is not None and (self.sentinel is not None or self.cluster is not None),
                "url names one server: remove it, or sentinel and cluster",
            ),
            (
                bool(elsewhere) and (self.sentinel is not None or self.cluster is not None),
                f"the servers are found through sentinel or cluster: remove {', '.join(elsewhere)}",
            ),
            (self.cluster is not None and self.database != 0, "a Cluster has only database 0"),
            (
                self.tls.key_file is not None and self.tls.cert_file is None,
                "tls.keyFile belongs to a certificate: write tls.certFile, too",
            ),
        ]

    @property
    def server(self) -> ValkeyServer:
        """All of it in the form in which it is used."""
        parts = parsed(self.url.get_secret_value()) if self.url is not None else None
        return ValkeyServer(
            kind=self._kind,
            addresses=self._addresses(parts),
            sentinel_master=self.sentinel.master if self.sentinel is not None else None,
            sentinel_password=self.sentinel.password if self.sentinel is not None else None,
            username=(unquote(parts.username or "") or None) if parts is not None else self.username,
            password=_password(parts) if parts is not None else self.password,
            database=int(parts.path.strip("/") or 0) if parts is not None else self.database,
            tls=self._tls_files(parts),
            max_total=self.max_total,
            max_idle=self.max_idle,
            min_idle=self.min_idle,
            timeout_seconds=self.timeout_ms / 1000 or None,
            ttl_seconds=self.cache_ttl_seconds,
            health_check_seconds=self.health_check_interval_ms / 1000,
            budget_seconds=self.request_budget_ms / 1000,
            key_prefix=self.key_prefix,
        )

    @property
    def _kind(self) -> ValkeyKind:
        if self.sentinel is not None:
            return ValkeyKind.SENTINEL
        return ValkeyKind.CLUSTER if self.cluster is not None else ValkeyKind.SINGLE

    def _addresses(self, parts: SplitResult | None) -> tuple[Address, ...]:
        if self.sentinel is not None:
            return tuple(address_of(node, port=SENTINEL_PORT) for node in self.sentinel.nodes)
        if self.cluster is not None:
            return tuple(address_of(node, port=PORT) for node in self.cluster.nodes)
        if parts is not None:
            return ((parts.hostname or "", parts.port or PORT),)
        return ((self.host, self.port),)

    def _tls_files(self, parts: SplitResult | None) -> ValkeyTlsFiles | None:
        if not (self.tls.enabled or (parts is not None and SCHEMES[parts.scheme])):
            return None
        return ValkeyTlsFiles(self.tls.ca_file, self.tls.cert_file, self.tls.key_file, self.tls.verify_hostname)


def _password(parts: SplitResult) -> SecretStr | None:
    return SecretStr(unquote(parts.password)) if parts.password else None
