"""From the text of a condition or an action to a function of a scope: once per rule, when rules are loaded."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, Final

from warren.routing.mvel import tree
from warren.routing.mvel.emitting.flow import assigned, block
from warren.routing.mvel.emitting.made import MEMBERS, OBJECTS, Frame, attribute, called, constant, name
from warren.routing.mvel.emitting.values import value
from warren.routing.mvel.errors import MvelError as MvelError
from warren.routing.mvel.errors import RuleFailed as RuleFailed
from warren.routing.mvel.offered.operators import condition
from warren.routing.mvel.scope import Scope
from warren.routing.mvel.shapes import parse_action, parse_condition, parse_condition_in_steps

FREE: Final = 20
"""Calls and operators of a text without loops that cost no steps: counting them would cost more than they do."""
UNSET: Final = re.compile(r"variable 'v_(\w+)'")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition or an action, ready to run, on any thread, any number of times."""

    text: str
    names: frozenset[str]
    """Of the objects that rules are given, those that it mentions."""
    puts: frozenset[str]
    """Keys that it may write into `result`, as far as they stand in the text."""
    run: Callable[[Scope], Any]
    """Raises RuleFailed and nothing else."""


def compile_condition(text: str, *, traced: bool = False) -> Compiled:
    """Its run() answers true or false. Raises MvelError."""
    try:
        parsed = parse_condition(text)
    except MvelError as error:
        if (statements := _steps(text, error)) is None:
            raise
        return _condition_in_steps(text, statements, traced=traced)
    frame = Frame(text, variables=frozenset(), traced=traced)
    made = value(frame, parsed)
    certain = made.kind == "boolean" and made.certain
    return _compiled(frame, [ast.Return(made.node if certain else frame.call(condition, made.node))])


def _steps(text: str, error: MvelError) -> tuple[tree.Statement, ...] | None:
    """The statements of what is no expression; None when it is not that either. Raises MvelError, the one farther on."""
    try:
        return parse_condition_in_steps(text)
    except MvelError as other:
        raise max(error, other, key=attrgetter("offset")) from None


def _condition_in_steps(text: str, statements: tuple[tree.Statement, ...], *, traced: bool) -> Compiled:
    frame = Frame(text, variables=assigned(statements) - set(OBJECTS), traced=traced)
    body = [*block(frame, statements, last=True), ast.Return(constant(None))]
    for node in (node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Return)):
        assert node.value is not None
        node.value = frame.call(condition, node.value)
    return _compiled(frame, body)


def compile_action(text: str, *, traced: bool = False) -> Compiled:
    """Its run() answers the value of the last statement, or of `return`. Raises MvelError."""
    statements = parse_action(text)
    frame = Frame(text, variables=assigned(statements) - set(OBJECTS), traced=traced)
    return _compiled(frame, block(frame, statements, last=True))


def _compiled(frame: Frame, body: list[ast.stmt]) -> Compiled:
    handlers = [
        ast.ExceptHandler(frame.bind(RuleFailed), None, [ast.Raise(None, None)]),
        # Whatever else happens is of this rule's making; a request must hear that, not of our insides.
        ast.ExceptHandler(
            frame.bind(Exception), "error", [ast.Raise(called(frame.bind(_failed), name("error")), None)]
        ),
    ]
    whole: list[ast.stmt] = [ast.Try([*_prologue(frame), *body], handlers, [], [])]
    parameters = ast.arguments([], [ast.arg("scope")], None, [], [], None, [])
    function = ast.FunctionDef("rule", parameters, whole, [])
    module = ast.Module([function], [])
    for node in ast.walk(module):  # ast.fix_missing_locations goes deep, and long chains are
        if isinstance(node, ast.stmt | ast.expr | ast.ExceptHandler | ast.arg):
            node.lineno = node.end_lineno = 1
            node.col_offset = node.end_col_offset = 0
    code = next(part for part in compile(module, "<rule>", "exec").co_consts if isinstance(part, CodeType))
    return Compiled(frame.text, frozenset(frame.names), frozenset(frame.puts), FunctionType(code, frame.bound))


def _prologue(frame: Frame) -> list[ast.stmt]:
    """Local variables for what is used of the scope, and the price of a long text."""
    made: list[ast.stmt] = [
        ast.Assign([ast.Name(member, ast.Store())], attribute(name("scope"), *MEMBERS[member]))
        for member in sorted(frame.members)
    ]
    if frame.work > FREE:
        made.append(ast.Expr(called(attribute(name("scope"), "spend"), ast.Constant(frame.work))))
    return made


def _failed(error: Exception) -> RuleFailed:
    match error:
        case UnboundLocalError():
            found = UNSET.search(str(error))
            return RuleFailed(f"the variable {found[1] if found else ''} has no value yet")
        case RecursionError():
            return RuleFailed("values are too deep in one another")
        case UnicodeError():
            return RuleFailed("a text holds half a character")
        case OverflowError():
            return RuleFailed("a number would be too great")
    return RuleFailed(f"it cannot be done: {type(error).__name__}: {str(error)[:200]}")
