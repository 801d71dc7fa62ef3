"""Results as segments: small ones inline, large ones spooled, fetched and acknowledged by their own addresses."""

import base64
import datetime as dt
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lz4.block
import zstandard

from warren.simulator.http.addresses import Base

ENCODINGS = ("json+zstd", "json+lz4", "json")
LARGEST_INLINE = 128 * 1024
"""Bytes of JSON; what is larger is spooled."""
COMPRESSED_FROM = 8 * 1024
"""Bytes of JSON; what is smaller is not worth compressing, and its metadata says so by omission."""
MOST_BYTES = 256 * 1024 * 1024
"""Bytes of segments kept; the oldest go first."""
MOST_SEGMENTS = 10_000
LIFE = dt.timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Spooled:
    """One segment of a result, as a page tells of it."""

    encoding: str
    metadata: Mapping[str, Any]
    inline: bytes | None
    identifier: str | None

    def as_json(self, base: Base, *, storage: str | None) -> dict[str, Any]:
        if self.identifier is None:
            data = base64.b64encode(self.inline or b"").decode("ascii")
            return self._told({"type": "inline", "data": data, "metadata": self.metadata})
        direct = f"{storage}{self.identifier}" if storage else base.url(f"/v1/spooled/download/{self.identifier}")
        return self._told(
            {
                "type": "spooled",
                "uri": direct,
                "ackUri": base.url(f"/v1/spooled/ack/{self.identifier}"),
                "metadata": self.metadata,
            }
        )

    def _told(self, segment: dict[str, Any]) -> dict[str, Any]:
        return {"encoding": self.encoding, "segments": [segment]}


def chosen_encoding(asked: str) -> str | None:
    """The first of the client's encodings that is known here."""
    wishes = (wish.strip() for wish in asked.split(","))
    return next((wish for wish in wishes if wish in ENCODINGS), None)


def compressed(data: bytes, encoding: str) -> bytes:
    match encoding:
        case "json+zstd":
            return zstandard.ZstdCompressor(level=1).compress(data)
        case "json+lz4":
            return bytes(lz4.block.compress(data, store_size=False))
        case _:
            return data


class Storage:
    """The segments of one coordinator, for any thread. Identifiers tell nothing and belong to nobody else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._segments: OrderedDict[str, bytes | None] = OrderedDict()
        self._bytes = 0

    def segment(self, rows: bytes, count: int, offset: int, encoding: str) -> Spooled:
        """Make a segment of some rows (a JSON array) and keep it, unless it is small enough to go inline."""
        data, metadata = rows, {"segmentSize": len(rows)}
        if encoding != "json" and len(rows) >= COMPRESSED_FROM:
            data = compressed(rows, encoding)
            metadata = {"segmentSize": len(data), "uncompressedSize": len(rows)}
        metadata["rowsCount"] = count
        if len(rows) <= LARGEST_INLINE:
            return Spooled(encoding, {**metadata, "rowOffset": offset}, data, None)
        expires = (dt.datetime.now(dt.UTC) + LIFE).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        told = {**metadata, "expiresAt": expires, "rowOffset": offset}
        return Spooled(encoding, told, None, self._keep(data))

    def _keep(self, data: bytes) -> str:
        identifier = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii")
        with self._lock:
            self._segments[identifier] = data
            self._bytes += len(data)
            while len(self._segments) > MOST_SEGMENTS or (self._bytes > MOST_BYTES and len(self._segments) > 1):
                _, oldest = self._segments.popitem(last=False)
                self._bytes -= len(oldest or b"")
        return identifier

    def is_ours(self, identifier: str) -> bool:
        """Whether it was made here and not long ago; acknowledged or not."""
        return identifier in self._segments

    def read(self, identifier: str) -> bytes | None:
        """The segment's bytes, or None when it is not ours or was acknowledged."""
        return self._segments.get(identifier)

    def acknowledge(self, identifier: str) -> bool:
        """Let go of a segment; twice is harmless. False when it was never ours."""
        with self._lock:
            if identifier not in self._segments:
                return False
            self._bytes -= len(self._segments[identifier] or b"")
            self._segments[identifier] = None
            return True
