import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from warren.telemetry.logs import configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def logged(**values: object) -> dict[str, Any]:
    """The one line of an event with these values, as it is written to a file."""
    stream = io.StringIO()
    configure_logging(stream)
    structlog.get_logger().warning("happened", **values)
    (line,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_is_one_object_with_its_time_and_level() -> None:
    line = logged(cluster="blue", tries=2, of=("a", "b"))
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "happened", "level": "warning", "cluster": "blue", "tries": 2, "of": ["a", "b"]}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\nb", "a\\u000ab"),
        ("a\r\x1b[31m", "a\\u000d\\u001b[31m"),
        ("\u2028\u202e\x85", "\\u2028\\u202e\\u0085"),
        ("müsli 表", "müsli 表"),
    ],
)
def test_control_characters_are_escaped(value: str, written: str) -> None:
    assert logged(user=value)["user"] == written


class Writes(io.RawIOBase):
    """Keeps each write apart."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.written.append(bytes(data))
        return len(data)


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_line_is_written_at_once_so_that_those_of_several_processes_do_not_mix(size: int) -> None:
    raw = Writes()
    configure_logging(io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True))  # as standard error is
    structlog.get_logger().warning("happened", text="x" * size)
    (line,) = raw.written
    assert line.endswith(b"}\n")


@pytest.mark.parametrize("value", ["\ud800", b"\xff", object(), float("nan"), Exception("x\ny")])
def test_every_value_leaves_a_line(value: object) -> None:
    assert logged(value=value)["event"] == "happened"


def test_control_characters_are_escaped_on_a_terminal() -> None:
    stream = Terminal()
    configure_logging(stream)
    structlog.get_logger().info("happened", user="a\nb\x1b[2J")
    assert "a\\u000ab\\u001b[2J" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_failure_is_written_with_its_traceback_on_the_same_line() -> None:
    stream = io.StringIO()
    configure_logging(stream)
    try:
        raise ValueError("a\nbug")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = stream.getvalue().splitlines()
    assert "ValueError: a\nbug" in json.loads(line)["exception"]


def test_what_libraries_say_is_written_in_the_same_form() -> None:
    stream = io.StringIO()
    configure_logging(stream)
    logging.getLogger("some.library").warning("careful\nnow")
    logging.getLogger("some.library").info("chatter")
    (line,) = [json.loads(each) for each in stream.getvalue().splitlines()]
    assert (line["event"], line["library"], line["message"]) == ("library_said", "some.library", "careful\\u000anow")


def test_debug_lines_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging(stream)
    structlog.get_logger().debug("chatter")
    assert stream.getvalue() == ""
