"""The door to HTTP services that are asked a short question: clusters, and other workers. Their errors become ours here."""

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warren.errors import ClusterFellSilent, ClusterMisbehaved, ClusterUnreachable

if TYPE_CHECKING:
    import aiohttp

BODY_LIMIT = 1024 * 1024
"""Bytes of an answer's body that are read; one that is longer is a misbehaving server."""

_WORDS_LIMIT = 200
"""Characters of a library's error text that reach people."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status. The body is as it came: nothing is decoded."""

    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    body: bytes


class Progress:
    """How far one request has come: it decides which of our errors its failure is."""

    __slots__ = ("answered", "connected", "queued", "reused")

    def __init__(self) -> None:
        self.queued = False
        """It waits until a connection is free."""
        self.connected = False
        self.reused = False
        """The connection has carried another request before."""
        self.answered = False
        """The head of the answer is there."""


class HttpClient:
    """Asks one question per connection: no redirects, cookies, proxies of the environment, compression or retries.

    Made inside a running loop; ended with `aclose`. aiohttp takes a tenth of a second to load,
    so it is loaded when the first client is made, not when this module is imported.
    """

    def __init__(self, *, tls: ssl.SSLContext | None, connect_seconds: float, unix_path: Path | None = None) -> None:
        """Without `tls`, certificates are checked against those that the system trusts.

        With `unix_path` every question goes to the socket there, whatever host its URL names.
        """
        import aiohttp

        self._connect_seconds = connect_seconds
        # A cluster is well when it takes connections, so every question opens one. And a kept connection that the server
        # has closed meanwhile would be retried behind our back. No cap: callers ask each server one question at a time,
        # and a hanging one must not delay the others.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls if tls is not None else True, force_close=True, limit=0)
            if unix_path is None
            else aiohttp.UnixConnector(str(unix_path), force_close=True, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity", "User-Agent": "warren"},
            auto_decompress=False,
            trust_env=False,
            trace_configs=[tell_of_connections()],
        )
        # The library would repeat a GET whose connection broke, and offers no other switch; its own test client uses this.
        self._session._retry_connection = False

    async def aclose(self) -> None:
        await self._session.close()

    async def head(self, url: str, headers: Mapping[str, str], *, deadline_seconds: float) -> int:
        """The status of the answer to a HEAD. Raises as `get` does."""
        return (await self._ask("HEAD", url, headers, deadline_seconds, 0)).status

    async def get(
        self, url: str, headers: Mapping[str, str], *, deadline_seconds: float, largest_body: int = BODY_LIMIT
    ) -> Answer:
        """The answer to a GET, of any status.

        Raises ClusterUnreachable when no connection was made (no byte was sent), ClusterFellSilent when the whole
        answer was not there by the deadline, ClusterMisbehaved when it cannot be read or is longer than that.
        """
        return await self._ask("GET", url, headers, deadline_seconds, largest_body)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], deadline_seconds: float, largest_body: int
    ) -> Answer:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=deadline_seconds, connect=self._connect_seconds)
        progress = Progress()
        with our_errors(progress):
            async with self._session.request(
                method, url, headers=headers, timeout=timeout, allow_redirects=False, trace_request_ctx=progress
            ) as response:
                return Answer(response.status, response.headers, await whole_body(response, largest_body))


async def whole_body(response: "aiohttp.ClientResponse", largest: int) -> bytes:
    """Raises ClusterMisbehaved when it is longer than that."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > largest:
            raise ClusterMisbehaved(f"answered with a body of more than {largest} bytes")
    return bytes(body)


def tell_of_connections() -> "aiohttp.TraceConfig":
    """Notes in a request's progress what becomes of its connection; it stands when TLS does, too."""
    import aiohttp

    async def on_queued(_session: object, context: Any, _parameters: object) -> None:
        context.trace_request_ctx.queued = True

    async def on_turn(_session: object, context: Any, _parameters: object) -> None:
        context.trace_request_ctx.queued = False

    async def on_connected(_session: object, context: Any, _parameters: object) -> None:
        context.trace_request_ctx.connected = True

    async def on_reused(_session: object, context: Any, _parameters: object) -> None:
        context.trace_request_ctx.connected = context.trace_request_ctx.reused = True

    config = aiohttp.TraceConfig()
    config.on_connection_queued_start.append(on_queued)
    config.on_connection_queued_end.append(on_turn)
    config.on_connection_create_end.append(on_connected)
    config.on_connection_reuseconn.append(on_reused)
    return config


@contextmanager
def our_errors(progress: Progress) -> Iterator[None]:
    """Translates what the library raises: ClusterUnreachable, ClusterFellSilent, ClusterMisbehaved."""
    import aiohttp

    try:
        yield
    # aiohttp has raised ValueError for hosts and ports that it cannot use, and plain OSError from sockets.
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if progress.queued and isinstance(error, TimeoutError):
            raise ClusterFellSilent("all connections to it were busy until the deadline") from error
        if not progress.connected:
            raise ClusterUnreachable(_in_words(error)) from error
        if isinstance(error, TimeoutError):
            raise ClusterFellSilent("connected, but did not answer in time") from error
        raise ClusterMisbehaved(f"broke off, or its answer cannot be read as HTTP: {_in_words(error)}") from error


def _in_words(error: Exception) -> str:
    """What went wrong, for people: printable and short, whatever the other side sent."""
    import aiohttp

    match error:
        case TimeoutError():
            words = "no connection in time"
        case aiohttp.ClientConnectorCertificateError():
            words = f"its certificate is not trusted: {error.certificate_error}"
        case aiohttp.ClientConnectorDNSError():
            words = f"the name {error.host} cannot be resolved"
        case aiohttp.ClientConnectorError(os_error=OSError(errno=int() as number)) if not isinstance(
            error.os_error, ssl.SSLError
        ):
            words = os.strerror(number).lower()
        case aiohttp.InvalidURL():
            words = "its URL cannot be used"
        case _:
            words = str(error) or type(error).__name__
    printable = "".join(character if character.isprintable() else " " for character in words)
    return printable[:_WORDS_LIMIT]
