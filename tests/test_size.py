"""Budgets of STYLE.md: small is a number. Raising one is allowed, with a sentence in the diff."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WARREN = ROOT / "warren"

LINES_PER_FILE = 400
FILES_PER_ROOM = 10
LINES_PER_FUNCTION = 50
POSITIONAL_PARAMETERS = 5


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("path", sorted(WARREN.rglob("*.py")), ids=lambda path: str(path.relative_to(WARREN)))
def test_files_and_functions_stay_small(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= LINES_PER_FILE, f"{lines} lines: which two files does this one want to be?"
    for function in functions(path):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        assert length <= LINES_PER_FUNCTION, f"{function.name} at line {function.lineno} has {length} lines"
        positional = [argument for argument in function.args.args if argument.arg not in {"self", "cls"}]
        assert len(positional) <= POSITIONAL_PARAMETERS, f"{function.name}: keyword-only parameters read better"


@pytest.mark.parametrize("room", sorted({path.parent for path in WARREN.rglob("*.py")}), ids=lambda room: room.name)
def test_rooms_stay_small(room: Path) -> None:
    files = [path for path in room.glob("*.py") if path.name != "__init__.py"]
    # The root holds two rooms: the ground that all stand on, and the composition that sees everything.
    limit = 2 * FILES_PER_ROOM if room == WARREN else FILES_PER_ROOM
    assert len(files) <= limit, f"{len(files)} files: a room that passes ten is two rooms"


@pytest.mark.parametrize("path", sorted(WARREN.rglob("*.py")), ids=lambda path: str(path.relative_to(WARREN)))
def test_init_files_stay_empty(path: Path) -> None:
    if path.name == "__init__.py" and path.parent != WARREN:
        assert path.read_text() == ""
