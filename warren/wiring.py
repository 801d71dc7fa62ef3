"""From the settings to what each room wants to be told: pure translation."""

import secrets

from warren.history.record import LONGEST_TEXT
from warren.proxy.search import SearchLimits
from warren.proxy.submission import SubmissionLimits
from warren.settings.root import Settings
from warren.settings.server import ForwardedMode
from warren.wire.serving import ServingLimits
from warren.wire.syntax.forwarded import Believe, Forwarding
from warren.wire.upstream import UpstreamLimits

PROBE_SECONDS = 5.0

BELIEVE = {
    ForwardedMode.ABSENT: Believe.SHAPE,
    ForwardedMode.REJECT: Believe.REFUSED,
    ForwardedMode.ACCEPT: Believe.ALL,
    ForwardedMode.IGNORE: Believe.NOTHING,
}


def forwarding(settings: Settings, instance: str) -> Forwarding:
    return Forwarding(
        # Two instances may share a name; one that meets its own pseudonym has met itself.
        pseudonym=f"{instance}-{secrets.token_hex(4)}".encode("ascii"),
        believe=BELIEVE[settings.server.forwarded],
        trusted=settings.trusted_proxies,
        enabled=settings.routing.forwarded_headers_enabled,
    )


def upstream_limits(settings: Settings) -> UpstreamLimits:
    client = settings.server.proxy_client
    return UpstreamLimits(
        connect_timeout=client.connect_timeout_seconds,
        idle_timeout=client.idle_timeout_seconds,
        max_connections=client.max_connections_per_server,
        max_waiting=client.max_requests_queued_per_destination,
        max_head=client.max_response_header_bytes,
        max_fields=settings.limits.max_header_count,
    )


def serving_limits(settings: Settings, max_connections: int) -> ServingLimits:
    server = settings.server
    return ServingLimits(
        max_head=server.max_request_header_bytes,
        max_fields=settings.limits.max_header_count,
        head_timeout=settings.limits.head_timeout,
        idle_timeout=server.max_idle_seconds,
        body_idle=server.proxy_client.idle_timeout_seconds,
        max_connections=max_connections,
    )


def submission_limits(settings: Settings) -> SubmissionLimits:
    routing = settings.routing
    return SubmissionLimits(
        try_timeout=min(routing.statement_try_timeout, other_patience(settings)),
        timeout=min(routing.statement_timeout, other_patience(settings)),
        body_kept=settings.limits.statement_body_kept,
        text_kept=LONGEST_TEXT if keeps_history(settings) else 0,
    )


def keeps_history(settings: Settings) -> bool:
    """Whether statements are recorded, and looked up, in `query_history`."""
    return settings.data_store is None or settings.data_store.query_history_enabled


def search_limits(settings: Settings) -> SearchLimits:
    search = settings.search
    return SearchLimits(
        at_once=search.max_concurrent,
        at_once_per_client=search.max_concurrent_per_client,
        ignore_unreachable_after=search.ignore_unreachable_after,
        patience=follow_patience(settings),
        other_patience=other_patience(settings),
    )


def other_patience(settings: Settings) -> float:
    """No wait for the head of an answer is longer than this."""
    return min(settings.routing.async_timeout, settings.server.proxy_client.request_timeout_seconds)


def follow_patience(settings: Settings) -> float:
    return min(settings.routing.follow_timeout, other_patience(settings))


def probe_seconds(settings: Settings) -> float:
    """How long a cluster may take to say how it is; upstream's default of five minutes is no answer to that."""
    client = settings.server.monitor_client
    return client.request_timeout_seconds if "request_timeout_seconds" in client.model_fields_set else PROBE_SECONDS


def probe_headers(settings: Settings, *, port: int, secure: bool, pseudonym: str) -> dict[str, str]:
    """The headers that traffic carries: a cluster that refuses those would refuse every statement.

    `Via` tells a gateway that it is asked by itself.
    """
    via = {"Via": f"1.1 {pseudonym}"}
    if not settings.routing.forwarded_headers_enabled:
        return via
    return via | {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": "https" if secure else "http",
        "X-Forwarded-Host": f"localhost:{port}",
        "X-Forwarded-Port": str(port),
    }


def runs_migrations(settings: Settings) -> bool:
    return settings.data_store is None or settings.data_store.run_migrations_enabled
