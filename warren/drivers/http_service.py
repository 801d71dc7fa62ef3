"""The door to HTTP services that are asked with every statement: connections are kept. Their errors become ours here."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warren.drivers.http import BODY_LIMIT, Answer, Progress, our_errors, tell_of_connections, whole_body
from warren.errors import ClusterMisbehaved

if TYPE_CHECKING:
    import aiohttp

CONNECTIONS_PER_HOST = 64
"""Connections to one host at once; who asks beyond that waits for a free one, within the same deadline."""

KEPT_SECONDS = 15.0
"""So long an idle connection is kept: less than the time after which firewalls forget it without a word."""

Pairs = Sequence[tuple[str, str]]
"""Header fields in their order. A name may stand there several times, in any spelling."""


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    url: str
    headers: Pairs
    body: bytes | None


class KeptHttpClient:
    """Asks over kept connections: no redirects, cookies, proxies of the environment or compression.

    A question may reach the server twice: whoever asks must be free to ask it again. That happens in one case only,
    when a connection that has carried another question before is found closed, as it is after a server's restart.

    Made inside a running loop; ended with `aclose`. aiohttp is loaded when the first client is made.
    """

    def __init__(self, *, tls: ssl.SSLContext | None, connect_seconds: float) -> None:
        """Without `tls`, certificates are checked against those that the system trusts."""
        import aiohttp

        # Not `connect`: that would count the time spent waiting for a free connection, which says nothing of the network.
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
        self._kept = _session(
            aiohttp.TCPConnector(
                ssl=tls if tls is not None else True,
                limit=0,
                limit_per_host=CONNECTIONS_PER_HOST,
                keepalive_timeout=KEPT_SECONDS,
            )
        )
        # Where one kept connection is stale, the others are likely to be: the second try must not take one of them.
        self._fresh = _session(
            aiohttp.TCPConnector(
                ssl=tls if tls is not None else True,
                limit=0,
                limit_per_host=CONNECTIONS_PER_HOST,
                force_close=True,
            )
        )

    async def aclose(self) -> None:
        await self._kept.close()
        await self._fresh.close()

    async def get(self, url: str, headers: Pairs, *, deadline_seconds: float) -> Answer:
        """The answer to a GET, of any status. Raises what `post` raises."""
        return await self._ask(_Question("GET", url, headers, None), deadline_seconds)

    async def post(self, url: str, headers: Pairs, body: bytes, *, deadline_seconds: float) -> Answer:
        """The answer to a POST that may be repeated, of any status.

        Raises ClusterUnreachable when no connection was made (no byte was sent), ClusterFellSilent when the whole
        answer was not there by the deadline, ClusterMisbehaved when it cannot be read or is longer than BODY_LIMIT.
        """
        return await self._ask(_Question("POST", url, headers, body), deadline_seconds)

    async def _ask(self, question: _Question, deadline_seconds: float) -> Answer:
        progress = Progress()
        until = asyncio.get_running_loop().time() + deadline_seconds
        try:
            with our_errors(progress):
                async with asyncio.timeout_at(until):
                    return await self._try(self._kept, question, progress)
        except ClusterMisbehaved as failure:
            if not progress.reused or progress.answered or not _is_closed_before_it_answered(failure.__cause__):
                raise
        progress = Progress()
        with our_errors(progress):
            async with asyncio.timeout_at(until):
                return await self._try(self._fresh, question, progress)

    async def _try(self, session: "aiohttp.ClientSession", question: _Question, progress: Progress) -> Answer:
        async with session.request(
            question.method,
            question.url,
            headers=_in_one_spelling(question.headers),
            data=question.body,
            timeout=self._timeout,
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            progress.answered = True
            return Answer(response.status, response.headers, await whole_body(response, BODY_LIMIT))


def _session(connector: "aiohttp.TCPConnector") -> "aiohttp.ClientSession":
    import aiohttp

    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "warren"},
        auto_decompress=False,
        trust_env=False,
        trace_configs=[tell_of_connections()],
    )
    # The library would repeat a GET on any connection that broke, and perhaps on another stale one; it has no other switch.
    session._retry_connection = False
    return session


def _is_closed_before_it_answered(error: BaseException | None) -> bool:
    import aiohttp

    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it is the part of an answer's head that had come
    # With a reset the beginning of an answer may be lost: nobody can tell, and the question may be asked again.
    return isinstance(error, aiohttp.ClientOSError | ConnectionError)


def _in_one_spelling(headers: Pairs) -> list[tuple[str, str]]:
    """Each name as it is spelled first: of two spellings the library would send the last one's values alone."""
    spelled: dict[str, str] = {}
    return [(spelled.setdefault(name.lower(), name), value) for name, value in headers]
