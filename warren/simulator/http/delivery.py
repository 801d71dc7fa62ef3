"""Bodies on their way out: compressed when asked, in chunks when large, slow or cut when a test wants that."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aiohttp import web

LARGEST_WITH_LENGTH = 32 * 1024
"""Bytes; longer JSON goes out in chunks, as from the real server."""
SLICES_PER_SECOND = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How a body goes out."""

    bytes_per_second: int | None = None
    cut_after: int | None = None

    @property
    def is_ordinary(self) -> bool:
        return self.bytes_per_second is None and self.cut_after is None

    def over(self, other: "Pace") -> "Pace":
        """This pace, and the other's where this one has no opinion."""
        return Pace(
            other.bytes_per_second if self.bytes_per_second is None else self.bytes_per_second,
            other.cut_after if self.cut_after is None else self.cut_after,
        )


ORDINARY = Pace()


def wants_gzip(request: web.BaseRequest) -> bool:
    wishes = request.headers.get("Accept-Encoding", "").lower().replace(" ", "").split(",")
    return any(wish.partition(";")[0] == "gzip" and not wish.endswith("q=0") for wish in wishes)


async def deliver(request: web.Request, response: web.Response, pace: Pace) -> web.StreamResponse:
    """Send an answer whose body is at hand."""
    body = response.body if isinstance(response.body, bytes) else b""
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    if is_json and response.status == 200 and body and request.method != "HEAD":
        if len(body) > LARGEST_WITH_LENGTH:
            return await stream(request, response.headers, [body], pace)
        if wants_gzip(request) and pace.is_ordinary:
            response.enable_compression(web.ContentCoding.gzip)
    if pace.is_ordinary or not body or request.method == "HEAD":
        return response
    slow = web.StreamResponse(status=response.status, headers=response.headers)
    slow.content_length = len(body)
    return await _send(request, slow, [body], pace)


async def stream(
    request: web.Request, headers: Mapping[str, str], chunks: Iterable[bytes], pace: Pace
) -> web.StreamResponse:
    """Send a body of unknown length, chunk by chunk, no faster than the client reads."""
    response = web.StreamResponse(headers={k: v for k, v in headers.items() if k.lower() != "content-length"})
    if wants_gzip(request) and response.content_type == "application/json":
        response.enable_compression(web.ContentCoding.gzip)
    return await _send(request, response, chunks, pace)


async def _send(
    request: web.Request, response: web.StreamResponse, chunks: Iterable[bytes], pace: Pace
) -> web.StreamResponse:
    await response.prepare(request)
    left = pace.cut_after
    for piece in _sliced(chunks, pace):
        now = piece if left is None else piece[:left]
        await response.write(now)
        if left is not None and (left := left - len(now)) <= 0:
            cut(request)
            return response
        if pace.bytes_per_second:
            await asyncio.sleep(len(now) / pace.bytes_per_second)
    await response.write_eof()
    return response


def _sliced(chunks: Iterable[bytes], pace: Pace) -> Iterator[bytes]:
    most = max(1, pace.bytes_per_second // SLICES_PER_SECOND) if pace.bytes_per_second else 256 * 1024
    for chunk in chunks:
        for start in range(0, len(chunk), most):
            yield chunk[start : start + most]


def cut(request: web.BaseRequest) -> None:
    """Close the connection once what was written has left; the body stays unfinished."""
    if request.transport is not None:
        request.transport.close()
