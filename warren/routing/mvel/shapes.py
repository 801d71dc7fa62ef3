"""What a condition or an action says, as a tree: for the compiler, and for whoever turns rules into another form."""

from warren.routing.mvel import tree
from warren.routing.mvel.expressions import expression
from warren.routing.mvel.lexer import Cursor, shown
from warren.routing.mvel.statements import statements


def parse_condition(text: str) -> tree.Expression:
    """Raises MvelError. A semicolon at the end is allowed."""
    cursor = Cursor(text)
    found = expression(cursor)
    while cursor.takes(";"):
        pass
    if cursor.here.kind != "end":
        raise cursor.error(f"expected the end of the condition, found {shown(cursor.here)}")
    return found


def parse_action(text: str) -> tuple[tree.Statement, ...]:
    """Raises MvelError."""
    return statements(Cursor(text))
