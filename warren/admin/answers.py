"""How own endpoints answer: JSON as upstream writes it, and refusals in one sentence that a person can act on."""

from collections.abc import Mapping

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

LONGEST_BODY = 1024 * 1024
"""Bytes of a request's body. The largest sensible one, a cluster, has a few hundred."""


class BadJson(Exception):
    """The body is not JSON, or not of the shape that is expected. Its text is shown to the client, who made it."""


def json_answer(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def refusal(
    status: int, sentence: str, *, instance: str, accept: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The same two forms as the refusals of proxied requests: JSON for those who name it in `Accept`, else text."""
    if "application/json" in accept.lower():
        response = json_answer({"status": status, "message": sentence, "instance": instance}, status)
    else:
        response = PlainTextResponse(f"{sentence} (gateway instance {instance})\n", status)
    response.headers.update(headers or {})
    return response


async def body_of(request: Request) -> bytes:
    """The whole body. Raises HTTPException 413 as soon as it is known to be too large, ClientDisconnect when cut."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LONGEST_BODY:
            # The server reads what is left and drops it, so the client gets this answer whole.
            raise HTTPException(413, f"the body has more than {LONGEST_BODY} bytes; send one cluster a request")
        chunks.append(chunk)
    return b"".join(chunks)
