"""From statements to Python's nodes."""

import ast
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from warren.routing.mvel import tree
from warren.routing.mvel.emitting.made import OBJECTS, Frame, constant, name
from warren.routing.mvel.emitting.values import boolean, calculated, value
from warren.routing.mvel.offered import operators
from warren.routing.mvel.offered.tables import write, write_at

DEEPEST_LOOP: Final = 8
"""Loops in one another; Python itself ends at 20."""
NESTED_BRANCHES: Final = 5
"""Branches that Python gets as one chain: it holds each within the one before, and does not go deep."""


def assigned(statements: Iterable[tree.Statement]) -> frozenset[str]:
    """The variables that these give a value to."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case tree.Assign(target=tree.Name(name=variable)):
                found.add(variable)
            case tree.If():
                bodies = [body for _, body in statement.branches]
                found.update(*(assigned(body) for body in (*bodies, statement.otherwise)))
            case tree.ForEach():
                found |= {statement.variable} | assigned(statement.body)
    return frozenset(found)


def block(frame: Frame, statements: tuple[tree.Statement, ...], *, last: bool) -> list[ast.stmt]:
    """Never empty. The last statement of a text answers its value, as in MVEL."""
    made: list[ast.stmt] = []
    for index, statement in enumerate(statements):
        made += _statement(frame, statement, last=last and index == len(statements) - 1)
    return made or [ast.Pass()]


def _statement(frame: Frame, node: tree.Statement, *, last: bool) -> list[ast.stmt]:
    match node:
        case tree.Evaluate():
            found = value(frame, node.value).node
            return [ast.Return(found) if last else ast.Expr(found)]
        case tree.Return():
            return [ast.Return(constant(None) if node.value is None else value(frame, node.value).node)]
        case tree.If():
            return _if(frame, node, last=last)
        case tree.ForEach():
            return [_foreach(frame, node)]
        case tree.Assign():
            return [_assign(frame, node), *_answered(frame, node, last=last)]


def _if(frame: Frame, node: tree.If, *, last: bool) -> list[ast.stmt]:
    """A row of short chains; each but the first begins only when those before it found nothing."""
    made = [ast.If(boolean(frame, condition), block(frame, body, last=last), []) for condition, body in node.branches]
    made[-1].orelse = block(frame, node.otherwise, last=last) if node.otherwise else []
    chains = [made[at : at + NESTED_BRANCHES] for at in range(0, len(made), NESTED_BRANCHES)]
    for chain in chains:
        for outer, inner in pairwise(chain):
            outer.orelse = [inner]
    if len(chains) == 1:
        return [made[0]]
    missed = frame.temporary()
    row: list[ast.stmt] = [_marked(missed, value=False), made[0]]
    for before, chain in pairwise(chains):
        before[-1].orelse = [_marked(missed, value=True)]
        row.append(ast.If(name(missed), [_marked(missed, value=False), chain[0]], []))
    return row


def _marked(temporary: str, *, value: bool) -> ast.stmt:
    return ast.Assign([ast.Name(temporary, ast.Store())], constant(value))


def _foreach(frame: Frame, node: tree.ForEach) -> ast.stmt:
    _check_variable(frame, node.variable, node)
    items = value(frame, node.items).node
    frame.loops += 1
    if frame.loops > DEEPEST_LOOP:
        raise frame.error(f"more than {DEEPEST_LOOP} loops in one another", node)
    before = frame.work
    body = block(frame, node.body, last=False)
    frame.loops -= 1
    cost = 1 + frame.work - before
    walked = frame.call(operators.passes, name("scope"), items, constant(cost))
    return ast.For(ast.Name(f"v_{node.variable}", ast.Store()), walked, body, [])


def _answered(frame: Frame, node: tree.Assign, *, last: bool) -> list[ast.stmt]:
    """An assignment to a variable is a value too, when it stands last."""
    if last and isinstance(node.target, tree.Name):
        return [ast.Return(value(frame, node.target).node)]
    return []


def _check_variable(frame: Frame, variable: str, node: tree.Node) -> None:
    if variable in OBJECTS:
        raise frame.error(f"{variable} is given to rules and cannot be assigned to", node)


def _assign(frame: Frame, node: tree.Assign) -> ast.stmt:
    made = value(frame, node.value)
    if node.operator:
        if not isinstance(node.target, tree.Name):
            raise frame.error(f"{node.operator}= needs a variable on its left", node)
        made = calculated(frame, node.operator, value(frame, node.target), made)
    match node.target:
        case tree.Name(name=variable):
            _check_variable(frame, variable, node)
            return ast.Assign([ast.Name(f"v_{variable}", ast.Store())], made.node)
        case tree.Property(target=owner, name=which):
            _note(frame, owner, which)
            return ast.Expr(frame.call(write, value(frame, owner).node, constant(which), made.node))
        case tree.Index(target=owner, key=which_one):
            index = value(frame, which_one)
            _note(frame, owner, index.literal)
            return ast.Expr(frame.call(write_at, value(frame, owner).node, index.node, made.node))


def _note(frame: Frame, owner: tree.Expression, key: object) -> None:
    if isinstance(owner, tree.Name) and owner.name == "result" and isinstance(key, str):
        frame.puts.add(key)
