"""Starting a worker: a new process of this program, which gets its sockets open and its configuration as it was checked."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from warren.doors import Listening
from warren.settings.load import parse, text_of
from warren.settings.root import Settings
from warren.telemetry.told import Ended

LEAVE_GRACE_SECONDS = 10.0
"""How much longer than `shutdownDelay` and `drainTimeout` together a worker may take to end."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration that has been read and checked: workers are started with this text, whatever the file says by then."""

    text: str
    settings: Settings
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, text: str, config: Path | None, environment: Mapping[str, str]) -> "Configuration":
        """`config` is the file that the text is from. Raises SettingsError with everything that is wrong."""
        loaded = parse(text, environment, directory=config.absolute().parent if config is not None else Path.cwd())
        return cls(text, loaded.settings, loaded.warnings)

    @classmethod
    def read(cls, config: Path | None, environment: Mapping[str, str]) -> "Configuration":
        """Raises SettingsError with everything that is wrong."""
        return cls.of(text_of(config) if config is not None else "", config, environment)

    @property
    def leave_seconds(self) -> float:
        """How long a worker may take to leave politely."""
        return self.settings.shutdown_delay + self.settings.drain_timeout + LEAVE_GRACE_SECONDS

    def fixed(self) -> dict[str, object]:
        """What cannot change while the supervisor lives, by key of the file."""
        server = self.settings.server
        return {
            "serverConfig.http-server.http.enabled": server.http_enabled,
            "serverConfig.http-server.http.port": server.http_port,
            "serverConfig.http-server.https.enabled": server.https_enabled,
            "serverConfig.http-server.https.port": server.https_port,
            "serverConfig.node.bind-ip": server.bind_ip,
            "stateDirectory": self.settings.state_directory,
            "workers": self.settings.workers,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """What all workers of one supervisor have in common for good."""

    config: Path | None
    """The file, or None without one: where relative paths start."""
    state: Path
    slots: Mapping[int, tuple[Listening, ...]]
    ended: Ended

    @property
    def is_secure(self) -> bool:
        """Some of the sockets speak TLS."""
        return any(each.secure for sockets in self.slots.values() for each in sockets)


@dataclass(frozen=True, slots=True)
class Errand:
    """All that a worker is told at its start, on its standard input: arguments can be seen by everybody, and be too long."""

    slot: int
    config: str | None
    state: str
    text: str
    told: str
    """The file for what it tells of its counters."""
    control: int
    """Descriptor of the socket to the supervisor."""
    slots: dict[int, list[tuple[int, bool]]]
    """Descriptors of all slots' sockets, and whether TLS is spoken there."""

    @classmethod
    def read(cls, said: bytes) -> "Errand":
        errand = orjson.loads(said)
        return cls(**{**errand, "slots": {int(slot): found for slot, found in errand["slots"].items()}})

    def written(self) -> bytes:
        return orjson.dumps(self, option=orjson.OPT_NON_STR_KEYS)

    def listening(self) -> dict[int, tuple[Listening, ...]]:
        """The sockets, in the process that has inherited them."""
        return {
            slot: tuple(Listening(socket.socket(fileno=number), secure) for number, secure in found)
            for slot, found in self.slots.items()
        }


async def launch(slot: int, place: Place, text: str, told: Path) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """A new worker's process, and our end of the socket to it. Raises OSError."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = await _spawn(_errand(slot, place, text, told, theirs.fileno()))
        except BaseException:
            ours.close()
            raise
    ours.setblocking(False)
    return process, ours


def _errand(slot: int, place: Place, text: str, told: Path, control: int) -> Errand:
    return Errand(
        slot=slot,
        config=str(place.config.absolute()) if place.config is not None else None,
        state=str(place.state.absolute()),
        text=text,
        told=str(told.absolute()),
        control=control,
        slots={
            number: [(each.socket.fileno(), each.secure) for each in sockets] for number, sockets in place.slots.items()
        },
    )


async def _spawn(errand: Errand) -> asyncio.subprocess.Process:
    inherited = [errand.control, *(number for sockets in errand.slots.values() for number, _ in sockets)]
    with _to_read(errand.written()) as stdin:
        # -P: what lies in the current directory is none of this program. The slot is for those who read `ps`.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "warren.supervisor.worker", str(errand.slot)),
            stdin=stdin,
            pass_fds=inherited,
            # Ctrl-C on a terminal is for the supervisor, which ends its workers in order.
            start_new_session=True,
        )


def _to_read(contents: bytes) -> BinaryIO:
    # In memory, not in a pipe, which might be too small for it; and not on a disk, since it may hold secrets.
    file = open(os.memfd_create("errand"), "w+b")  # noqa: PTH123, SIM115 - it has no path, and the caller closes it
    file.write(contents)
    file.seek(0)
    return file
