"""What the program says to the outside, read from its source: log events and statuses."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from tests.docs.pages import ROOT

WARREN = ROOT / "warren"
LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
MAKES_ANSWERS = ("errors.py", "wire", "proxy", "admin")
"""Where statuses are chosen that clients see."""
STATUSES = frozenset(status.value for status in HTTPStatus if status > HTTPStatus.MULTIPLE_CHOICES)
"""Redirects and errors."""


@dataclass(slots=True)
class Event:
    """A kind of log line, by its constant name."""

    name: str
    fields: set[str] = field(default_factory=set)


def sources(*below: str) -> Iterator[tuple[Path, ast.Module]]:
    for start in (WARREN / name for name in below) if below else (WARREN,):
        for path in [start] if start.is_file() else sorted(start.rglob("*.py")):
            yield path, ast.parse(path.read_text())


def events() -> dict[str, Event]:
    """Every event that is logged, with the fields that are named where it is. Raises AssertionError for one without a constant name."""
    found: dict[str, Event] = {}
    for path, tree in sources():
        for call in _log_calls(tree):
            fields = {keyword.arg for keyword in call.keywords if keyword.arg} | set(_spread(call))
            for name in _names(call.args[0], tree, where=f"{path.name}:{call.lineno}"):
                found.setdefault(name, Event(name)).fields.update(fields)
    return found


def _log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    chosen = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and any(_is_level(part) for part in ast.walk(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (
            _is_level(node.func) or (isinstance(node.func, ast.Name) and node.func.id in chosen)
        ):
            yield node


def _is_level(node: ast.AST) -> bool:
    """`log.info`, and the like."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr in LEVELS
        and ast.unparse(node.value) in {"log", "self._log", "structlog.get_logger()"}
    )


def _spread(call: ast.Call) -> Iterator[str]:
    """Fields that are only there at times: `**({"error": error} if error else {})`."""
    for keyword in call.keywords:
        if keyword.arg is None:
            yield from (text for node in ast.walk(keyword.value) if (text := _text(node)))


def _names(argument: ast.expr, tree: ast.Module, *, where: str) -> Iterator[str]:
    """The constants that an event's name can be; a parameter's are those that the module passes for it."""
    if isinstance(argument, ast.Name):
        passed = list(_passed_for(argument.id, tree))
        assert passed, f"{where}: {argument.id} is passed nowhere in this module"
        for expression in passed:
            yield from _names(expression, tree, where=where)
        return
    found = [text for node in _results(argument) if (text := _text(node))]
    assert found, f"{where}: the event has no constant name"
    yield from found


def _results(expression: ast.expr) -> Iterator[ast.expr]:
    if isinstance(expression, ast.IfExp):
        yield from _results(expression.body)
        yield from _results(expression.orelse)
    else:
        yield expression


def _passed_for(parameter: str, tree: ast.Module) -> Iterator[ast.expr]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = [argument.arg for argument in function.args.args]
        if parameter in names:
            for call in ast.walk(tree):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == function.name:
                    yield call.args[names.index(parameter)]


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def statuses() -> set[int]:
    """Every status that the gateway chooses itself: what is passed to a call, returned, a class's `status` or a default."""
    return {
        part.value
        for _, tree in sources(*MAKES_ANSWERS)
        for node in ast.walk(tree)
        for expression in _choices(node)
        for part in _results(expression)
        if isinstance(part, ast.Constant) and isinstance(part.value, int) and part.value in STATUSES
    }


def _choices(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call():
            yield from node.args
            yield from (keyword.value for keyword in node.keywords)
        case ast.Return(value=ast.Tuple(elts=elements)):
            yield from elements
        case ast.Assign(targets=[ast.Name(id="status")], value=value):
            yield value
        case ast.AnnAssign(target=ast.Name(id="status"), value=ast.expr() as value):
            yield value
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from node.args.defaults
        case _:
            pass
