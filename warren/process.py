"""A gateway as an operating system process: sockets, descriptors, signals, exit code."""

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
import uvloop

from warren.app import Instance
from warren.doors import LISTEN_BACKLOG, Doors, Listening
from warren.errors import Problem, SettingsError
from warren.places import socket_directory
from warren.settings.root import Settings, state_directory
from warren.settings.stores.jdbc import DatabaseUrl
from warren.siblings import Siblings
from warren.telemetry.told import Alone

log = structlog.get_logger()

SPARE_DESCRIPTORS: Final = 256
"""For files, stores, probes and connections to clusters: those of clients may not take the last ones."""

FEWEST_CONNECTIONS: Final = 64

OBJECTS_BETWEEN_COLLECTIONS: Final = 10_000
"""Python's own 700 would be passed by the history rows of a tenth of a second."""

DATABASE_FILE: Final = "warren.sqlite"


def run(settings: Settings, warnings: tuple[str, ...], *, config: Path | None, environment: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError for what only shows now, such as a port that is taken."""
    state = prepared_state_directory(settings, config=config, environment=environment)
    database = database_of(settings, state=state, config=config)
    announce(settings, warnings, database)
    doors = Doors.alone(open_slots(settings, 1)[1])
    with failures():
        uvloop.run(_serve(settings, state, database, doors))


def announce(settings: Settings, warnings: tuple[str, ...], database: DatabaseUrl) -> None:
    """Say what an operator should know about the settings."""
    for warning in warnings:
        log.warning("configuration_note", note=warning)
    if settings.data_store is None:
        log.info("database_embedded", file=str(database.path), because="the configuration names no dataStore")


@contextmanager
def failures() -> Iterator[None]:
    """What the operating system refuses an instance, as SettingsError: its sentence says what to do, its stack nothing."""
    try:
        yield
    except OSError as error:
        raise unusable("", "", f"the gateway cannot start: {error}") from error
    except BaseExceptionGroup as group:
        if group.split(OSError)[1] is not None:
            raise
        raise unusable("", "", f"the gateway cannot go on: {first_of(group)}") from group


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first failure in a group, however deep."""
    first = group.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


async def _serve(settings: Settings, state: Path, database: DatabaseUrl, doors: Doors) -> None:
    instance = Instance(
        settings,
        state=state,
        database=database,
        doors=doors,
        siblings=Siblings(socket_directory(state)),
        told=Alone(),
        max_connections=most_connections(),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, instance.stop)
    loop.add_signal_handler(signal.SIGHUP, when_hung_up(_refuse_reload))
    spare_collections()
    await instance.run()


def spare_collections() -> None:
    """Spare the loop most of the search for garbage: what is here now stays, so nobody need look at it again.

    Looking at all of it takes tens of milliseconds, in which no client is served.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def _refuse_reload() -> None:
    log.warning("reload_impossible", because="one process alone cannot be replaced without a gap: restart it")


def when_hung_up(reload: Callable[[], None]) -> Callable[[], None]:
    """What to do at SIGHUP, which has two meanings: somebody wants a reload; or the terminal is gone, and the log with it."""
    had_terminal = sys.stderr.isatty()

    def hung_up() -> None:
        if had_terminal and not sys.stderr.isatty():
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGHUP)
        else:
            reload()

    return hung_up


def most_connections() -> int:
    """Of clients at a time, for all the descriptors that this process may have."""
    # A client whose request is under way needs a connection to a cluster as well; of very many, most are idle.
    return max((raise_descriptor_limit() - SPARE_DESCRIPTORS) * 2 // 3, FEWEST_CONNECTIONS)


def prepared_state_directory(settings: Settings, *, config: Path | None, environment: Mapping[str, str]) -> Path:
    """The directory for our files, made when it is missing. Raises SettingsError."""
    beside = config.absolute().parent if config is not None else None
    state = state_directory(settings, beside=beside, environment=environment)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(
            "stateDirectory", str(state), f"cannot be made: {error.strerror}; name another directory"
        ) from error
    if not os.access(state, os.W_OK | os.X_OK):
        raise unusable("stateDirectory", str(state), "cannot be written to; name another directory")
    return state


def database_of(settings: Settings, *, state: Path, config: Path | None) -> DatabaseUrl:
    """The database that the settings name; else SQLite in the state directory."""
    if settings.data_store is None:
        return DatabaseUrl(dialect="sqlite", path=state / DATABASE_FILE)
    directory = config.absolute().parent if config is not None else Path.cwd()
    return settings.data_store.database(directory)


def open_slots(settings: Settings, count: int) -> dict[int, tuple[Listening, ...]]:
    """The sockets that clients connect to, bound: for each of so many slots one on every port.

    Raises SettingsError when a port is not to be had.
    """
    server = settings.server
    wanted = [("http-server.http.port", server.http_port, False)] if server.http_enabled else []
    if server.https_enabled:
        wanted.append(("http-server.https.port", server.https_port, True))
    opened: list[list[Listening]] = []
    try:
        for key, port, secure in wanted:
            sockets = open_port(server.bind_ip, port, count, key=key)
            opened.append([Listening(each, secure) for each in sockets])
    except SettingsError:
        close(listening.socket for sockets in opened for listening in sockets)
        raise
    return {number: tuple(sockets[number - 1] for sockets in opened) for number in range(1, count + 1)}


def open_port(address: str | None, port: int, count: int, *, key: str) -> list[socket.socket]:
    """So many sockets on one port, over which the kernel spreads those who connect. Raises SettingsError."""
    if count == 1:
        return [open_socket(address, port, key=key)]
    if port:
        # Sockets that share a port share it with any other program of this user that does; that is no way to find one.
        open_socket(address, port, key=key).close()
    opened: list[socket.socket] = []
    try:
        for _ in range(count):
            opened.append(open_socket(address, port, key=key, shared=True))
            port = opened[0].getsockname()[1]
    except SettingsError:
        close(opened)
        raise
    return opened


def open_socket(address: str | None, port: int, *, key: str, shared: bool = False) -> socket.socket:
    """All addresses of both families unless one is named. Raises SettingsError.

    A shared one leaves room for others on its port, and has a queue of its own.
    """
    family = (
        socket.AF_INET6
        if (address is None and socket.has_dualstack_ipv6()) or ":" in (address or "")
        else socket.AF_INET
    )
    # The protocol is named: without it asyncio leaves Nagle's algorithm on.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        if family == socket.AF_INET6 and address is None:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        everywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - upstream's default; node.bind-ip narrows it
        bound.bind((address or everywhere, port))
        bound.listen(LISTEN_BACKLOG)  # only now is it certain that no other process has the port
    except OSError as error:
        bound.close()
        remedy = f"cannot be listened on: {error.strerror}; stop what uses it, or choose another"
        raise unusable(f"serverConfig.{key}", f"{address or 'all addresses'}, port {port}", remedy) from error
    bound.setblocking(False)
    return bound


def close(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()


def raise_descriptor_limit() -> int:
    """Use all descriptors that this process may have; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1_000_000 if hard == resource.RLIM_INFINITY else hard


def unusable(key: str, found: str, remedy: str) -> SettingsError:
    return SettingsError((Problem(key, None, found, remedy),))
