"""What becomes of each property of `serverConfig`: honoured, accepted without effect, or refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from warren.settings.server import HttpClientSettings, ServerSettings

CLIENTS = tuple(f"{who}.http-client" for who in ("proxy", "monitor", "router"))

HONOURED = {info.alias for info in ServerSettings.model_fields.values() if info.alias} - set(CLIENTS)
HONOURED_BY_CLIENTS = {info.alias for info in HttpClientSettings.model_fields.values() if info.alias}

STREAMS = "answers stream through, so there is no limit to set"
UNCHANGED = "bodies pass unchanged: what a cluster compressed stays compressed, and nothing else is"
FLAWS = {"http-server.compression.enabled": UNCHANGED}
"""Accepted, with a reason why it has no effect."""
FLAWS_OF_CLIENTS = {"max-response-content-length": STREAMS, "max-content-length": STREAMS}

NO_SIGN_IN = "sign-in is not offered in this version, so the gateway would be open: remove it to accept that"
SYSTEM_TLS = (
    "choosing ciphers, random sources or shared secrets is not offered; the system's TLS policy applies: remove it"
)
NO_TRUST_STORE = "Java trust and key stores cannot be read: for clusters write PEM files under `proxyTls`"
NO_CLIENT_CERTIFICATES = "asking clients for certificates is not offered in this version: remove it to accept that"
NO_PROXY = "going through another proxy is not offered: remove it"
PEM_ONLY = "keys are read from PEM files: write the password as http-server.https.keystore.key"

REFUSED = {
    "http-server.auth": NO_SIGN_IN,
    "http-server.authentication": NO_SIGN_IN,
    "http-server.https.truststore": NO_CLIENT_CERTIFICATES,
    "http-server.https.keymanager": PEM_ONLY,
    "http-server.https.included-cipher": SYSTEM_TLS,
    "http-server.https.excluded-cipher": SYSTEM_TLS,
    "http-server.https.secure-random-algorithm": SYSTEM_TLS,
    "http-server.https.automatic-shared-secret": SYSTEM_TLS,
}
"""Beginnings of keys that guard or say whom to trust."""
REFUSED_OF_CLIENTS = {
    "authentication": "Kerberos towards clusters is not offered: the client's own credentials pass through",
    "key-store": NO_TRUST_STORE,
    "trust-store": NO_TRUST_STORE,
    "https.included-cipher": SYSTEM_TLS,
    "https.excluded-cipher": SYSTEM_TLS,
    "secure-random-algorithm": SYSTEM_TLS,
    "automatic-https-shared-secret": SYSTEM_TLS,
    "http-proxy": NO_PROXY,
    "socks-proxy": NO_PROXY,
}

INERT = (
    "node.",
    "log.",
    "jmx.",
    "tracing.",
    "otel.",
    "metrics.jmx-object-names",
    "openmetrics.jmx-object-names",
    "http-server.accept-queue-size",
    "http-server.admin.",
    "http-server.http.acceptor-threads",
    "http-server.http.selector-threads",
    "http-server.https.acceptor-threads",
    "http-server.https.selector-threads",
    "http-server.https.ssl-context.refresh-time",
    "http-server.https.ssl-handshake-timeout",
    "http-server.https.ssl-session-",
    "http-server.http2.",
    "http-server.log.",
    "http-server.max-response-header-size",
    "http-server.output-buffer-size",
    "http-server.show-stack-trace",
    "http-server.threads.",
    "http-server.virtual-threads.",
)
"""Beginnings of keys for threads, logs, tracing and HTTP/2 of the Java program."""
INERT_OF_CLIENTS = (
    "connect-blocking",
    "destination-idle-timeout",
    "http2.",
    "keep-alive-interval",
    "log.",
    "max-connections",
    "max-heap-memory",
    "max-direct-memory",
    "max-request-header-size",
    "max-threads",
    "min-threads",
    "record-request-complete",
    "request-buffer-size",
    "response-buffer-size",
    "selector-count",
    "strict-event-ordering",
    "tcp-keep-alive-idle-time",
    "timeout-concurrency",
    "timeout-threads",
    "use-blocking-connect",
    "use-virtual-threads",
)


@dataclass(slots=True)
class Sorted:
    """The properties, each where it belongs."""

    honoured: dict[str, Any] = field(default_factory=dict)
    """In the shape of `ServerSettings`: those of an HTTP client under the client's name."""
    inert: list[str] = field(default_factory=list)
    flaws: dict[str, str] = field(default_factory=dict)
    """Accepted without effect, by key the reason."""
    refused: dict[str, str] = field(default_factory=dict)
    """By key the remedy."""
    unknown: list[str] = field(default_factory=list)


def sort(properties: Mapping[str, Any]) -> Sorted:
    """A property with no value is as good as not written, but for those that guard: they are refused all the same."""
    found = Sorted()
    for key, value in properties.items():
        client, name = client_of(key)
        honoured, flaws, refused, inert = RULES[client is not None]
        if name in honoured:
            place = found.honoured if client is None else found.honoured.setdefault(client, {})
            place[name] = value
        elif name in flaws:
            found.flaws[key] = flaws[name]
        elif remedy := next((remedy for start, remedy in refused.items() if name.startswith(start)), None):
            found.refused[key] = remedy
        elif name.startswith(inert):
            found.inert.append(key)
        else:
            found.unknown.append(key)
    return found


RULES = {
    False: (HONOURED, FLAWS, REFUSED, INERT),
    True: (HONOURED_BY_CLIENTS, FLAWS_OF_CLIENTS, REFUSED_OF_CLIENTS, INERT_OF_CLIENTS),
}


def client_of(key: str) -> tuple[str | None, str]:
    """The HTTP client that a property is for, if any, and the rest of its name."""
    for client in CLIENTS:
        if key.startswith(f"{client}."):
            return client, key.removeprefix(f"{client}.")
    return None, key


def known() -> Iterator[str]:
    """Every property that means something here."""
    yield from sorted(HONOURED)
    for client in CLIENTS:
        yield from (f"{client}.{name}" for name in sorted(HONOURED_BY_CLIENTS))
