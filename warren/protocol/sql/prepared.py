"""The prepared statements that a client sends along with every request, in X-Trino-Prepared-Statement."""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

import zstandard

COMPRESSED = "$zstd:"

MOST = 10_000
"""Statements in the headers of one request."""
LARGEST_WINDOW = 8 * 1024 * 1024
"""Bytes that a decompressor may have to keep; the size that every one should support, says RFC 8878."""


class Unreadable(Exception):
    """The header breaks Trino's rules. Says which, in words for people."""


class PreparedStatements:
    """Nothing is decoded until a statement is asked for."""

    __slots__ = ("_largest", "_lines")

    def __init__(self, lines: Sequence[bytes], *, largest: int) -> None:
        """`lines`: the values of all such headers. `largest`: characters of one statement."""
        self._lines = lines
        self._largest = largest

    def __call__(self, name: str) -> str | None:
        """The SQL of a statement, None when there is none of that name."""
        found = None
        for number, entry in enumerate(self._entries()):
            if number == MOST:
                raise Unreadable(f"more than {MOST:,} prepared statements")
            named, equals, value = entry.partition("=")
            if not equals:
                raise Unreadable(
                    "a prepared statement in the header X-Trino-Prepared-Statement is not of the form name=value"
                )
            if unquote_plus(named.strip()) == name:
                found = value
        return None if found is None else self._decoded(unquote_plus(found.strip()), name)

    def _entries(self) -> Iterator[str]:
        for line in self._lines:
            for entry in line.decode("utf-8", "replace").split(","):
                if entry := entry.strip():
                    yield entry

    def _decoded(self, value: str, name: str) -> str:
        if value.startswith(COMPRESSED):
            value = self._decompressed(value.removeprefix(COMPRESSED), name)
        if len(value) > self._largest:
            raise Unreadable(self._too_long(name))
        return value

    def _decompressed(self, value: str, name: str) -> str:
        # UTF-8 takes four bytes for a character at most.
        most = 4 * self._largest
        try:
            frame = b64decode(value + "=" * (-len(value) % 4), altchars="-_", validate=True)
            if zstandard.frame_content_size(frame) > most:
                raise Unreadable(self._too_long(name))
            decompressor = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
            # Bound also where the frame does not say its size; what it says is checked above, before memory is taken.
            return decompressor.decompress(frame, max_output_size=most).decode("utf-8", "replace")
        except (ValueError, zstandard.ZstdError) as error:
            raise Unreadable(f"the prepared statement {name} cannot be decompressed: {error}") from error

    def _too_long(self, name: str) -> str:
        return f"the prepared statement {name} is longer than {self._largest:,} characters"
