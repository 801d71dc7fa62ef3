"""What the compiler holds while it turns a tree into Python's own: nodes, what is known of their values, and names."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from warren.routing.mvel import tree
from warren.routing.mvel.errors import MvelError
from warren.routing.mvel.lexer import tokens
from warren.routing.mvel.scope import Scope

LOAD: Final = ast.Load()
OBJECTS: Final = ("request", "state", "result", "trinoQueryProperties", "trinoRequestUser")
"""What rules are given."""
NOT_KNOWN: Final = object()
MEMBERS: Final = {
    "request": ("facts", "request"),
    "headers": ("facts", "request", "headers"),
    "query": ("facts", "query"),
    "user": ("facts", "user"),
    "state": ("state",),
    "result": ("result",),
}
"""Local variables of the compiled function, and where in the scope their values stand."""


@dataclass(frozen=True, slots=True)
class Made:
    """A node and what is known of its value before it runs."""

    node: ast.expr
    kind: str = ""
    """A key of tables.BY_KIND, or `null`; empty when unknown. A value of a known kind may be null all the same."""
    certain: bool = False
    """Never null."""
    literal: Any = NOT_KNOWN


def name(identifier: str) -> ast.Name:
    return ast.Name(identifier, LOAD)


def constant(value: Any) -> ast.Constant:
    return ast.Constant(value)


def attribute(value: ast.expr, *path: str) -> ast.expr:
    """Only ever with names that stand in this code, never with those of a rule."""
    for part in path:
        value = ast.Attribute(value, part, LOAD)
    return value


def called(function: ast.expr, *arguments: ast.expr) -> ast.Call:
    return ast.Call(function, list(arguments), [])


def compared(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left, [operator], [right])


def kept(target: str, value: ast.expr) -> ast.NamedExpr:
    return ast.NamedExpr(ast.Name(target, ast.Store()), value)


class Frame:
    """One text that is being compiled."""

    def __init__(self, text: str, *, variables: frozenset[str], traced: bool) -> None:
        self.text = text
        self.variables = variables
        """What the text assigns to."""
        self.traced = traced
        self.names: set[str] = set()
        self.puts: set[str] = set()
        self.members: set[str] = set()
        """Of MEMBERS, those that are used."""
        self.bound: dict[str, Any] = {"__builtins__": {}}
        """Global names of the compiled function."""
        self.loops = 0
        self.work = 0
        """Calls and operators met so far."""
        self._bound_by_id: dict[int, str] = {}
        self._temporaries = 0

    def error(self, sentence: str, node: tree.Node) -> MvelError:
        at = node.at if isinstance(node, tree.Call | tree.Property) else node.offset
        return MvelError(sentence, text=self.text, offset=at)

    def bind(self, value: Any) -> ast.Name:
        """The global name of a value that exists already: a function, a compiled pattern."""
        found = self._bound_by_id.get(id(value))
        if found is None:
            found = f"k{len(self.bound)}"
            self.bound[found] = value
            self._bound_by_id[id(value)] = found  # `bound` keeps it alive, so its id stays its own
        return name(found)

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def member(self, which: str) -> ast.Name:
        self.members.add(which)
        return name(which)

    def call(self, function: Callable[..., Any], *arguments: ast.expr) -> ast.Call:
        self.work += 1
        return called(self.bind(function), *arguments)

    def unless_null(
        self, value: Made, then: Callable[[ast.expr], ast.expr], otherwise: Callable[[], ast.expr]
    ) -> ast.expr:
        """`then` of the value, evaluated once, `otherwise` when it is null."""
        if value.certain:
            return then(value.node)
        if isinstance(value.node, ast.Name):
            return ast.IfExp(compared(value.node, ast.IsNot(), constant(None)), then(value.node), otherwise())
        keep = self.temporary()
        test = compared(kept(keep, value.node), ast.IsNot(), constant(None))
        return ast.IfExp(test, then(name(keep)), otherwise())

    def watched(self, node: tree.Node, value: Made) -> Made:
        """The value, remembered in `scope.seen` with the words that it comes from."""
        words = constant(normalised(self.text[node.offset : node.end]))
        return Made(called(self.bind(see), name("scope"), words, value.node), value.kind, value.certain)


def see(scope: Scope, words: str, value: Any) -> Any:
    # What is filled later would otherwise be shown as it is then.
    copied = value.copy() if isinstance(value, list | dict) else value
    scope.seen.append((words, copied))
    return value


def normalised(text: str) -> str:
    """A single blank wherever a rule has blanks, line ends or comments; nothing in quotes is touched."""
    parts: list[str] = []
    end = 0
    for token in tokens(text):
        if token.kind != "end":
            parts.append(" " if parts and token.offset > end else "")
            parts.append(token.text)
            end = token.end
    return "".join(parts)
