"""Logs: how they are written, and what may stand in them."""

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog


def configure_logging(stream: TextIO = sys.stderr) -> None:
    """Text on a terminal, one JSON object a line elsewhere. Control characters are escaped in both."""
    to_terminal = stream.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *(TO_TERMINAL if to_terminal else (_as_json,)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        # Text and line end in one write: several processes may write to the same pipe.
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[_FromLibraries()], force=True)


class _FromLibraries(logging.Handler):
    """What libraries say, in the form of our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        say = structlog.get_logger().error if record.levelno >= logging.ERROR else structlog.get_logger().warning
        say("library_said", library=record.name, message=record.getMessage(), exc_info=record.exc_info)


def _printable(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Values come from clients and tables: a line break in one must not look like another line."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception" and not value.isprintable():
            event[key] = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in value)
    return event


TO_TERMINAL: tuple[Any, ...] = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=False),
    structlog.processors.format_exc_info,
    _printable,
    structlog.dev.ConsoleRenderer(colors=True),
)


def _as_json(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    """One step instead of five: each statement has a line, and steps were a third of what it costs."""
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(logger, method, event)
    event["level"] = method
    event["timestamp"] = f"{datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    with suppress(orjson.JSONEncodeError):  # half a character
        line = orjson.dumps(event, default=str).decode("utf-8", "replace")
        if (
            line.isprintable() and "\\" not in line
        ):  # as nearly always: one look at the line instead of one at each value
            return line
    return orjson.dumps(_printable(logger, method, event), default=str).decode("utf-8", "replace")
