"""`valkey-cli` for the commands of the documentation: Redis's own where it is installed, else as much of it as they need."""

import argparse
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import valkey

ROOT = Path(__file__).parents[2]


def place_valkey_cli(directory: Path, port: int, *, real: str | None = shutil.which("redis-cli")) -> Path:
    """Makes a program of that name in the directory that asks the server on this port. It fails where the server refuses."""
    directory.mkdir(exist_ok=True)
    # Without -e an answer that is an error would pass for success.
    asking = [*([real, "-e"] if real else [sys.executable, "-m", "tests.docs.valkey_cli"]), "-p", str(port)]
    program = directory / "valkey-cli"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(asking)} "$@"\n')
    program.chmod(0o755)
    return directory


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", dest="port", type=int)
    parser.add_argument("--user")
    parser.add_argument("--pass", dest="password")
    parser.add_argument("--no-auth-warning", action="store_true")
    parser.add_argument("--scan", action="store_true")
    parser.add_argument("--pattern")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    said = parser.parse_args(arguments)
    client = valkey.Valkey(
        "127.0.0.1", said.port, username=said.user, password=said.password, lib_name=None, lib_version=None
    )
    try:
        if said.scan:
            show(list(client.scan_iter(said.pattern)))
        else:
            show(asked(client.connection_pool.get_connection("anything"), said.command))
    except valkey.ResponseError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    finally:
        client.close()
    return 0


def asked(connection: Any, command: list[str]) -> Any:
    """The answer as the server gave it, before the library makes anything else of it."""
    connection.send_command(*command)
    return connection.read_response()


def show(answer: Any) -> None:
    """As the real one writes for another program: a line for each part."""
    if isinstance(answer, list):
        for part in answer:
            show(part)
    else:
        print(answer.decode() if isinstance(answer, bytes) else "" if answer is None else answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
