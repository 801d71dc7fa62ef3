"""Reading statements: what actions are made of."""

from typing import Final

from warren.routing.mvel import tree
from warren.routing.mvel.expressions import REFUSED_WORDS, RESERVED, expression
from warren.routing.mvel.lexer import Cursor, Token, shown

MOST_BRANCHES: Final = 500
"""Of one `if`."""
ASSIGNMENTS: Final = {"=": "", "+=": "+", "-=": "-", "*=": "*", "/=": "/", "%=": "%"}


def statements(cursor: Cursor) -> tuple[tree.Statement, ...]:
    """All of the text."""
    return _until(cursor, "")


def _until(cursor: Cursor, closing: str) -> tuple[tree.Statement, ...]:
    found: list[tree.Statement] = []
    while cursor.here.kind != "end" and not cursor.sees(closing):
        if not cursor.takes(";"):
            found.append(_statement(cursor))
    return tuple(found)


def _block(cursor: Cursor) -> tuple[tree.Statement, ...]:
    """Statements in braces, or a single one."""
    with cursor.level():
        if not cursor.takes("{"):
            return (_statement(cursor),)
        found = _until(cursor, "}")
        cursor.expect("}", "at the end of the block")
        return found


def _statement(cursor: Cursor) -> tree.Statement:
    token = cursor.here
    if token.kind == "name":
        match token.text:
            case "if":
                return _if(cursor)
            case "foreach" | "for":
                return _foreach(cursor)
            case "return":
                return _return(cursor)
            case word if word in REFUSED_WORDS:
                raise cursor.error(REFUSED_WORDS[word])
    return _evaluate_or_assign(cursor)


def _if(cursor: Cursor) -> tree.Statement:
    start = cursor.take()
    branches = [_branch(cursor)]
    otherwise: tuple[tree.Statement, ...] = ()
    while cursor.takes("else"):
        if not cursor.takes("if"):
            otherwise = _block(cursor)
            break
        if len(branches) == MOST_BRANCHES:
            why = f"more than {MOST_BRANCHES} branches: write several rules, or look the value up in a map"
            raise cursor.error(why, cursor.behind)
        branches.append(_branch(cursor))
    return tree.If(start.offset, cursor.behind.end, tuple(branches), otherwise)


def _branch(cursor: Cursor) -> tuple[tree.Expression, tuple[tree.Statement, ...]]:
    cursor.expect("(", "after if")
    condition = expression(cursor)
    cursor.expect(")", "after the condition")
    return condition, _block(cursor)


def _foreach(cursor: Cursor) -> tree.Statement:
    start = cursor.take()
    cursor.expect("(", f"after {start.text}")
    if cursor.here.kind == "name" and cursor.ahead(1).kind == "name":
        cursor.take()
    variable = _variable(cursor)
    if not cursor.takes(":"):
        if start.text == "for":
            raise cursor.error("a for with a counter is not offered: write foreach (x : list) {…}", start)
        raise cursor.error(f"expected : after {variable}, as in foreach (x : list), found {shown(cursor.here)}")
    items = expression(cursor)
    cursor.expect(")", "after what is walked over")
    body = _block(cursor)
    return tree.ForEach(start.offset, cursor.behind.end, variable, items, body)


def _variable(cursor: Cursor) -> str:
    token = cursor.name("a variable's name")
    if token.text in RESERVED:
        raise cursor.error(f"{token.text} is a word of the language and cannot name a variable", token)
    return token.text


def _return(cursor: Cursor) -> tree.Statement:
    start = cursor.take()
    value = None if _ends(cursor) else expression(cursor)
    _end(cursor)
    return tree.Return(start.offset, cursor.behind.end, value)


def _evaluate_or_assign(cursor: Cursor) -> tree.Statement:
    start = cursor.here
    if _type(cursor) and cursor.ahead(1).text in {";", ""}:
        declared = _simple_target(cursor)
        _end(cursor)
        return tree.Assign(start.offset, declared.end, declared, "", tree.Literal(declared.offset, declared.end, None))
    target = _simple_target(cursor) if _assigns(cursor) else expression(cursor, before=tuple(ASSIGNMENTS))
    if not cursor.sees(*ASSIGNMENTS):
        _end(cursor)
        return tree.Evaluate(start.offset, target.end, target)
    sign = cursor.take()
    if not isinstance(target, tree.Name | tree.Property | tree.Index):
        raise cursor.error("this cannot be assigned to: a variable, a property or an element can", start)
    value = expression(cursor)
    end = cursor.behind.end
    _end(cursor)
    return tree.Assign(start.offset, end, target, ASSIGNMENTS[sign.text], value)


def _type(cursor: Cursor) -> bool:
    """Whether a type stood before a new variable; it says nothing: `int x = 5`, `String[] s = …`, `java.util.Set s;`."""
    length = 1
    while cursor.ahead(length).text == "." and cursor.ahead(length + 1).kind == "name":
        length += 2
    names = cursor.here.kind == "name" and cursor.here.text not in RESERVED
    if names and cursor.ahead(length).text == "<" and _is_generic(cursor, length):
        raise cursor.error(f"MVEL has no type parameters: leave out <…> after {cursor.here.text}")
    while cursor.ahead(length).text == "[" and cursor.ahead(length + 1).text == "]":
        length += 2
    declares = names and cursor.ahead(length).kind == "name" and cursor.ahead(length + 1).text in {"=", ";", ""}
    for _ in range(length if declares else 0):
        cursor.take()
    return declares


def _is_generic(cursor: Cursor, length: int) -> bool:
    """Whether `<` begins type parameters: a capital before it, and a variable and `=` behind them."""
    at = length + 1
    while cursor.ahead(at).kind == "name" or cursor.ahead(at).text in {",", ".", "<", "?"}:
        at += 1
    return cursor.ahead(at).text == ">" and cursor.ahead(at + 1).kind == "name" and cursor.ahead(at + 2).text == "="


def _assigns(cursor: Cursor) -> bool:
    return cursor.here.kind == "name" and cursor.ahead(1).kind == "symbol" and cursor.ahead(1).text in ASSIGNMENTS


def _simple_target(cursor: Cursor) -> tree.Name:
    token: Token = cursor.here
    return tree.Name(token.offset, token.end, _variable(cursor))


def _ends(cursor: Cursor) -> bool:
    return cursor.here.kind == "end" or cursor.sees(";", "}", "else")


def _end(cursor: Cursor) -> None:
    if not cursor.takes(";") and not _ends(cursor):
        raise cursor.error(f"expected ; before {shown(cursor.here)}: a new line does not end a statement")
