"""Where a chunked body ends (RFC 9112, section 7.1). Pure; the body itself is passed on as it came.

Ours, because the end must be known to the byte (what follows is the next message) and httptools does not tell it.
Fuzzed against httptools and h11 in tests/wire/syntax/test_chunks_fuzz.py.
"""

import re
from typing import Final

from warren.wire.syntax.heads import TOKEN, VALUE, Malformed

MAX_LINE: Final = 4096
"""Bytes of a chunk's size line with its extensions."""

MAX_TRAILERS: Final = 16 * 1024
"""Bytes of all trailer fields together."""

_SIZE: Final = (
    rb"([0-9A-Fa-f]{1,15})(?:;"
    + TOKEN
    + rb"++(?:=(?:"
    + TOKEN
    + rb"++|\"[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]*+\"))?)*+"
)
_SIZE_LINE: Final = re.compile(_SIZE)
_BETWEEN: Final = re.compile(rb"\r\n" + _SIZE + rb"\r\n")
"""What stands between the data of two chunks."""
_TRAILER: Final = re.compile(
    rb"(?!(?i:content-length|transfer-encoding|host|trailer|connection):)" + TOKEN + rb"++:" + VALUE + rb"*+"
)


class ChunkReader:
    """Follows a chunked body piece by piece and finds its end."""

    __slots__ = ("_left", "_line", "_trailer_bytes", "_trailers", "_wants_line_end")

    def __init__(self) -> None:
        self._left = 0  # bytes of the present chunk that are still to come
        self._wants_line_end = False  # the chunk's data is complete, its CRLF is not
        self._line = b""  # the beginning of a line whose end is still to come
        self._trailers = False  # the last chunk has been seen
        self._trailer_bytes = 0

    def feed(self, data: bytes, start: int = 0, into: list[bytes] | None = None) -> int:
        """The position just past the body's end, or -1 when more of it is to come.

        The content, without its framing, is appended to `into` when that is given. Raises Malformed.
        """
        position, size = start, len(data)
        while position < size:
            if self._left:
                step = min(self._left, size - position)
                if into is not None:
                    into.append(data[position : position + step])
                self._left -= step
                position += step
                self._wants_line_end = not self._left
                continue
            if self._wants_line_end and not self._line:
                position = _past_whole_chunks(data, position, into)
            end = data.find(b"\n", position)
            if end < 0:
                self._keep(data[position:])
                return -1
            line = self._line + data[position : end + 1]
            self._line = b""
            position = end + 1
            if self._read_line(line):
                return position
        return -1

    def _keep(self, rest: bytes) -> None:
        self._line += rest
        if len(self._line) > (2 if self._wants_line_end else MAX_LINE):
            raise Malformed("a chunk's size line is too long, or its end is missing")

    def _read_line(self, line: bytes) -> bool:
        """True when this line ends the body."""
        if not line.endswith(b"\r\n"):
            raise Malformed("a line of a chunked body must end with CR LF")
        line = line[:-2]
        if self._wants_line_end:
            if line:
                raise Malformed("a chunk is longer than its size says")
            self._wants_line_end = False
            return False
        if self._trailers:
            return self._read_trailer(line)
        found = _SIZE_LINE.fullmatch(line)
        if found is None or len(line) > MAX_LINE:
            raise Malformed("a chunk's size is not a hexadecimal number")
        self._left = int(found[1], 16)
        self._trailers = not self._left
        return False

    def _read_trailer(self, line: bytes) -> bool:
        self._trailer_bytes += len(line)
        if line and (self._trailer_bytes > MAX_TRAILERS or not _TRAILER.fullmatch(line)):
            raise Malformed("a trailer field is malformed, forbidden or too long")
        return not line


def _past_whole_chunks(data: bytes, position: int, into: list[bytes] | None) -> int:
    """From the end of one chunk's data to that of the last chunk that is here whole: makes many tiny chunks cheap.

    Whatever is unusual about a chunk, it stops before that.
    """
    size = len(data)
    while found := _BETWEEN.match(data, position):
        begin = found.end()
        after = begin + int(found[1], 16)
        if after == begin or after > size or begin - position > MAX_LINE:
            break
        if into is not None:
            into.append(data[begin:after])
        position = after
    return position
