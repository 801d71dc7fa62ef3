"""Serving own endpoints by uvicorn, in this process, on a socket that only this user can open."""

import asyncio
import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 600
"""An idle connection of the data plane's pool stays open for this long: more than the pool keeps one."""
GRACE_SECONDS = 5
"""Requests still running this long after `stop` are cut off."""
BACKLOG = 128
LONGEST_PATH = 107
"""Bytes of a socket's path, by the kernel's structure for it."""


def private_socket(path: Path) -> socket.socket:
    """A listening unix socket of mode 0600 in a directory of mode 0700, which is made when it is missing.

    One that an earlier run left there is replaced, so the path must belong to this instance alone. It stays there at
    the end: by then the next run may have put its own in place. Raises OSError with a sentence when the path is too
    long, the directory is someone else's or another kind of file is in the way.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise OSError(f"{path} is too long for a socket: at most {LONGEST_PATH} bytes; choose a shorter stateDirectory")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent.stat().st_uid != os.geteuid():
        raise PermissionError(f"{path.parent} belongs to another user; own endpoints need a directory of their own")
    path.parent.chmod(0o700)
    if os.path.lexists(path):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(
                f"{path} is in the way: it is not a socket; remove it or choose another stateDirectory"
            )
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(os.fspath(path))
        path.chmod(0o600)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


class PrivateServer:
    """Answers on the socket from `run` to `stop`. Connections made before `run` wait for it."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        """The socket is this server's from now on, which closes it."""
        self._listening = listening
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
                backlog=BACKLOG,
            )
        )

    async def run(self) -> None:
        """Serve until `stop`, then let running requests end. When cancelled, cut everything off at once."""
        try:
            await self._server.serve(sockets=[self._listening])
        except asyncio.CancelledError:
            self._server.cut_off()
            raise
        finally:
            self._listening.close()

    def stop(self) -> None:
        """Take no more connections; `run` returns when those there are have been answered. May be called before it."""
        self._server.leave.set()


class _Server(uvicorn.Server):
    """Without signal handlers, which are the instance's, and without waking up ten times a second for nothing."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leave = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.leave.wait()

    def cut_off(self) -> None:
        if not self.started:
            return
        for server in self.servers:
            server.close()
        for connection in self.server_state.connections:
            connection.transport.abort()
        for task in self.server_state.tasks:
            task.cancel()
