"""A small `/ui/` with Trino's login, cookie and statistics: enough for what logs in to look at them."""

import base64
import binascii
import hashlib
import hmac
import html
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from warren.simulator.http import answers
from warren.simulator.operations import Operations
from warren.simulator.queries import Queries
from warren.simulator.statements import BASE

COOKIE = "Trino-UI-Token"
SESSION_SECONDS = 24 * 3600
LARGEST_FORM = 64 * 1024
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Trino simulator</title></head>
<body><h1>Trino simulator</h1>{}</body></html>
"""
LOGIN = PAGE.format(
    '<form method="post" action="login"><label>Username <input name="username"></label>'
    '<input type="hidden" name="password"><button>Log in</button></form>'
)


def _packed(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode("ascii").rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """What a browser sees of one coordinator. A session is good here only: its key is this process's own."""

    def __init__(self, queries: Queries, operations: Operations) -> None:
        self._queries = queries
        self._operations = operations
        self._key = secrets.token_bytes(32)

    def _signed(self, body: str) -> str:
        return _packed(hmac.new(self._key, body.encode(), hashlib.sha256).digest())

    def _token(self, user: str) -> str:
        claims = {"sub": user, "exp": int(time.time()) + SESSION_SECONDS, "aud": ["trino-ui"]}
        body = ".".join(_packed(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
        return f"{body}.{self._signed(body)}"

    def _user(self, request: web.Request) -> str | None:
        body, _, signature = request.cookies.get(COOKIE, "").rpartition(".")
        if not body or not hmac.compare_digest(self._signed(body).encode(), signature.encode()):
            return None
        try:
            claims: dict[str, Any] = json.loads(_unpacked(body.partition(".")[2]))
        except (ValueError, binascii.Error):
            return None
        return str(claims["sub"]) if claims["exp"] > time.time() else None

    @staticmethod
    def _see_other(request: web.Request, path: str, cookie: str | None = None) -> web.Response:
        headers = {"Location": request[BASE].url(path)}
        if cookie:
            secure = "Secure;" if request[BASE].scheme == "https" else ""
            headers["Set-Cookie"] = f"{COOKIE}={cookie};Version=1;Path=/ui;{secure}HttpOnly"
        return answers.empty(request, 303, headers)

    async def root(self, request: web.Request) -> web.StreamResponse:
        return self._see_other(request, "/ui/")

    async def login(self, request: web.Request) -> web.StreamResponse:
        form = parse_qs((await request.content.read(LARGEST_FORM)).decode("utf-8", "replace"))
        user = form.get("username", [""])[0]
        if not user or form.get("password"):  # as on a server without authentication: no password may be given
            return self._see_other(request, "/ui/login.html")
        return self._see_other(request, "/ui/", self._token(user))

    async def page(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.path
        if path == "/ui/login.html":
            return self._html(request, LOGIN)
        user = self._user(request)
        if path.startswith("/ui/api/"):
            return await self._api(request, path.removeprefix("/ui/api/"), user)
        if path == "/ui/logout":
            return answers.empty(
                request,
                303,
                {
                    "Location": request[BASE].url("/ui/login.html"),
                    "Set-Cookie": f"{COOKIE}=delete;Version=1;Path=/ui;Max-Age=0;HttpOnly",
                },
            )
        if user is None:
            back = "" if path == "/ui/" else f"?{path}"
            return self._see_other(request, f"/ui/login.html{back}")
        if path in {"/ui/", "/ui/index.html", "/ui/query.html"}:
            lines = "".join(
                f"<li><code>{q.id}</code> {q.state} {html.escape(q.sql[:200])}</li>" for q in list(self._queries)[-100:]
            )
            return self._html(request, PAGE.format(f"<p>Hello {html.escape(user)}.</p><ul>{lines}</ul>"))
        return answers.not_found(request)

    @staticmethod
    def _html(request: web.Request, text: str) -> web.Response:
        headers = {**answers.varying(request), "Content-Type": "text/html", **answers.NOSNIFF}
        return web.Response(body=text.encode(), headers=headers)

    async def _api(self, request: web.Request, what: str, user: str | None) -> web.StreamResponse:
        if user is None:
            headers = {"Content-Type": "text/plain;charset=utf-8", "WWW-Authenticate": "Trino-Form-Login"}
            return web.Response(status=401, body=b"Unauthorized", headers={**answers.varying(request), **headers})
        if what == "stats":
            return answers.json_answer(request, self.statistics())
        if what == "cluster":
            return answers.json_answer(request, self._operations.cluster())
        if what == "query":
            return answers.json_answer(request, self._operations.listed(request, request.query.get("state", "")))
        return answers.not_found(request)

    def statistics(self) -> dict[str, Any]:
        """What `/ui/api/stats` tells; monitors live on it."""
        states = [query.state for query in self._queries]
        return {
            "runningQueries": states.count("RUNNING"),
            "blockedQueries": 0,
            "queuedQueries": states.count("QUEUED"),
            "activeCoordinators": 1,
            "activeWorkers": 1,
            "runningDrivers": 0,
            "totalAvailableProcessors": 2,
            "reservedMemory": 0.0,
            "totalInputRows": sum(query.rows for query in self._queries),
            "totalInputBytes": 0,
            "totalCpuTimeSecs": 0,
        }
