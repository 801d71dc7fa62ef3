"""A gateway as an operating system process: sockets, descriptors, signals, exit code."""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog
import uvloop

from warren.app import LISTEN_BACKLOG, Instance, Listening
from warren.errors import Problem, SettingsError
from warren.settings.load import Loaded
from warren.settings.root import Settings, state_directory
from warren.settings.stores.jdbc import DatabaseUrl

log = structlog.get_logger()

SPARE_DESCRIPTORS: Final = 256
"""For files, stores, probes and connections to clusters: those of clients may not take the last ones."""

FEWEST_CONNECTIONS: Final = 64

DATABASE_FILE: Final = "warren.sqlite"


def run(loaded: Loaded, *, config: Path | None, environment: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError for what only shows now, such as a port that is taken."""
    settings = loaded.settings
    for warning in loaded.warnings:
        log.warning("configuration_note", note=warning)
    state = prepared_state_directory(settings, config=config, environment=environment)
    database = database_of(settings, state=state, config=config)
    if settings.data_store is None:
        log.info("database_embedded", file=str(database.path), because="the configuration names no dataStore")
    listening = open_sockets(settings)
    # A client whose request is under way needs a connection to a cluster as well; of very many, most are idle.
    max_connections = max((raise_descriptor_limit() - SPARE_DESCRIPTORS) * 2 // 3, FEWEST_CONNECTIONS)
    try:
        uvloop.run(_serve(settings, state, database, listening, max_connections))
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


async def _serve(
    settings: Settings, state: Path, database: DatabaseUrl, listening: tuple[Listening, ...], max_connections: int
) -> None:
    instance = Instance(settings, state=state, database=database, listening=listening, max_connections=max_connections)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, instance.stop)
    await instance.run()


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


def open_sockets(settings: Settings) -> tuple[Listening, ...]:
    """The sockets that clients connect to, bound. Raises SettingsError when a port is not to be had."""
    server = settings.server
    wanted = [("http-server.http.port", server.http_port, False)] if server.http_enabled else []
    if server.https_enabled:
        wanted.append(("http-server.https.port", server.https_port, True))
    opened: list[Listening] = []
    try:
        for key, port, secure in wanted:
            opened.append(Listening(open_socket(server.bind_ip, port, key=key), secure))
    except SettingsError:
        for listening in opened:
            listening.socket.close()
        raise
    return tuple(opened)


def open_socket(address: str | None, port: int, *, key: str) -> socket.socket:
    """All addresses of both families unless one is named."""
    family = (
        socket.AF_INET6
        if (address is None and socket.has_dualstack_ipv6()) or ":" in (address or "")
        else socket.AF_INET
    )
    # The protocol is named: without it asyncio leaves Nagle's algorithm on.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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


def raise_descriptor_limit() -> int:
    """Use all descriptors that this process may have; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return 1_000_000 if hard == resource.RLIM_INFINITY else hard


def unusable(key: str, found: str, remedy: str) -> SettingsError:
    return SettingsError((Problem(key, None, found, remedy),))
