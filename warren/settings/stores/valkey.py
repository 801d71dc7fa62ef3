"""The `valkeyConfiguration` section: the distributed cache, and the server that keeps it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator

from warren.settings.addresses.valkey_urls import (
    MOST_DATABASES,
    PORT,
    SENTINEL_PORT,
    Address,
    address,
    host,
    is_loopback,
    valkey_url,
)
from warren.settings.section import Flag, PemFile, Secret, Section, Text, Whole, refused_at, told
from warren.settings.units import WrongValue

MOST_NODES = 100
MOST_CONNECTIONS = 65_535
"""From one address to one server there cannot be more: there are no more ports."""
JAVA_INT = 2**31 - 1
"""The Java gateway keeps these numbers in an int."""

PREFIX = re.compile(r"[!-z|~]{1,128}", re.ASCII)
NODES_SAY_IT = "the nodes of {form} say where the servers are: remove it"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyFiles:
    """TLS towards Valkey."""

    ca_file: Path | None
    """Authorities to trust; None means the system's."""
    cert_file: Path | None
    """Our own certificate; None when there is none to show."""
    key_file: Path | None
    """Its key: there whenever the certificate is, and maybe the same file."""
    verify_hostname: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ValkeyServer:
    """Everything that a driver has to know, however it was written. Units are in the names."""

    kind: Literal["single", "sentinel", "cluster"]
    addresses: tuple[Address, ...]
    """One for a single server; else where to ask: the Sentinels, or some nodes of the Cluster."""
    master: str | None
    """What the Sentinels call the server; None without Sentinel."""
    sentinel_password: SecretStr | None
    username: str | None
    password: SecretStr | None
    database: int
    tls: ValkeyFiles | None
    """None means without TLS. Holds for the Sentinels, too."""
    max_total: int
    max_idle: int
    """Never more than `max_total`."""
    min_idle: int
    """Never more than `max_idle`."""
    timeout_seconds: float | None
    """Of connecting, and of one answer; None means no limit."""
    ttl_seconds: int | None
    """None means that entries never expire."""
    health_check_seconds: float
    budget_seconds: float
    key_prefix: str

    @property
    def is_cluster(self) -> bool:
        return self.kind == "cluster"

    @property
    def timeout_or_interval(self) -> float:
        """What nobody waits for has a deadline all the same."""
        return self.timeout_seconds if self.timeout_seconds is not None else self.health_check_seconds

    @property
    def shows_passwords(self) -> bool:
        """Whether passwords cross a network in the clear."""
        has_password = self.password is not None or self.sentinel_password is not None
        return has_password and self.tls is None and not all(is_loopback(name) for name, _ in self.addresses)


def host_of(text: str, _: ValidationInfo) -> str:
    return host(text)


def plain_prefix(text: str, _: ValidationInfo) -> str:
    if not PREFIX.fullmatch(text):
        raise WrongValue("write 1 to 128 plain characters: ASCII, without blanks and without braces")
    return text


def usable_url(url: SecretStr, _: ValidationInfo) -> SecretStr:
    valkey_url(url.get_secret_value())
    return url


def node(text: str, _: ValidationInfo) -> str:
    address(text, PORT)
    return text


def some_nodes(nodes: tuple[str, ...], _: ValidationInfo) -> tuple[str, ...]:
    if not 1 <= len(nodes) <= MOST_NODES:
        raise WrongValue(f"name 1 to {MOST_NODES} nodes, each as host:port")
    return nodes


def master_name(text: str, _: ValidationInfo) -> str:
    if not text or not text.isprintable() or " " in text:
        raise WrongValue("write the name that follows `sentinel monitor` in the Sentinels' files")
    return text


def idle_at_most(idle: int, info: ValidationInfo) -> int:
    """The smaller number comes later in the section, and only what is written is looked at."""
    limits = {name: info.data[name] for name in ("max_total", "max_idle") if name in info.data}
    for name, most in limits.items():
        if idle > most:
            key = "maxTotal" if name == "max_total" else "maxIdle"
            raise WrongValue(f"must be at most {key}, which is {most}")
    return idle


def beside_a_certificate(file: Path, info: ValidationInfo) -> Path:
    if info.data.get("cert_file", file) is None:
        raise WrongValue("a key without a certificate: write certFile, too")
    return file


Nodes = Annotated[tuple[Annotated[Text, AfterValidator(told(node))], ...], AfterValidator(told(some_nodes))]


class ValkeyTls(Section):
    """TLS towards Valkey."""

    enabled: Flag = False
    """Whether to use TLS, towards Sentinels as well. A `url` with `valkeys://` or `rediss://` says it, too."""
    ca_file: PemFile | None = None
    """A PEM file of the authorities to trust. The system's unless written."""
    cert_file: PemFile | None = None
    """A PEM file with the certificate that the gateway shows."""
    key_file: Annotated[PemFile, AfterValidator(told(beside_a_certificate))] | None = None
    """A PEM file with its private key, when `certFile` does not hold it."""
    verify_hostname: Flag = True
    """Whether the server's certificate must name the host that is written here."""

    @property
    def files(self) -> ValkeyFiles:
        return ValkeyFiles(
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file or self.cert_file,
            verify_hostname=self.verify_hostname,
        )


class ValkeySentinel(Section):
    """Sentinels, which know the server that is the primary now."""

    master: Annotated[Text, AfterValidator(told(master_name))]
    """The name under which the Sentinels know the server."""
    nodes: Nodes
    """The Sentinels, as `host:port`; without a port 26379."""
    password: Secret | None = None
    """The password of the Sentinels themselves, where they have one."""


class ValkeyCluster(Section):
    """A Valkey Cluster."""

    nodes: Nodes
    """Some of its nodes, as `host:port`; without a port 6379. The others are learned from them."""


class ValkeyConfiguration(Section):
    """The distributed cache."""

    enabled: Flag = False
    """Whether instances share through Valkey where queries live. One instance needs none."""
    host: Annotated[Text, AfterValidator(told(host_of))] = "localhost"
    """The server, by name or address."""
    port: Annotated[Whole, Field(ge=1, le=65_535)] = PORT
    """Its port."""
    username: Text | None = None
    """The ACL user. Without it the password is that of the user `default`."""
    password: Secret | None = None
    """The password. Write `${ENV:VALKEY_PASSWORD}`, not the password itself."""
    database: Annotated[Whole, Field(ge=0, le=MOST_DATABASES)] = 0
    """The number of the database. A Cluster has 0 only."""
    max_total: Annotated[Whole, Field(ge=1, le=MOST_CONNECTIONS)] = 20
    """The most connections of one instance to a server."""
    max_idle: Annotated[Whole, Field(ge=0, le=MOST_CONNECTIONS), AfterValidator(told(idle_at_most))] = 10
    """How many of them are kept open while unused. `maxTotal` at most."""
    min_idle: Annotated[Whole, Field(ge=0, le=MOST_CONNECTIONS), AfterValidator(told(idle_at_most))] = 5
    """How many are opened at the start and kept. `maxIdle` at most."""
    timeout_ms: Annotated[Whole, Field(ge=0, le=JAVA_INT)] = 2000
    """Milliseconds that connecting, or one answer, may take; 0 means no limit. No client waits for it: see `requestBudgetMs`."""
    cache_ttl_seconds: Annotated[Whole, Field(ge=0, le=JAVA_INT)] = 1800
    """Seconds for which a query is kept after its last use; 0 means for ever."""
    health_check_interval_ms: Annotated[Whole, Field(ge=1000, le=JAVA_INT)] = 30_000
    """Milliseconds between two looks at a server that is well. One that was lost is asked again after 100, then at doubling
    pauses up to 5000, or to this when it is less."""
    url: Annotated[Secret, AfterValidator(told(usable_url))] | None = None
    """The server in one line, instead of `host`, `port`, `username`, `password` and `database`:
    `valkeys://user:password@host:6379/0`. Secret, since there may be a password in it."""
    tls: ValkeyTls = ValkeyTls()
    """TLS towards Valkey."""
    sentinel: ValkeySentinel | None = None
    """Sentinels, instead of `host` and `port`."""
    cluster: ValkeyCluster | None = None
    """A Cluster, instead of `host` and `port`."""
    request_budget_ms: Annotated[Whole, Field(ge=1, le=10_000)] = 100
    """The longest, in milliseconds, that a client's request waits for Valkey in all."""
    key_prefix: Annotated[Text, AfterValidator(told(plain_prefix))] = "trino:query"
    """What the keys begin with. The Java gateway knows no other."""

    @model_validator(mode="after")
    def says_it_once(self) -> "ValkeyConfiguration":
        if wrong := list(contradictions(self)):
            raise refused_at(wrong)
        return self

    @property
    def server(self) -> ValkeyServer:
        """The same, ready for use."""
        url = valkey_url(self.url.get_secret_value()) if self.url is not None else None
        kind, addresses = self._found_at()
        max_idle = min(self.max_idle, self.max_total)
        has_tls = self.tls.enabled or (url is not None and url.tls)
        return ValkeyServer(
            kind=kind,
            addresses=addresses if url is None else (url.address,),
            master=self.sentinel.master if self.sentinel else None,
            sentinel_password=written(self.sentinel.password) if self.sentinel else None,
            username=url.username if url else self.username or None,
            password=url.password if url else written(self.password),
            database=url.database if url else self.database,
            tls=self.tls.files if has_tls else None,
            max_total=self.max_total,
            max_idle=max_idle,
            min_idle=min(self.min_idle, max_idle),
            timeout_seconds=self.timeout_ms / 1000 or None,
            ttl_seconds=self.cache_ttl_seconds or None,
            health_check_seconds=self.health_check_interval_ms / 1000,
            budget_seconds=self.request_budget_ms / 1000,
            key_prefix=self.key_prefix,
        )

    def _found_at(self) -> tuple[Literal["single", "sentinel", "cluster"], tuple[Address, ...]]:
        if self.sentinel is not None:
            return "sentinel", tuple(address(node, SENTINEL_PORT) for node in self.sentinel.nodes)
        if self.cluster is not None:
            return "cluster", tuple(address(node, PORT) for node in self.cluster.nodes)
        return "single", ((self.host, self.port),)


def written(secret: SecretStr | None) -> SecretStr | None:
    """An empty password is none."""
    return secret if secret is not None and secret.get_secret_value() else None


Wrong = Iterator[tuple[tuple[str, ...], WrongValue]]
"""By key path within the section what is wrong there."""


def contradictions(section: ValkeyConfiguration) -> Wrong:
    """What is said twice, or cannot be had together."""
    yield from addressed_twice(section)
    if section.cluster is not None and section.database:
        yield ("database",), WrongValue("a Cluster has database 0 only: remove it")
    if section.username and written(section.password) is None and section.url is None:
        yield (
            ("username",),
            WrongValue("a user without a password: write password, too (where the user needs none, any)"),
        )
    yield from half_of_tls(section)


def addressed_twice(section: ValkeyConfiguration) -> Wrong:
    forms = [form for form in ("sentinel", "cluster") if getattr(section, form) is not None]
    if len(forms) == 2:
        yield ("cluster",), WrongValue("a server is watched by Sentinels or part of a Cluster: keep one of the two")
    if section.url is not None:
        said = section.model_fields_set & {"host", "port", "username", "password", "database"}
        yield from (((name,), WrongValue("url says it already: keep one of the two")) for name in sorted(said))
        for form in forms:
            yield ("url",), WrongValue(f"{NODES_SAY_IT.format(form=form)}, and write username and password apart")
    elif forms:
        for name in sorted(section.model_fields_set & {"host", "port"}):
            yield (name,), WrongValue(NODES_SAY_IT.format(form=forms[0]))


def half_of_tls(section: ValkeyConfiguration) -> Wrong:
    """What would leave a connection open that looks guarded."""
    said = section.tls.model_fields_set
    if section.url is not None and valkey_url(section.url.get_secret_value()).tls:
        if "enabled" in said and not section.tls.enabled:
            yield ("tls", "enabled"), WrongValue("url asks for TLS: remove this, or write valkey:// there")
    elif said and "enabled" not in said:
        yield (
            ("tls",),
            WrongValue("TLS is off: write enabled: true with the files, or a url that begins with valkeys://"),
        )
