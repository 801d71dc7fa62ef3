"""Answers that are made here, as bytes."""

from http import HTTPStatus
from typing import Final

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def own_answer(
    status: int, content_type: bytes, body: bytes, extra: tuple[bytes, ...], *, close: bool, head_only: bool
) -> bytes:
    """A whole answer. `extra` are field lines without their line ends."""
    lines = [b"HTTP/1.1 %d %b" % (status, HTTPStatus(status).phrase.encode("ascii"))]
    lines.append(b"Content-Type: " + content_type)
    lines.append(b"Content-Length: %d" % len(body))
    lines.extend(extra)
    if close:
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if head_only else body)
