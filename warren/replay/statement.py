"""A statement of the past, as replay takes it, and where such a statement goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

HOUR_MS = 3_600_000
LATEST_MS = 4_102_444_800_000
"""The year 2100: a later time is a mistake."""

EXAMPLE_CHARACTERS = 80
"""Of a statement's text, in an example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is known of a statement that somebody has sent."""

    name: str
    """Its query id, or the line that it stands on."""
    sql: str
    when: int
    """Unix time in milliseconds."""
    is_timed: bool = True
    """False when nobody wrote the time down, and now is taken for it."""
    user: str = ""
    source: str = ""
    group: str | None = None
    """The routing group that ran it; None when nobody wrote that down."""
    cluster: str = ""
    """The cluster that ran it; empty when that is not known."""
    headers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By lower-case name the values; never an empty sequence."""
    client_address: str = ""
    wall_seconds: float | None = None
    """How long it ran; None when that is not known."""


class Kind(Enum):
    """What a place is."""

    GROUP = "group"
    CLUSTER = "cluster"
    REJECTED = "rejected"
    UNKNOWN = "notRecorded"
    OTHERS = "others"


class Place(NamedTuple):
    """Where a statement goes: to a group, to a cluster that a rule pins, or nowhere."""

    kind: Kind
    name: str = ""


REJECTED = Place(Kind.REJECTED)
UNKNOWN = Place(Kind.UNKNOWN)
OTHERS = Place(Kind.OTHERS)
"""Stands for many places that are not told apart."""


def in_words(place: Place) -> str:
    """The place, printable and short."""
    match place.kind:
        case Kind.GROUP:
            return printable(place.name, EXAMPLE_CHARACTERS)
        case Kind.CLUSTER:
            return f"cluster {printable(place.name, EXAMPLE_CHARACTERS)}"
        case Kind.REJECTED:
            return "rejected"
        case Kind.UNKNOWN:
            return "(not recorded)"
        case Kind.OTHERS:
            return "(others)"


def printable(text: str, longest: int) -> str:
    """The beginning of a text, on one line, without what a terminal would obey."""
    line = " ".join(text[: 8 * longest].split())
    kept = "".join(character if character.isprintable() else "?" for character in line[:longest])
    return kept if len(line) <= longest and len(text) <= 8 * longest else f"{kept}…"
