"""The floor plan, enforced: which room may import which, and which library has its one door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

WARREN = Path(__file__).parent.parent / "warren"

GROUND = {"model", "errors", "facts", "current", "locks", "pauses", "tasks", "telemetry", "settings"}
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "errors": set(),
    "facts": {"model"},
    "current": set(),
    "locks": set(),
    "pauses": set(),
    "tasks": {"telemetry"},
    "telemetry": {"model"},
    "settings": {"model", "errors"},
    "wire": GROUND,
    "protocol": {"model", "errors", "facts"},
    "routing": {"model", "errors", "facts"},
    "drivers": GROUND,
    "clusters": GROUND | {"drivers"},
    "memory": GROUND | {"drivers", "clusters"},
    "history": GROUND | {"drivers"},
    "rulebook": GROUND | {"drivers", "protocol", "routing"},
    "replay": GROUND | {"drivers", "protocol", "routing", "rulebook", "history"},
    "proxy": GROUND | {"wire", "drivers", "protocol", "routing", "clusters", "memory", "history", "rulebook"},
    "admin": GROUND | {"routing", "clusters", "memory", "history"},
    "ui": set(),
    "simulator": set(),
}
ANYTHING = {
    "app",
    "watching",
    "remembering",
    "steering",
    "doors",
    "measured",
    "places",
    "siblings",
    "wiring",
    "process",
    "check",
    "explain",
    "cli",
    "demo",
    "supervisor",
    "__main__",
}
"""Composition: the only modules with the whole picture."""

DOORS: dict[str, set[str]] = {
    "httptools": {"wire"},
    "valkey": {"drivers"},
    "sqlalchemy": {"drivers"},
    "alembic": {"drivers"},
    "aiohttp": {"drivers", "simulator"},
    "duckdb": {"simulator"},
    "sqlglot": {"simulator"},
    "starlette": {"admin", "ui"},
    "uvicorn": {"admin", "ui"},
    "prometheus_client": {"telemetry"},
    "pydantic": {"settings", "admin"},
    "yaml": {"settings", "admin", "demo", "rulebook"},
    "click": {"cli"},
    "rich": {"cli", "demo", "replay"},
}
PURE = {"protocol", "routing", "model", "errors", "facts"}
IMPURE = {"asyncio", "socket", "time", "random", "logging", "structlog", "os", "threading", "subprocess", "uvloop"}


def modules() -> list[Path]:
    return sorted(path for path in WARREN.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(WARREN).parts[0]
    return first.removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node, f"{'.' * node.level}{node.module or ''}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(WARREN)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    tree = ast.parse(path.read_text())
    at_module_level = set(ast.iter_child_nodes(tree))
    for node, name in imports(tree):
        where = f"{path.relative_to(WARREN.parent)}:{node.lineno}"
        assert not name.startswith("."), f"{where}: imports are absolute"
        # drivers load a library when the configuration asks for it: start and memory count.
        assert node in at_module_level or room == "drivers", f"{where}: imports stand at module level"
        library = name.split(".")[0]
        if library == "warren":
            target = name.split(".")[1] if "." in name else room
            allowed = room in ANYTHING or target == room or target in MAY_IMPORT[room]
            assert allowed, f"{where}: {room} may not import {target}"
        if library in DOORS and room != "__init__":
            assert room in DOORS[library], f"{where}: {library} has its door in {sorted(DOORS[library])}"
        if room in PURE:
            assert library not in IMPURE, f"{where}: {room} is pure; {library} comes in as an argument"


def test_every_room_is_on_the_floor_plan() -> None:
    rooms = {room_of(path) for path in modules()} - {"__init__"}
    assert rooms <= set(MAY_IMPORT) | ANYTHING
