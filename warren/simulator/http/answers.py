"""The coordinator's plain answers, with the headers and words of the real one."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

VARY = {"Vary": "Accept-Encoding"}
NOSNIFF = {"X-Content-Type-Options": "nosniff"}
WHO_ARE_YOU = "Basic authentication or X-Trino-Original-User or X-Trino-User must be sent"


def varying(request: web.Request) -> dict[str, str]:
    """Trino varies answers to GET and POST only."""
    return dict(VARY) if request.method in {"GET", "POST"} else {}


def raw_json(request: web.Request, body: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    told = {**varying(request), **(headers or {}), "Content-Type": "application/json", **NOSNIFF}
    return web.Response(body=body, headers=told)


def json_answer(request: web.Request, value: Any) -> web.Response:
    return raw_json(request, orjson.dumps(value))


def told(request: web.Request, status: int, text: str) -> web.Response:
    """A short text, as Trino's own errors are."""
    return web.Response(status=status, body=text.encode(), headers={**varying(request), "Content-Type": "text/plain"})


def empty(request: web.Request, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, headers={**varying(request), **(headers or {})})


def no_content() -> web.Response:
    return web.Response(status=204)


def not_found(request: web.Request) -> web.Response:
    return told(request, 404, "Error 404 Not Found: HTTP 404 Not Found")


def query_not_found(request: web.Request) -> web.Response:
    return told(request, 404, "Error 404 Not Found: Query not found")


def gone(request: web.Request, words: str = "HTTP 410 Gone") -> web.Response:
    return told(request, 410, f"Error 410 Gone: {words}")


def accident(request: web.Request, words: str) -> web.Response:
    """What Trino did not expect: the exception and, in the real one, its stack."""
    return told(request, 500, f"{words}\n\tat io.trino.server.protocol\n")


def broken(request: web.Request, words: str) -> web.Response:
    return accident(request, f"com.google.common.base.VerifyException: {words}")


def unauthorized(request: web.Request) -> web.Response:
    return web.Response(
        status=401,
        body=WHO_ARE_YOU.encode(),
        headers={
            **varying(request),
            "Content-Type": "text/plain;charset=utf-8",
            "WWW-Authenticate": 'Basic realm="Trino"',
        },
    )


def method_not_allowed(request: web.Request, allow: str) -> web.Response:
    return empty(request, 405, {"Allow": allow})


def server_refuses(status: int, reason: str, url: str) -> web.Response:
    """What the HTTP server itself says, before Trino sees the request."""
    text = f"HTTP ERROR {status} {reason}\nURI: {url}\nSTATUS: {status}\nMESSAGE: {reason}\n"
    return web.Response(
        status=status,
        body=text.encode("latin-1", "replace"),
        headers={"Cache-Control": "must-revalidate,no-cache,no-store", "Content-Type": "text/plain;charset=iso-8859-1"},
    )
