"""Reading expressions, the tighter binding operators first."""

from collections.abc import Callable
from typing import Final

from warren.routing.mvel import tree
from warren.routing.mvel.lexer import Cursor, Token, shown

EQUALITY: Final = ("==", "!=")
RELATIONS: Final = ("<", "<=", ">", ">=", "contains", "is", "instanceof", "~=", "in")
LAYERS: Final = (EQUALITY, RELATIONS, ("+", "-"), ("*", "/", "%"))
"""Operators of two operands, from the loosest to the tightest."""

UNKNOWN_OPERATORS: Final = {
    "and": "MVEL has no `and`, it would drop what follows: write &&",
    "soundslike": "soundslike is not offered",
    "strsim": "strsim is not offered",
    "convertable_to": "convertable_to is not offered: is tells the class of a value",
    "&": "& is not offered: write &&",
    "|": "| is not offered: write ||",
    "^": "operators on bits are not offered",
    "<<": "operators on bits are not offered",
    ">>": "operators on bits are not offered",
    "<<<": "operators on bits are not offered",
    ">>>": "operators on bits are not offered",
    "**": "powers are not offered",
    "#": "# is not offered: + joins texts",
    "++": "++ is not offered: write += 1",
    "--": "-- is not offered: write -= 1",
    "->": "functions of your own are not offered",
    "=": "an assignment is a statement of its own; equality is written ==",
}
REFUSED_WORDS: Final = {
    "while": "loops other than foreach are not offered",
    "do": "loops other than foreach are not offered",
    "until": "loops other than foreach are not offered",
    "def": "functions of your own are not offered",
    "function": "functions of your own are not offered",
    "proto": "types of your own are not offered",
    "import": "there is nothing to import: the classes that are offered are there",
    "import_static": "there is nothing to import: the classes that are offered are there",
    "with": "with is not offered",
    "assert": "assert is not offered",
    "isdef": "isdef is not offered: a name that nobody knows is refused when rules are loaded",
    "switch": "switch is not offered: write if, else if and else",
    "try": "exceptions are not offered",
    "throw": "exceptions are not offered",
    "break": "break is not offered, nor is it in MVEL: return ends the text",
    "continue": "continue is not offered, nor is it in MVEL: use if",
    "this": "this is not offered",
    "untyped": "untyped is not offered",
}
RESERVED: Final = frozenset(
    {"if", "else", "foreach", "for", "return", "new", "in", "is", "instanceof", "contains", "or", "true", "false"}
    | {"null", "nil", "empty", *REFUSED_WORDS, *(word for word in UNKNOWN_OPERATORS if word.isalpha())}
)
CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None, "nil": None}
PACKAGES: Final = frozenset({"java", "javax", "io", "com", "org"})


def expression(cursor: Cursor, *, before: tuple[str, ...] = ()) -> tree.Expression:
    """`before` are signs that may follow, where others mean that an operator is not offered."""
    with cursor.level():
        start = cursor.here
        condition = _alternatives(cursor)
        if not cursor.takes("?"):
            if not cursor.sees(*before):
                _refuse_unknown_operator(cursor)
            return condition
        yes = expression(cursor)
        cursor.expect(":", "between the two values of `condition ? one : other`")
        no = expression(cursor)
        return tree.Ternary(start.offset, cursor.behind.end, condition, yes, no)


def _refuse_unknown_operator(cursor: Cursor) -> None:
    token = cursor.here
    if token.kind != "string" and token.text in UNKNOWN_OPERATORS:
        raise cursor.error(UNKNOWN_OPERATORS[token.text])


def _alternatives(cursor: Cursor) -> tree.Expression:
    """`a or b`, `a ?: b`: as loose as ||."""
    start = cursor.here
    with cursor.level():
        left = _logical(cursor, "||", lambda: _logical(cursor, "&&", lambda: _binary(cursor, 0)))
        while cursor.sees("or", "?:"):
            cursor.further()
            operator = cursor.take().text
            right = _logical(cursor, "||", lambda: _logical(cursor, "&&", lambda: _binary(cursor, 0)))
            left = tree.Binary(start.offset, cursor.behind.end, operator, left, right)
    return left


def _logical(cursor: Cursor, operator: str, operand: Callable[[], tree.Expression]) -> tree.Expression:
    start = cursor.here
    operands = [operand()]
    while cursor.takes(operator):
        operands.append(operand())
    if len(operands) == 1:
        return operands[0]
    return tree.Logical(start.offset, cursor.behind.end, operator, tuple(operands))


def _binary(cursor: Cursor, layer: int) -> tree.Expression:
    if layer == len(LAYERS):
        return _unary(cursor)
    start = cursor.here
    left = _binary(cursor, layer + 1)
    if not cursor.sees(*LAYERS[layer]):
        return left
    with cursor.level():
        while cursor.sees(*LAYERS[layer]):
            cursor.further()
            operator = cursor.take()
            right = _binary(cursor, layer + 1)
            if operator.text in {"is", "instanceof"} and not isinstance(right, tree.Name | tree.ClassPath):
                raise cursor.error(f"{operator.text} needs a class on its right", cursor.here)
            left = tree.Binary(start.offset, cursor.behind.end, operator.text, left, right)
    return left


def _unary(cursor: Cursor) -> tree.Expression:
    sign = cursor.here
    if not cursor.takes("!", "-"):
        if cursor.sees("~", "++", "--"):
            raise cursor.error(f"{sign.text} is not offered")
        return _postfix(cursor)
    with cursor.level():
        operand = _unary(cursor)
    if sign.text == "!" and cursor.sees("contains", "is", "instanceof", "~=", "in"):
        raise cursor.error(f"! binds tighter than {cursor.here.text}: write !(… {cursor.here.text} …)", sign)
    if sign.text == "-" and isinstance(operand, tree.Literal) and type(operand.value) in (int, float):
        assert isinstance(operand.value, int | float)
        return tree.Literal(sign.offset, operand.end, -operand.value)
    return tree.Unary(sign.offset, operand.end, sign.text, operand)


def _postfix(cursor: Cursor) -> tree.Expression:
    """A value, and what follows it: properties, calls and indices."""
    start = cursor.here
    value = _primary(cursor)
    with cursor.level():
        while cursor.sees(".", ".?", "["):
            cursor.further()
            if cursor.takes("["):
                key = expression(cursor)
                cursor.expect("]")
                value = tree.Index(start.offset, cursor.behind.end, value, key)
            else:
                value = _member(cursor, value, start)
    if cursor.sees("("):
        raise cursor.error("functions of your own are not offered: a call needs an object or a class before it")
    return value


def _member(cursor: Cursor, target: tree.Expression, start: Token) -> tree.Expression:
    safe = cursor.take().text == ".?"
    name = cursor.name("a name after the dot")
    if cursor.sees("("):
        arguments = _arguments(cursor)
        return tree.Call(start.offset, cursor.behind.end, target, name.text, name.offset, arguments, safe)
    return tree.Property(start.offset, cursor.behind.end, target, name.text, name.offset, safe)


def _arguments(cursor: Cursor) -> tuple[tree.Expression, ...]:
    cursor.expect("(")
    return _list(cursor, ")")


def _list(cursor: Cursor, closing: str) -> tuple[tree.Expression, ...]:
    """Expressions with commas between them; the opening sign is taken, the closing one is taken here."""
    found: list[tree.Expression] = []
    while not cursor.takes(closing):
        if found:
            cursor.expect(",", f"or {closing}")
        found.append(expression(cursor))
        if cursor.sees("in", ":"):
            raise cursor.error(f"{cursor.here.text} is not expected here: projections are not offered")
    return tuple(found)


def _primary(cursor: Cursor) -> tree.Expression:
    token = cursor.take()
    if token.kind in {"number", "string"}:
        return tree.Literal(token.offset, token.end, token.value)
    if token.kind == "name":
        return _word(cursor, token)
    match token.text if token.kind == "symbol" else "":
        case "(":
            return _parenthesis(cursor, token)
        case "[":
            return _list_or_map(cursor, token)
        case "{":
            items = _list(cursor, "}")
            return tree.ArrayLiteral(token.offset, cursor.behind.end, items)
    raise cursor.error(f"expected a value, found {shown(token)}", token)


def _parenthesis(cursor: Cursor, token: Token) -> tree.Expression:
    inner = expression(cursor)
    if cursor.sees("in"):
        raise cursor.error("projections, (x in list), are not offered: use foreach")
    cursor.expect(")")
    if isinstance(inner, tree.Name) and cursor.here.kind in {"name", "string", "number"} and not _operator(cursor):
        raise cursor.error("casts are not offered", token)
    return inner


def _operator(cursor: Cursor) -> bool:
    return cursor.sees(*RELATIONS, "or", "and", "soundslike", "strsim", "convertable_to")


def _word(cursor: Cursor, token: Token) -> tree.Expression:
    word = token.text
    if word in CONSTANTS:
        return tree.Literal(token.offset, token.end, CONSTANTS[word])
    if word == "empty":
        return tree.Empty(token.offset, token.end)
    if word == "new":
        return _new(cursor, token)
    if word in REFUSED_WORDS:
        raise cursor.error(REFUSED_WORDS[word], token)
    if word in RESERVED:
        raise cursor.error(f"expected a value, found {word}", token)
    if word in PACKAGES and cursor.sees("."):
        package, name = _path(cursor, token)
        return tree.ClassPath(token.offset, cursor.behind.end, package, name)
    return tree.Name(token.offset, token.end, word)


def _path(cursor: Cursor, first: Token) -> tuple[str, str]:
    """Package and class, the latter being the first name with a capital."""
    names = [first.text]
    while not names[-1][0].isupper() and cursor.takes("."):
        names.append(cursor.name("a name after the dot").text)
    return ".".join(names[:-1]), names[-1]


def _new(cursor: Cursor, token: Token) -> tree.Expression:
    package, name = _path(cursor, cursor.name("a class after new"))
    if cursor.sees("<"):
        raise cursor.error(f"MVEL has no type parameters: write new {name}()")
    if not cursor.sees("("):
        raise cursor.error(f"expected (, as in new {name}()")
    arguments = _arguments(cursor)
    return tree.NewObject(token.offset, cursor.behind.end, package, name, arguments)


def _list_or_map(cursor: Cursor, token: Token) -> tree.Expression:
    if cursor.takes(":"):
        cursor.expect("]")
        return tree.MapLiteral(token.offset, cursor.behind.end, ())
    if cursor.takes("]"):
        return tree.ListLiteral(token.offset, cursor.behind.end, ())
    first = expression(cursor)
    if not cursor.takes(":"):
        if cursor.sees(","):
            cursor.take()
            items = (first, *_list(cursor, "]"))
        else:
            cursor.expect("]")
            items = (first,)
        return tree.ListLiteral(token.offset, cursor.behind.end, items)
    pairs = [(first, expression(cursor))]
    while not cursor.takes("]"):
        cursor.expect(",", "or ]")
        key = expression(cursor)
        cursor.expect(":", "after a key of a map")
        pairs.append((key, expression(cursor)))
    return tree.MapLiteral(token.offset, cursor.behind.end, tuple(pairs))
