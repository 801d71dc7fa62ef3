"""One entry as a line of a file: JSON behind its checksum, so that half a line is known for what it is."""

import zlib
from collections.abc import Mapping
from dataclasses import fields

import orjson

from warren.history.record import Correction, Entry, Record, cleaned

LONGEST_LINE = 8 * 1024 * 1024
"""Bytes: JSON writes a control character as six, and of a statement there is a mebibyte at most."""

KINDS: dict[str, type[Entry]] = {"record": Record, "correction": Correction}
NAMES = {kind: name for name, kind in KINDS.items()}
TYPES: dict[type[Entry], dict[str, type]] = {
    kind: {field.name: int if field.name == "created" else str for field in fields(kind)} for kind in NAMES
}


def line_of(entry: Entry, **more: object) -> bytes:
    """The line with its end. `more` stands beside the entry, for people."""
    content = orjson.dumps({NAMES[type(entry)]: cleaned(entry), **more})
    return b"%08x %b\n" % (zlib.crc32(content), content)


def entry_of(line: bytes) -> Entry:
    """The entry of a whole line. Raises ValueError for anything that `line_of` has not written."""
    checksum, _, content = line.removesuffix(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(content):
        raise ValueError("the checksum does not fit")
    held = orjson.loads(content)
    for name, kind in KINDS.items():
        values = held.get(name) if isinstance(held, dict) else None
        if isinstance(values, dict) and _fits(values, TYPES[kind]):
            return kind(**values)
    raise ValueError("it is no entry of the history")


LATER = frozenset({"routing_reason"})
"""What lines of former versions do not have."""


def _fits(values: Mapping[str, object], types: Mapping[str, type]) -> bool:
    return types.keys() - LATER <= values.keys() <= types.keys() and all(
        type(value) is types[name] for name, value in values.items()
    )
