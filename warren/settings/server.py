"""The `serverConfig` section: Airlift's flat properties, those that mean something here."""

from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from warren.settings.section import (
    Bytes,
    Flag,
    Inert,
    Kind,
    Location,
    Seconds,
    Secret,
    Section,
    Text,
    Whole,
    check_pem,
    refused_at,
    told,
)
from warren.settings.units import WrongValue

KIB = 1024
LARGEST_HEAD = 1024 * KIB


class ForwardedMode(Enum):
    """What is done with the forwarded headers that a client sends."""

    ABSENT = "absent"
    """Not written: Proto, Host and Port shape that client's own URLs; nothing is believed."""
    REJECT = "false"
    ACCEPT = "true"
    IGNORE = "ignore"


FORWARDED_SPELLINGS = {
    "true": ForwardedMode.ACCEPT,
    "accept": ForwardedMode.ACCEPT,
    "false": ForwardedMode.REJECT,
    "reject": ForwardedMode.REJECT,
    "ignore": ForwardedMode.IGNORE,
}


def forwarded_mode(value: Any, _: ValidationInfo) -> Any:
    if not isinstance(value, str):
        return value
    if (mode := FORWARDED_SPELLINGS.get(value.strip().lower())) is None:
        raise WrongValue("write true (ACCEPT), false (REJECT) or IGNORE")
    return mode


def address(value: str, _: ValidationInfo) -> str:
    try:
        return str(ip_address(value.strip()))
    except ValueError:
        raise WrongValue("write an IP address, such as 127.0.0.1, 0.0.0.0 or ::") from None


Port = Annotated[Whole, Field(ge=0, le=65535)]


class HttpClientSettings(Section):
    """One of the three groups of client properties: `proxy.http-client.*`, `monitor.…`, `router.…`."""

    model_config = ConfigDict(alias_generator=None)

    connect_timeout_seconds: Annotated[Seconds, Field(gt=0, alias="connect-timeout")] = 5.0
    """How long making a connection may take."""
    request_timeout_seconds: Annotated[Seconds, Field(gt=0, alias="request-timeout")] = 300.0
    """How long an answer's head may take. For proxied requests the shorter of this and `routing.asyncTimeout` counts."""
    idle_timeout_seconds: Annotated[Seconds, Field(gt=0, alias="idle-timeout")] = 60.0
    """How long a body may stand still, and how long an unused connection is kept."""
    max_connections_per_server: Annotated[
        Annotated[Whole, Field(ge=1)] | None, Field(alias="max-connections-per-server")
    ] = None
    """Most connections to one cluster at a time. No cap unless written: a cap makes waiting polls wait for each other."""
    max_requests_queued_per_destination: Annotated[Whole, Field(ge=0, alias="max-requests-queued-per-destination")] = (
        1024
    )
    """Most requests that wait for a connection to one cluster, where connections are capped."""
    max_response_header_bytes: Annotated[
        Bytes, Field(ge=4 * KIB, le=LARGEST_HEAD, alias="max-response-header-size")
    ] = 64 * KIB
    """The largest head of an answer."""
    hostname_verification: Annotated[Flag, Field(alias="https.hostname-verification")] = True
    """Whether a cluster's certificate must name the host that `proxyTo` names."""


class ServerSettings(Section):
    """The listening side of the gateway and its HTTP clients. The keys are Airlift's, dots included."""

    model_config = ConfigDict(alias_generator=None)

    http_enabled: Annotated[Flag, Field(alias="http-server.http.enabled")] = True
    """Whether to listen for plain HTTP."""
    http_port: Annotated[Port, Field(alias="http-server.http.port")] = 8080
    """The port for plain HTTP; 0 takes a free one."""
    https_enabled: Annotated[Flag, Field(alias="http-server.https.enabled")] = False
    """Whether to listen for HTTPS."""
    https_port: Annotated[Port, Field(alias="http-server.https.port")] = 8443
    """The port for HTTPS; 0 takes a free one."""
    keystore_path: Annotated[Location | None, Field(alias="http-server.https.keystore.path")] = None
    """A PEM file with the certificate, its chain and the private key. It is read again when it changes."""
    keystore_key: Annotated[Secret | None, Field(alias="http-server.https.keystore.key")] = None
    """The password of the private key, when it has one."""
    bind_ip: Annotated[Annotated[Text, AfterValidator(told(address))] | None, Field(alias="node.bind-ip")] = None
    """The address to listen on. All addresses unless written."""
    forwarded: Annotated[
        ForwardedMode,
        BeforeValidator(told(forwarded_mode)),
        Kind("`true`, `false` or `IGNORE`", lambda mode: "" if mode is ForwardedMode.ABSENT else mode.value),
        Field(alias="http-server.process-forwarded"),
    ] = ForwardedMode.ABSENT
    """What to do with `X-Forwarded-*` headers of clients: `true` believes them when they come from `trustedProxies`,
    `false` answers 406, `IGNORE` drops them. Not written: Proto, Host and Port shape the URLs in that client's answers."""
    max_idle_seconds: Annotated[Seconds, Field(gt=0, alias="http-server.net.max-idle-time")] = 200.0
    """How long a client's connection may stay unused."""
    max_request_header_bytes: Annotated[
        Bytes, Field(ge=4 * KIB, le=LARGEST_HEAD, alias="http-server.max-request-header-size")
    ] = 64 * KIB
    """The largest head of a request; beyond it 431 is answered."""
    access_log_enabled: Annotated[Flag, Field(alias="http-server.log.enabled")] = True
    """`false` turns the access log off even where its path is written."""
    access_log_file: Annotated[Location | None, Field(alias="http-server.log.path")] = None
    """The access log. There is none unless this is written."""
    proxy_client: Annotated[HttpClientSettings, Field(alias="proxy.http-client")] = HttpClientSettings()
    """Towards clusters, for what clients ask."""
    monitor_client: Annotated[HttpClientSettings, Field(alias="monitor.http-client")] = HttpClientSettings()
    """Towards clusters, for health checks."""
    router_client: Annotated[
        HttpClientSettings,
        Inert("`routingRules.rulesExternalConfiguration.timeout` says how long the rules service may take"),
        Field(alias="router.http-client"),
    ] = HttpClientSettings()
    """Towards the rules service."""

    @property
    def access_log_path(self) -> Path | None:
        """Where the access log goes; None when there is none."""
        return self.access_log_file if self.access_log_enabled else None

    @model_validator(mode="after")
    def can_listen(self, info: ValidationInfo) -> "ServerSettings":
        if wrong := list(obstacles(self, from_file=bool(info.context))):
            raise refused_at(wrong)
        return self


def obstacles(server: ServerSettings, *, from_file: bool) -> Iterator[tuple[tuple[str, ...], WrongValue]]:
    """By key what keeps it from listening."""
    if not (server.http_enabled or server.https_enabled):
        yield ("http-server.http.enabled",), WrongValue("HTTP and HTTPS are both off: enable one")
    if not server.https_enabled:
        return
    if server.http_enabled and server.http_port == server.https_port != 0:
        ports = ["http-server.http.port", "http-server.https.port"]
        if "https_port" in server.model_fields_set:
            ports.reverse()
        yield (ports[0],), WrongValue(f"{ports[1]} is the same: HTTP and HTTPS cannot share a port")
    if server.keystore_path is None:
        remedy = "HTTPS is on: write http-server.https.keystore.path, too, a PEM file with certificate and key"
        yield ("http-server.https.enabled",), WrongValue(remedy)
    elif from_file:
        try:
            check_pem(server.keystore_path)
        except WrongValue as wrong:
            yield ("http-server.https.keystore.path",), wrong
