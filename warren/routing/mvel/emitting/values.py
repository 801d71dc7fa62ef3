"""From expressions to Python's nodes."""

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final

from warren.routing.mvel import tree
from warren.routing.mvel.emitting import calls
from warren.routing.mvel.emitting.made import NOT_KNOWN, OBJECTS, Frame, Made, called, compared, constant, kept, name
from warren.routing.mvel.emitting.names import check_class, class_named, named
from warren.routing.mvel.offered import operators
from warren.routing.mvel.offered.method import nearest
from warren.routing.mvel.offered.patterns import matcher
from warren.routing.mvel.offered.statics import NEW
from warren.routing.mvel.offered.tables import CHANGING, read_at
from warren.routing.mvel.offered.values import map_of

NUMBERS: Final = ("int", "double")
KINDS: Final = {str: "String", bool: "boolean", int: "int", float: "double", type(None): "null"}
COMPARED: Final[Mapping[str, tuple[type[ast.cmpop], Callable[..., Any]]]] = {
    "<": (ast.Lt, operators.less),
    "<=": (ast.LtE, operators.less_or_equal),
    ">": (ast.Gt, operators.greater),
    ">=": (ast.GtE, operators.greater_or_equal),
}
CALCULATED: Final[Mapping[str, Callable[..., Any]]] = {
    "-": operators.subtract,
    "*": operators.multiply,
    "/": operators.divide,
    "%": operators.remainder,
}


def value(frame: Frame, node: tree.Expression, *, inside: bool = False) -> Made:
    """`inside` a chain that is watched as a whole."""
    match node:
        case tree.Property() | tree.Call() | tree.Index():
            return _chain(frame, node, inside=inside)
        case tree.Name():
            return named(frame, node)
        case tree.ClassPath():
            check_class(frame, node, node.package, node.name)
            raise frame.error(f"the class {node.name} is no value: call something on it", node)
        case tree.Binary():
            return _binary(frame, node)
        case tree.Literal():
            return _literal(node.value)
        case tree.Logical() | tree.Ternary() | tree.Unary() | tree.Empty():
            return _of_booleans(frame, node)
    return _built(frame, node)


def _literal(found: str | int | float | bool | None) -> Made:
    return Made(constant(found), KINDS[type(found)], certain=found is not None, literal=found)


def boolean(frame: Frame, node: tree.Expression) -> ast.expr:
    """Where only true and false will do."""
    made = value(frame, node)
    if made.kind == "boolean" and made.certain:
        return made.node
    if made.kind not in {"", "boolean"}:
        raise frame.error(f"a boolean is expected, and this is {made.kind}", node)
    return frame.call(operators.truth, made.node)


def _chain(frame: Frame, node: tree.Property | tree.Call | tree.Index, *, inside: bool) -> Made:
    watch = frame.traced and not inside and _is_read(frame, node)
    inside = inside or watch
    which = class_named(frame, node.target) if not isinstance(node, tree.Index) else None
    match node:
        case tree.Index():
            made = _index(frame, value(frame, node.target, inside=inside), value(frame, node.key))
        case tree.Property() if which is not None:
            made = calls.static_property(frame, which, node)
        case tree.Property():
            made = calls.property_read(frame, value(frame, node.target, inside=inside), node)
        case tree.Call():
            arguments = [value(frame, argument) for argument in node.arguments]
            if which is not None:
                return calls.static_call(frame, which, node, arguments)
            made = calls.method_call(frame, value(frame, node.target, inside=inside), node, arguments)
            _note_put(frame, node, arguments)
    return frame.watched(node, made) if watch else made


def _is_read(frame: Frame, node: tree.Property | tree.Call | tree.Index) -> bool:
    """Whether the chain begins at an object of rules, and its last call changes nothing."""
    if isinstance(node, tree.Call) and node.name in CHANGING:
        return False
    root: tree.Expression = node
    while isinstance(root, tree.Property | tree.Call | tree.Index):
        root = root.target
    return isinstance(root, tree.Name) and root.name in OBJECTS and root.name not in frame.variables


def _note_put(frame: Frame, node: tree.Call, arguments: list[Made]) -> None:
    if node.name in {"put", "putIfAbsent"} and _is_result(frame, node.target) and isinstance(arguments[0].literal, str):
        frame.puts.add(arguments[0].literal)


def _is_result(frame: Frame, node: tree.Expression) -> bool:
    return isinstance(node, tree.Name) and node.name == "result" and "result" not in frame.variables


def _index(frame: Frame, target: Made, index: Made) -> Made:
    if target.kind == "Map" and target.certain and isinstance(index.literal, str):
        return Made(frame.call(dict.get, target.node, index.node))
    return Made(frame.call(read_at, target.node, index.node))


def _of_booleans(frame: Frame, node: tree.Logical | tree.Ternary | tree.Unary | tree.Empty) -> Made:
    match node:
        case tree.Logical():
            operator = ast.And() if node.operator == "&&" else ast.Or()
            made = ast.BoolOp(operator, [boolean(frame, operand) for operand in node.operands])
            return Made(made, "boolean", certain=True)
        case tree.Ternary():
            test = boolean(frame, node.condition)
            yes, no = value(frame, node.yes), value(frame, node.no)
            kind = yes.kind if yes.kind == no.kind else ""
            return Made(ast.IfExp(test, yes.node, no.node), kind, yes.certain and no.certain)
        case tree.Unary(operator="!"):
            return Made(ast.UnaryOp(ast.Not(), boolean(frame, node.operand)), "boolean", certain=True)
        case tree.Unary():
            operand = value(frame, node.operand)
            if operand.kind not in {"", *NUMBERS}:
                raise frame.error(f"- cannot be applied to {operand.kind}", node)
            return Made(frame.call(operators.negate, operand.node), operand.kind, operand.certain)
    raise frame.error("empty stands only beside == and !=", node)


def _binary(frame: Frame, node: tree.Binary) -> Made:
    match node.operator:
        case "is" | "instanceof":
            return _is_a(frame, node)
        case "or" | "?:":
            return _first_filled(frame, node)
        case "==" | "!=":
            return _equality(frame, node)
        case "~=":
            return _match(frame, node)
    left, right = value(frame, node.left), value(frame, node.right)
    match node.operator:
        case "contains":
            return _contains(frame, left, right)
        case "in":
            made = frame.call(operators.is_in, name("scope"), left.node, right.node)
            return Made(made, "boolean", certain=True)
        case "<" | "<=" | ">" | ">=":
            return _order(frame, node.operator, left, right)
    return calculated(frame, node.operator, left, right)


def calculated(frame: Frame, operator: str, left: Made, right: Made) -> Made:
    if operator != "+":
        return Made(frame.call(CALCULATED[operator], left.node, right.node))
    joined = left.kind == "String" or (right.kind == "String" and left.kind in {"boolean", *NUMBERS})
    made = frame.call(operators.add, name("scope"), left.node, right.node)
    return Made(made, "String" if joined else "", certain=joined)


def _order(frame: Frame, operator: str, left: Made, right: Made) -> Made:
    plain, checked = COMPARED[operator]
    if all(side.certain and side.kind in NUMBERS for side in (left, right)):
        return Made(compared(left.node, plain(), right.node), "boolean", certain=True)
    return Made(frame.call(checked, left.node, right.node), "boolean", certain=True)


def _equality(frame: Frame, node: tree.Binary) -> Made:
    negated = node.operator == "!="
    if isinstance(node.left, tree.Empty) or isinstance(node.right, tree.Empty):
        other = node.right if isinstance(node.left, tree.Empty) else node.left
        if isinstance(other, tree.Empty):
            return _literal(not negated)
        made: ast.expr = frame.call(operators.is_empty, value(frame, other).node)
        return Made(ast.UnaryOp(ast.Not(), made) if negated else made, "boolean", certain=True)
    left, right = value(frame, node.left), value(frame, node.right)
    if "null" in {left.kind, right.kind}:
        if left.literal is not NOT_KNOWN and right.literal is not NOT_KNOWN:
            return _literal((left.kind == right.kind) is not negated)
        made = compared(left.node, ast.IsNot() if negated else ast.Is(), right.node)
    elif left.kind == right.kind and left.kind in {"String", "boolean"}:
        made = compared(left.node, ast.NotEq() if negated else ast.Eq(), right.node)
    else:
        function = operators.unequal if negated else operators.equal
        made = frame.call(function, name("scope"), left.node, right.node)
    return Made(made, "boolean", certain=True)


def _contains(frame: Frame, left: Made, right: Made) -> Made:
    if left.kind == "String" and right.kind == "String" and right.certain and not frame.loops:
        made = frame.unless_null(left, lambda text: compared(right.node, ast.In(), text), lambda: constant(value=False))
    elif calls.has_text_among(left.kind, right.kind) and left.certain and not frame.loops:
        made = compared(right.node, ast.In(), left.node)
    else:
        made = frame.call(operators.contains, name("scope"), left.node, right.node)
    return Made(made, "boolean", certain=True)


def _match(frame: Frame, node: tree.Binary) -> Made:
    left = value(frame, node.left)
    if isinstance(node.right, tree.Literal) and isinstance(node.right.value, str):
        right = calls.literal_pattern(frame, node.right.value, node.right)
        if left.kind == "String" and not frame.loops:
            matches = frame.bind(matcher(node.right.value))
            test = frame.unless_null(left, lambda text: called(matches, text), lambda: constant(value=False))
            return Made(test, "boolean", certain=True)
    else:
        right = value(frame, node.right).node
    made = frame.call(operators.matches, name("scope"), left.node, right)
    return Made(made, "boolean", certain=True)


def _is_a(frame: Frame, node: tree.Binary) -> Made:
    which = class_named(frame, node.right)
    if which not in operators.CHECKS:
        known = ", ".join(operators.CHECKS)
        raise frame.error(f"{node.operator} knows these classes: {known}", node.right)
    made = frame.call(operators.is_a, value(frame, node.left).node, constant(which))
    return Made(made, "boolean", certain=True)


def _first_filled(frame: Frame, node: tree.Binary) -> Made:
    left = value(frame, node.left)
    if left.kind == "boolean":
        why = "answers its left side unless that is null or empty text, so it says nothing of booleans: write ||"
        raise frame.error(f"{node.operator} {why}", node.right)
    right = value(frame, node.right)
    keep = frame.temporary()
    test = frame.call(operators.first_filled, kept(keep, left.node))
    kind = left.kind if left.kind == right.kind else ""
    return Made(ast.IfExp(test, name(keep), right.node), kind, right.certain)


def _built(frame: Frame, node: tree.Expression) -> Made:
    """Values that a rule makes anew."""
    match node:
        case tree.ListLiteral():
            return Made(ast.List(_all(frame, node.items), ast.Load()), "List", certain=True)
        case tree.ArrayLiteral():
            return Made(ast.Tuple(_all(frame, node.items), ast.Load()), "Array", certain=True)
        case tree.MapLiteral():
            members = [value(frame, member).node for pair in node.pairs for member in pair]
            return Made(frame.call(map_of, *members), "Map", certain=True)
        case tree.NewObject():
            return _new(frame, node)
    raise AssertionError(f"no expression: {node}")


def _all(frame: Frame, items: tuple[tree.Expression, ...]) -> list[ast.expr]:
    return [value(frame, item).node for item in items]


def _new(frame: Frame, node: tree.NewObject) -> Made:
    if node.name not in NEW:
        path = f"{node.package}.{node.name}".lstrip(".")
        raise frame.error(f"new {path}() is not offered{nearest(node.name, NEW)}", node)
    check_class(frame, node, node.package, node.name)
    method = NEW[node.name][1]
    arguments = [value(frame, argument) for argument in node.arguments]
    calls.check_count(frame, node, method, arguments)
    made = frame.call(method.run, *(argument.node for argument in arguments))
    return Made(calls.paid_in_loops(frame, made), method.answers, certain=True)
