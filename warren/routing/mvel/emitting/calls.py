"""From calls and properties to Python's nodes: direct where the method is known already, looked up where not."""

import ast
from collections.abc import Mapping, Sequence
from typing import Final

from warren.routing.mvel import tree
from warren.routing.mvel.emitting.made import NOT_KNOWN, Frame, Made, attribute, called, compared, constant, name
from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.method import ADAPTERS, Method, Methods, nearest, properties, property_of
from warren.routing.mvel.offered.patterns import BadPattern, matcher, pattern
from warren.routing.mvel.offered.requests import table_names
from warren.routing.mvel.offered.statics import STATICS
from warren.routing.mvel.offered.tables import BY_KIND, call, paid, read
from warren.routing.mvel.offered.values import Optional, null_pointer

FITS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("String",),
    "text-or-null": ("String",),
    "int": ("int",),
    "number": ("int", "double"),
    "collection": ("List", "Set", "Array"),
    "map": ("Map",),
}
"""By kind of argument the kinds of values that need no adapting."""
TEXT_METHODS: Final[Mapping[str, tuple[str, int]]] = {
    "startsWith": ("startswith", 1),
    "endsWith": ("endswith", 1),
    "toLowerCase": ("lower", 0),
    "toUpperCase": ("upper", 0),
}
"""Methods of String that Python's own do, with as many arguments."""
MAYBE_NULL: Final = ("String", "Array")
"""Kinds that methods of the request may leave null."""


def method_call(frame: Frame, target: Made, node: tree.Call, arguments: Sequence[Made]) -> Made:
    """`target.name(arguments)`."""
    if target.kind in {"", "null"}:
        return _looked_up(frame, target, node, arguments)
    methods = BY_KIND[target.kind]
    method = methods.get(node.name)
    if method is None:
        owner = "text" if target.kind == "String" else _spoken(node.target, target.kind)
        raise frame.error(f"no method {node.name}() on {owner}{nearest(node.name, methods)}", node)
    check_count(frame, node, method, arguments)
    if folded := _folded(frame, target, method, node, arguments):
        return folded
    if frame.loops:
        # Loops pay for what they do: the look-up counts the size of what is worked on.
        found = _looked_up(frame, target, node, arguments)
        return Made(found.node, method.answers, found.certain or _is_certain(target, method, safe=node.safe))
    given = [fit(frame, method, *each) for each in _places(arguments, node)]
    kind = arguments[0].kind if len(arguments) == 1 else ""
    return _direct(frame, target, node, method, given, given_kind=kind)


def _spoken(node: tree.Expression, kind: str) -> str:
    return node.name if isinstance(node, tree.Name) else kind


def _places(arguments: Sequence[Made], node: tree.Call) -> list[tuple[int, Made, tree.Node]]:
    return [(index, made, where) for index, (made, where) in enumerate(zip(arguments, node.arguments, strict=True))]


def check_count(frame: Frame, node: tree.Node, method: Method, arguments: Sequence[Made]) -> None:
    if not method.accepts(len(arguments)):
        raise frame.error(f"{method.name}() takes {method.in_words()}, not {len(arguments)}", node)


def _looked_up(frame: Frame, target: Made, node: tree.Call, arguments: Sequence[Made]) -> Made:
    given = [argument.node for argument in arguments]

    def found(value: ast.expr) -> ast.expr:
        return frame.call(call, name("scope"), value, constant(node.name), *given)

    if node.safe:
        return Made(frame.unless_null(target, found, lambda: constant(None)))
    return Made(found(target.node))


def _direct(
    frame: Frame,
    target: Made,
    node: tree.Call | tree.Property,
    method: Method,
    given: Sequence[ast.expr],
    *,
    given_kind: str = "",
) -> Made:
    def found(value: ast.expr) -> ast.expr:
        frame.work += 1
        if inlined := _inlined(target.kind, method, value, given):
            return inlined
        if has_text_among(target.kind, given_kind) and method.name == "contains":
            return compared(given[0], ast.In(), value)
        before = [name("scope")] if method.scoped else []
        return called(frame.bind(method.run), *before, value, *given)

    def null() -> ast.expr:
        return constant(None) if node.safe else frame.call(null_pointer, constant(f"{method.name}()"))

    made = frame.unless_null(target, found, null)
    return Made(made, method.answers, _is_certain(target, method, safe=node.safe))


def has_text_among(container: str, wanted: str) -> bool:
    """Whether Python's `in` says of these kinds what Java's contains() says: of texts it does."""
    return container in {"List", "Set", "Array"} and wanted == "String"


def _is_certain(target: Made, method: Method, *, safe: bool) -> bool:
    if not method.answers or (safe and not target.certain):
        return False
    return method.answers not in MAYBE_NULL or target.kind not in {"request", "trinoRequestUser"}


def _inlined(kind: str, method: Method, value: ast.expr, given: Sequence[ast.expr]) -> ast.expr | None:
    """Python's own for what rules do most, as calls of calls would cost more than what they do."""
    if kind != "String":
        return None
    if method.name == "contains":
        return compared(given[0], ast.In(), value)
    if method.name == "isEmpty":
        return ast.UnaryOp(ast.Not(), value)
    if method.name == "equals" and isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        return compared(value, ast.Eq(), given[0])
    own, count = TEXT_METHODS.get(method.name, ("", -1))
    return called(attribute(value, own), *given) if len(given) == count else None


def _folded(frame: Frame, target: Made, method: Method, node: tree.Call, arguments: Sequence[Made]) -> Made | None:
    """What is asked most with a literal: a header, a table, a key of a map."""
    literal = arguments[0].literal if len(arguments) == 1 else None
    if not isinstance(literal, str):
        return None
    if (target.kind, method.name) == ("String", "matches") and not frame.loops:
        literal_pattern(frame, literal, node.arguments[0])
        null = frame.call(null_pointer, constant("matches()"))
        matches = frame.bind(matcher(literal))
        return Made(
            frame.unless_null(target, lambda text: called(matches, text), lambda: null), "boolean", certain=True
        )
    match target.kind, method.name:
        case "request", "getHeader":
            headers = called(attribute(frame.member("headers"), "get"), constant(literal.lower()))
            values = Made(headers)
            first = frame.unless_null(values, lambda value: _element(value, 0), lambda: constant(None))
            return Made(first, "String")
        case "trinoQueryProperties", "tablesContains":
            tables = attribute(target.node, "tables", "isdisjoint")
            return Made(
                ast.UnaryOp(ast.Not(), called(tables, frame.bind(table_names(literal)))), "boolean", certain=True
            )
        case "Map", "get" if target.certain:
            return Made(called(attribute(target.node, "get"), constant(literal)))
    return None


def _element(value: ast.expr, index: int) -> ast.expr:
    return ast.Subscript(value, constant(index), ast.Load())


def fit(frame: Frame, method: Method, index: int, made: Made, where: tree.Node) -> ast.expr:
    """An argument as the method takes it. Raises MvelError when a literal cannot be that."""
    kind = method.kind_of_argument(index)
    adapter = ADAPTERS[kind]
    if kind == "pattern" and isinstance(made.literal, str):
        return literal_pattern(frame, made.literal, where)
    if adapter is None:
        return made.node
    if made.literal is not NOT_KNOWN:
        try:
            adapter(made.literal)
        except RuleFailed as error:
            raise frame.error(f"{method.name}(): {error}", where) from None
    fits = made.kind in FITS.get(kind, ()) and (made.certain or kind == "text-or-null")
    return made.node if fits else frame.call(adapter, made.node)


def literal_pattern(frame: Frame, text: str, where: tree.Node) -> ast.expr:
    try:
        return frame.bind(pattern(text))
    except BadPattern as error:
        raise frame.error(f"bad regular expression: {error}", where) from None


def property_read(frame: Frame, target: Made, node: tree.Property) -> Made:
    """`target.name`."""
    methods = BY_KIND.get(target.kind)
    method = property_of(methods, node.name) if methods is not None else None
    if target.kind in {"", "null", "Map"} or frame.loops:
        if method is None and methods is not None and target.kind != "Map":
            raise _no_property(frame, node, target.kind, methods)
        return _property_looked_up(frame, target, node)
    assert methods is not None
    if method is None:
        raise _no_property(frame, node, target.kind, methods)
    return _direct(frame, target, node, method, [])


def _no_property(frame: Frame, node: tree.Property, kind: str, methods: Methods) -> Exception:
    owner = "text" if kind == "String" else _spoken(node.target, kind)
    if node.name in methods:
        return frame.error(f"{node.name}() takes {methods[node.name].in_words()}, not 0", node)
    return frame.error(f"no property {node.name} on {owner}{nearest(node.name, properties(methods))}", node)


def _property_looked_up(frame: Frame, target: Made, node: tree.Property) -> Made:
    def found(value: ast.expr) -> ast.expr:
        return frame.call(read, name("scope"), value, constant(node.name))

    if node.safe:
        return Made(frame.unless_null(target, found, lambda: constant(None)))
    return Made(found(target.node))


def static_call(frame: Frame, which: str, node: tree.Call, arguments: Sequence[Made]) -> Made:
    """`Class.name(arguments)`."""
    methods = STATICS[which].methods if which in STATICS else {}
    method = methods.get(node.name)
    if method is None:
        raise frame.error(f"no method {node.name}() on the class {which}{nearest(node.name, methods)}", node)
    check_count(frame, node, method, arguments)
    given = [fit(frame, method, *each) for each in _places(arguments, node)]
    if (which, node.name) == ("Optional", "of") and isinstance(arguments[0].literal, str):
        # It cannot change, so one is enough.
        return Made(frame.bind(Optional(arguments[0].literal)), "Optional", certain=True)
    before: list[ast.expr] = [name("scope")] if method.scoped else []
    return Made(paid_in_loops(frame, frame.call(method.run, *before, *given)), method.answers, bool(method.answers))


def paid_in_loops(frame: Frame, made: ast.expr) -> ast.expr:
    return frame.call(paid, name("scope"), made) if frame.loops else made


def static_property(frame: Frame, which: str, node: tree.Property) -> Made:
    """`Class.CONSTANT`."""
    constants = STATICS[which].constants if which in STATICS else {}
    if node.name not in constants:
        raise frame.error(f"no constant {node.name} on the class {which}{nearest(node.name, constants)}", node)
    found = constants[node.name]
    kinds = {str: "String", bool: "boolean", int: "int", float: "double"}
    return Made(constant(found), kinds[type(found)], certain=True, literal=found)
