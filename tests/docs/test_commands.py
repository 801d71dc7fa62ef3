"""Every command in the documentation is run as it stands there, or belongs to a class that says why it is not."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

import pytest

from tests.docs.pages import LANGUAGES, PAGES, ROOT, SHELLS, Block, blocks, commands, name_of, prose
from tests.docs.valkey_cli import place_valkey_cli
from tests.fixtures.asking import ask
from tests.fixtures.gateway import GatewayProcess, gateway_before
from tests.fixtures.simulated import SimulatedTrino, simulated
from tests.fixtures.valkey import ValkeyProcess, started

pytestmark = pytest.mark.slow

NOT_RUN = {
    r"scripts/\w+|\.ci/run": "what a contributor and CI call, and what runs this test",
    r"warren (serve|simulate)": "runs until it is stopped; only its options are tried here, fixtures start it all over the tests",
    r"trino ": "needs the Trino CLI; tests/real/test_cli.py runs it",
    r"python3 -m venv|/opt/warren/bin/pip": "installs packages, as scripts/environment does",
}
IN_DOCUMENTATION = "localhost:8080"
IN_PYTHON = "port=8080"
SIMULATED = "http://localhost:8081"
PATIENCE = 60
"""Seconds for one command; the demo is the longest with some five."""

WITH_COMMANDS = [page for page in PAGES if any(block.language in SHELLS | {"python"} for block in blocks(page))]


class Place:
    """A directory with a configuration file; a gateway, a Trino and a Valkey take the addresses of the documentation when needed."""

    def __init__(self, directory: Path, at_the_end: ExitStack) -> None:
        self._directory = directory
        self._at_the_end = at_the_end

    @cached_property
    def _gateway(self) -> GatewayProcess:
        return self._at_the_end.enter_context(gateway_before({}, self._directory / "gateway"))

    @cached_property
    def _trino(self) -> SimulatedTrino:
        return self._at_the_end.enter_context(simulated(("blue",), self._directory))[0]

    @cached_property
    def _programs(self) -> Path:
        """Where `valkey-cli` is; it asks a server of its own."""
        server = ValkeyProcess(self._directory / "valkey")
        self._at_the_end.enter_context(started(server))
        return place_valkey_cli(self._directory / "bin", server.port)

    def run(self, block: Block) -> None:
        """Raises AssertionError when a command fails."""
        if block.language == "python":
            self._python(block.text)
            return
        for command in commands(block):
            if any(re.match(pattern, command) for pattern in NOT_RUN):
                self._only_look_at(command)
            elif command.startswith("curl "):
                self._curl(command)
            else:
                self._shell(command)

    def _here(self, text: str) -> str:
        if SIMULATED in text:
            text = text.replace(SIMULATED, self._trino.url)
        if IN_DOCUMENTATION in text:
            text = text.replace(IN_DOCUMENTATION, f"127.0.0.1:{self._gateway.port}")
        if IN_PYTHON in text:
            text = text.replace(IN_PYTHON, f"port={self._gateway.port}")
        return text

    def _only_look_at(self, command: str) -> None:
        first = shlex.split(command)[0]
        if first == "warren":
            self._shell(f"{command.partition('#')[0]} --help")  # an unknown option fails before the help is shown
        elif first.startswith(("scripts/", ".ci/")):
            assert os.access(ROOT / first, os.X_OK), f"{first} is documented, and cannot be run"
            paths = [word for word in shlex.split(command, comments=True) if word.startswith("tests/")]
            assert all((ROOT / path).exists() for path in paths), command

    def _curl(self, command: str) -> None:
        method, url, headers, body = read_curl(self._here(command))
        answer = ask(method, url, body=body, headers=headers)
        assert answer.status < 400, f"{command}\n{answer.status} {answer.body!r}"
        if SIMULATED in command:
            self._gateway.wait_for_status(json.loads(body or "")["name"], "HEALTHY")

    def _python(self, code: str) -> None:
        self._ends_well([sys.executable, "-c", self._here(code)])

    def _shell(self, command: str) -> None:
        self._ends_well(["bash", "-ec", self._here(command)])

    def _ends_well(self, command: list[str]) -> None:
        own = [self._programs] if "valkey-cli" in command[-1] else []
        path = os.pathsep.join(map(str, [*own, Path(sys.executable).parent, os.environ["PATH"]]))
        ended = subprocess.run(
            command,
            cwd=self._directory,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ended.returncode == 0, f"{command[-1]}\nended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"


def read_curl(command: str) -> tuple[str, str, dict[str, str], str | None]:
    """Method, URL, headers and body. Raises AssertionError for an option that the documentation has not used so far."""
    method, url, headers, body = "", "", {}, None
    words = iter(shlex.split(command, comments=True)[1:])
    for word in words:
        match word:
            case "-s" | "-i":
                pass
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d" | "--data-binary":
                body = next(words)
            case _:
                assert word.startswith("http://"), f"{word} in {command}"
                url = word
    return method or ("GET" if body is None else "POST"), url, headers, body


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "config.yaml").write_text("stateDirectory: state\n")
    with ExitStack() as at_the_end:
        yield Place(tmp_path, at_the_end)


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_every_command_of_the_page_works(page: Path, place: Place) -> None:
    for block in blocks(page):
        if block.language in SHELLS | {"python"}:
            place.run(block)


def test_no_class_of_commands_that_are_not_run_is_empty() -> None:
    written = [
        command for page in PAGES for block in blocks(page) if block.language in SHELLS for command in commands(block)
    ]
    assert [pattern for pattern in NOT_RUN if not any(re.match(pattern, command) for command in written)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_its_language(page: Path) -> None:
    """One without would be run by nobody. Nor would an indented one, which MkDocs takes for a line of text."""
    assert [block.text for block in blocks(page) if block.language not in LANGUAGES] == []
    assert "```" not in prose(page)


def test_a_documented_curl_is_read_as_curl_reads_it() -> None:
    command = "curl -s -X PUT http://h:1/a?b -H 'A: b: c' --data-binary 'x y'  # why"
    assert read_curl(command) == ("PUT", "http://h:1/a?b", {"A": "b: c"}, "x y")
    assert read_curl("curl http://h:1/a")[0] == "GET"
    assert read_curl("curl http://h:1/a -d b")[0] == "POST"


def test_a_command_that_fails_is_noticed(place: Place) -> None:
    page = PAGES[0]
    with pytest.raises(AssertionError, match="ended with 7"):
        place.run(Block(page, "bash", "exit 7\n"))
    with pytest.raises(AssertionError, match="404"):
        place.run(Block(page, "bash", "curl http://localhost:8080/nothing-here\n"))
    with pytest.raises(AssertionError, match="No such option"):
        place.run(Block(page, "bash", "warren serve --colour blue\n"))
    with pytest.raises(AssertionError, match="cannot be run"):
        place.run(Block(page, "bash", "scripts/nothing\n"))
