"""What supervisor and workers say to each other: JSON lines over a pair of sockets, each a whole picture."""

from dataclasses import dataclass
from enum import Enum

import orjson

from warren.errors import Problem

LONGEST_LINE = 1024 * 1024
"""Bytes; Linux has room for all that is wrong with a configuration."""


class Standing(Enum):
    """How far an instance has come."""

    STARTING = "starting"
    STARTED = "started"
    """It answers, though `readyz` says 503."""
    READY = "ready"
    LEAVING = "leaving"
    """It was told to stop, and finishes what is running."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says of itself, whenever that changes and twice a second."""

    standing: Standing
    socket: str = ""
    """Name of the socket of its own endpoints; empty before there is one."""
    problems: tuple[Problem, ...] = ()
    """Why it cannot start: its last words."""

    def line(self) -> bytes:
        return orjson.dumps(self, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, line: bytes) -> "Report":
        said = orjson.loads(line)
        problems = tuple(Problem(**problem) for problem in said["problems"])
        return cls(Standing(said["standing"]), said["socket"], problems)


class Leave(Enum):
    """Whether a worker is to go."""

    NOT = "no"
    POLITELY = "politely"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Seen:
    """Who holds a slot, as the supervisor sees it."""

    slot: int
    pid: int
    """0 when there is no process."""
    socket: str
    """Where to ask it; empty when that is no use."""
    why_not: str
    """Why it is no use, for people."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker is to do, and whom it has beside it."""

    take: tuple[int, ...] = ()
    """The slots to take connections from."""
    leave: Leave = Leave.NOT
    workers: tuple[Seen, ...] = ()
    """One for each slot, its own included."""

    def line(self) -> bytes:
        return orjson.dumps(self, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def read(cls, line: bytes) -> "Orders":
        said = orjson.loads(line)
        workers = tuple(Seen(**worker) for worker in said["workers"])
        return cls(tuple(said["take"]), Leave(said["leave"]), workers)
