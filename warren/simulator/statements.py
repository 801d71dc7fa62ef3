"""`/v1/statement`: register, poll and cancel; `/v1/spooled`: fetch and acknowledge segments."""

import base64
import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

import orjson
import zstandard
from aiohttp import web

from warren.simulator.http import answers, delivery
from warren.simulator.http.addresses import Base
from warren.simulator.http.behaviour import Digest, Log
from warren.simulator.http.delivery import Pace
from warren.simulator.magic import PATTERN
from warren.simulator.pages import Page, Progress, back, front, whole
from warren.simulator.queries import Broken, Gone, Huge, NotFound, Queries, TooMany
from warren.simulator.query import Query
from warren.simulator.spooling import Spooled, chosen_encoding
from warren.simulator.sql.columns import PARAMETRIC_DATETIME
from warren.simulator.sql.failures import Failure
from warren.simulator.sql.rows import Outcome, listed
from warren.simulator.sql.sessions import Session
from warren.simulator.sql.statements import LONGEST_STATEMENT

BASE = web.RequestKey("base", Base)
PACE = web.RequestKey("pace", Pace)
ENCODING = "X-Trino-Query-Data-Encoding"
LONGEST_PREPARED = 1_000_000
"""Bytes of one prepared statement, unpacked."""
COMPRESSED_PREFIX = "$zstd:"
_TOKEN = re.compile(r"\d{1,18}")


def user_of(request: web.Request) -> str | None:
    """Who asks; None when nobody says. A password is refused, as on a server without authentication."""
    named = request.headers.get("X-Trino-User") or request.headers.get("X-Trino-Original-User")
    kind, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return named or None
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return None if password else (named or user or None)


def _pairs(request: web.Request, header: str) -> dict[str, str]:
    """The `name=value` pairs of a header that may repeat and hold lists. Raises ValueError."""
    found: dict[str, str] = {}
    for line in request.headers.getall(header, []):
        for pair in filter(None, (part.strip() for part in line.split(","))):
            name, equals, value = pair.partition("=")
            if not name or not equals:
                raise ValueError(f"Invalid {header} header")
            found[unquote_plus(name)] = unquote_plus(value)
    return found


def _unpacked(statement: str) -> str:
    """A prepared statement, which a client may send compressed. Raises ValueError."""
    if not statement.startswith(COMPRESSED_PREFIX):
        return statement
    try:
        packed = base64.urlsafe_b64decode(statement.removeprefix(COMPRESSED_PREFIX))
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=LONGEST_PREPARED).decode()
    except (binascii.Error, zstandard.ZstdError, UnicodeDecodeError) as error:
        raise ValueError("Invalid X-Trino-Prepared-Statement header") from error


def session_of(request: web.Request, user: str) -> Session:
    """The session in a request's headers. Raises ValueError for headers that cannot be read."""
    headers = request.headers
    catalog, schema = headers.get("X-Trino-Catalog"), headers.get("X-Trino-Schema")
    prepared = _pairs(request, "X-Trino-Prepared-Statement")
    return Session(
        user=user,
        source=headers.get("X-Trino-Source"),
        catalog=catalog.lower() if catalog else None,
        schema=schema.lower() if schema else None,
        transaction=headers.get("X-Trino-Transaction-Id"),
        properties=_pairs(request, "X-Trino-Session"),
        prepared={name.lower(): _unpacked(text) for name, text in prepared.items()},
        parametric=PARAMETRIC_DATETIME in headers.get("X-Trino-Client-Capabilities", ""),
    )


class Statements:
    """The statement protocol of one coordinator."""

    def __init__(self, queries: Queries, log: Log, *, spooling: str | None, storage_url: str) -> None:
        """`spooling`: None, `proxy`, `redirect` or `storage`; `storage_url`: where redirects lead."""
        self._queries = queries
        self._log = log
        self._spooling = spooling
        self._storage_url = storage_url

    async def register(self, request: web.Request) -> web.StreamResponse:
        body, digest = bytearray(), Digest()
        async for chunk in request.content.iter_any():
            digest.add(chunk)
            body += chunk[: max(0, 4 * LONGEST_STATEMENT + 4 - len(body))]
        self._log.posts.append(digest.posted())
        if (user := user_of(request)) is None:
            return answers.unauthorized(request)
        if not body:
            return answers.told(request, 400, "Error 400 Bad Request: SQL statement is empty")
        try:
            session = session_of(request, user)
            encoding = chosen_encoding(request.headers.get(ENCODING, "")) if self._spooling else None
            query = self._queries.register(body.decode("utf-8", "replace"), session, encoding=encoding)
        except ValueError as error:
            return answers.told(request, 400, f"Error 400 Bad Request: {error}")
        except TooMany as error:
            return answers.told(request, 503, f"Error 503 Service Unavailable: {error}")
        page = Page(progress=Progress(state="QUEUED"), next_path=query.path("queued", 1))
        return await self._answer(request, query, page)

    async def poll(self, request: web.Request, phase: str, query_id: str, slug: str, token: str) -> web.StreamResponse:
        if not _TOKEN.fullmatch(token):
            return answers.empty(request, 404)
        query, number = self._queries.find(query_id), int(token)
        if query is None or not query.fits(phase, number, slug):
            return answers.query_not_found(request)
        try:
            ask = self._queries.queued if phase == "queued" else self._queries.executing
            page = await ask(query, number)
        except NotFound:
            return answers.query_not_found(request)
        except Gone as error:
            return answers.gone(request, str(error))
        except Broken as error:
            return answers.broken(request, str(error))
        return await self._answer(request, query, page)

    async def cancel(
        self, request: web.Request, phase: str, query_id: str, slug: str, token: str
    ) -> web.StreamResponse:
        query = self._queries.find(query_id)
        if query is None or not _TOKEN.fullmatch(token) or not query.fits(phase, int(token), slug):
            return answers.query_not_found(request)
        query.polled = True
        if phase == "executing":
            query.forget_page()
        query.end("FAILED", Failure("USER_CANCELED", "Query was canceled"))
        return answers.no_content()

    async def cancel_stage(self, request: web.Request, query_id: str, slug: str, token: str) -> web.StreamResponse:
        """End a query early: it finishes with the rows that its client has."""
        query = self._queries.find(query_id)
        if query is None or not _TOKEN.fullmatch(token) or not query.fits("executing", int(token), slug):
            return answers.query_not_found(request)
        if not query.has_ended:
            columns = query.outcome.columns if query.outcome else ()
            query.outcome = Outcome(columns=columns, rows=listed(columns, []))
            query.stop_early()
        return answers.no_content()

    async def _answer(self, request: web.Request, query: Query, page: Page) -> web.StreamResponse:
        base = request[BASE]
        headers = {ENCODING: query.encoding} if query.encoding else {}
        if isinstance(page.data, Huge):
            return await self._huge(request, query, page, headers)
        data: bytes | None = page.data
        if isinstance(page.data, Spooled):
            storage = self._storage_url if self._spooling == "storage" else None
            data = orjson.dumps(page.data.as_json(base, storage=storage))
        answer = answers.raw_json(request, whole(query.id, page, base, data), headers)
        for name, value in page.headers:
            answer.headers.add(name, value)
        pace = self._pace(query, page)
        return answer if pace.is_ordinary else await delivery.deliver(request, answer, pace.over(request[PACE]))

    @staticmethod
    def _pace(query: Query, page: Page) -> Pace:
        cut = query.magic.cut_after if page.data is not None else None
        return Pace(query.magic.bytes_per_second, cut)

    async def _huge(
        self, request: web.Request, query: Query, page: Page, headers: dict[str, str]
    ) -> web.StreamResponse:
        told = {**answers.varying(request), **headers, "Content-Type": "application/json", **answers.NOSNIFF}
        if request.method == "HEAD":
            return web.Response(headers=told)
        pace = self._pace(query, page).over(request[PACE])
        chunks = huge_page(front(query.id, page, request[BASE]), back(page), page.data.length)
        return await delivery.stream(request, told, chunks, pace)

    async def download(self, request: web.Request, identifier: str) -> web.StreamResponse:
        if refusal := self._foreign(request, identifier):
            return refusal
        data = self._queries.storage.read(identifier)
        if data is None:
            return answers.accident(request, "java.io.IOException: Segment not found or expired")
        if self._spooling == "redirect":
            return answers.empty(request, 303, {"Location": f"{self._storage_url}{identifier}"})
        headers = {**answers.varying(request), "Content-Type": "application/octet-stream"}
        if request.method == "HEAD":
            return web.Response(headers=headers)
        return await delivery.stream(request, headers, [data], request[PACE])

    def _foreign(self, request: web.Request, identifier: str) -> web.Response | None:
        """The answer to an identifier of somebody else: an accident, as in the real server, which cannot decrypt it."""
        if self._spooling is None:
            return answers.not_found(request)
        if self._queries.storage.is_ours(identifier):
            return None
        return answers.accident(request, "java.lang.RuntimeException: Could not decode segment identifier from URI")

    async def fetch(self, request: web.Request, identifier: str) -> web.StreamResponse:
        """What an object store does: its own address, no Trino in it."""
        data = self._queries.storage.read(identifier)
        if data is None:
            return web.Response(status=404)
        answer = web.Response(body=data, headers={"Content-Type": "application/octet-stream"})
        return await delivery.deliver(request, answer, request[PACE])

    async def acknowledge(self, request: web.Request, identifier: str) -> web.StreamResponse:
        if refusal := self._foreign(request, identifier):
            return refusal
        self._queries.storage.acknowledge(identifier)
        return answers.empty(request)


def huge_page(before: bytes, after: bytes, length: int) -> Iterator[bytes]:
    """A page with one value of `length` characters, never held whole."""
    yield before + b',"data":[["'
    for _ in range(length // len(PATTERN)):
        yield PATTERN
    yield PATTERN[: length % len(PATTERN)] + b'"]]' + after
