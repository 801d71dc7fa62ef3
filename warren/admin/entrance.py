"""The door to own endpoints: who may come in, and what every answer carries."""

from collections.abc import Sequence
from email.utils import formatdate
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from warren.admin.answers import refusal

log = structlog.get_logger()

CLIENT_ADDRESS = "X-Warren-Client-Address"
"""Set by the data plane, which removes what a client sends under this name. Trusted on the private socket alone."""

LIVEZ = "/trino-gateway/livez"
READYZ = "/trino-gateway/readyz"

_OPEN = frozenset({LIVEZ, READYZ})
"""Answered to everybody: load balancers ask from anywhere, and learn one word. `readyz` itself keeps its details."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

Network = IPv4Network | IPv6Network


class Entrance:
    """ASGI around the app: refuses strangers and foreign pages, adds the headers that all answers have, logs bugs."""

    def __init__(self, app: ASGIApp, *, instance: str, allow_from: Sequence[Network]) -> None:
        self._app = app
        self._instance = instance
        self._allow_from = tuple(allow_from)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(MutableHeaders(scope=message))
            await send(message)

        headers = Headers(scope=scope)
        scope["path"] = scope["path"].removesuffix("/") or "/"
        answer: ASGIApp = self._refusal(scope["method"], scope["path"], headers) or self._app
        try:
            await answer(scope, receive, send_with_headers)
        except ClientDisconnect:
            log.debug("admin_client_left")
        except Exception:
            # The app has answered 500 by now; what went wrong is for the log alone.
            log.exception("admin_endpoint_failed", method=scope["method"])

    def _refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        if is_from_inside(headers) and method in _SAFE:
            return None
        if path not in _OPEN and not may_enter(headers, self._allow_from):
            sentence = f"{client_address(headers) or 'an unknown address'} is in none of the networks of adminAllowFrom"
        elif method not in _SAFE and _comes_from_elsewhere(headers):
            sentence = (
                "a page of another site asks for this change; changes are made from this site or without a browser"
            )
        else:
            return None
        return refusal(403, sentence, instance=self._instance, accept=headers.get("accept", ""))


def is_from_inside(headers: Headers) -> bool:
    """Whether another worker of this host asks: what comes through the data plane always has a client's address."""
    return CLIENT_ADDRESS not in headers


def may_enter(headers: Headers, allow_from: Sequence[Network]) -> bool:
    """Whether the client's address is in one of these networks; never when it is unknown."""
    address = client_address(headers)
    return address is not None and any(
        address.version == network.version and address in network for network in allow_from
    )


def client_address(headers: Headers) -> IPv4Address | IPv6Address | None:
    """Who asks, as the data plane saw it; None when it did not say so exactly once. An IPv4 client is IPv4 always."""
    given = headers.getlist(CLIENT_ADDRESS)
    try:
        address = ip_address(given[0]) if len(given) == 1 else None
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _comes_from_elsewhere(headers: Headers) -> bool:
    """Whether a browser sends this for a page of another site. Other programs send neither header."""
    if headers.get("sec-fetch-site", "").strip().lower() == "cross-site":
        return True
    origin = headers.get("origin")
    if origin is None:
        return False
    scheme, _, authority = origin.strip().lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme, "")
    # A balancer in front may have put its own name into Host; a foreign page cannot set X-Forwarded-Host, for which its
    # browser would have to ask leave first.
    ours = [*headers.getlist("host"), *headers.getlist("x-forwarded-host")]
    return not authority or authority.removesuffix(port) not in {
        host.strip().lower().removesuffix(port) for host in ours
    }


def _add_headers(headers: MutableHeaders) -> None:
    headers["Date"] = formatdate(usegmt=True)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cache-Control"] = "no-store"
