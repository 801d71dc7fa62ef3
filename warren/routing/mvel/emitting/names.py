"""What a name in a rule stands for: a variable, an object that rules are given, or a class."""

import ast
from collections.abc import Mapping
from typing import Final

from warren.routing.mvel import tree
from warren.routing.mvel.emitting.made import OBJECTS, Frame, Made, compared, constant, name
from warren.routing.mvel.offered.method import nearest
from warren.routing.mvel.offered.operators import CHECKS
from warren.routing.mvel.offered.requests import present
from warren.routing.mvel.offered.statics import NEW, STATICS

SPOKEN: Final[Mapping[str, tuple[str, str]]] = {
    "request": ("request", "request"),
    "state": ("state", "Map"),
    "result": ("result", "Map"),
    "trinoRequestUser": ("user", "trinoRequestUser"),
}
"""Objects of rules: the local variable that holds it, and its kind."""


def named(frame: Frame, node: tree.Name) -> Made:
    """The value of a name. Raises MvelError when nobody knows it."""
    if node.name in frame.variables:
        return Made(name(f"v_{node.name}"))
    if node.name == "trinoQueryProperties":
        frame.names.add(node.name)
        return Made(_query(frame), node.name, certain=True)
    if node.name in SPOKEN:
        frame.names.add(node.name)
        member, kind = SPOKEN[node.name]
        return Made(frame.member(member), kind, certain=True)
    if node.name in STATICS or node.name in NEW:
        raise frame.error(f"the class {node.name} is no value: call something on it", node)
    known = {*OBJECTS, *frame.variables, *STATICS, *NEW}
    raise frame.error(f"nobody knows the name {node.name}{nearest(node.name, known)}", node)


def _query(frame: Frame) -> ast.expr:
    """Null when statements are not analysed: an error, but only for a rule that gets there."""
    query = frame.member("query")
    return ast.IfExp(compared(query, ast.IsNot(), constant(None)), query, frame.call(present, query))


def class_named(frame: Frame, node: tree.Expression) -> str | None:
    """The class that a node names, None when it is something else. Raises MvelError for one that is not offered."""
    if isinstance(node, tree.Name):
        known = node.name in STATICS or node.name in NEW or node.name in CHECKS
        return node.name if known and node.name not in frame.variables else None
    if isinstance(node, tree.ClassPath):
        check_class(frame, node, node.package, node.name)
        return node.name
    return None


def check_class(frame: Frame, node: tree.Node, package: str, which: str) -> None:
    own = STATICS[which].package if which in STATICS else NEW[which][0] if which in NEW else None
    if own is None and which in CHECKS and package in {"java.util", "java.lang"}:
        return
    if own is None or package not in {"", own}:
        path = f"{package}.{which}" if package else which
        raise frame.error(f"the class {path} is not offered{nearest(which, {*STATICS, *NEW})}", node)
