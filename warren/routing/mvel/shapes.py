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


def parse_condition_in_steps(text: str) -> tuple[tree.Statement, ...] | None:
    """A condition of statements, of which the last one answers, or a `return`. Raises MvelError.

    None when it is one expression, when its end answers nothing (`source = "airflow"` is rather a mistake for `==`), or
    when what it asks before its end would be lost.
    """
    match found := parse_action(text):
        case (tree.Evaluate(),):
            return None
        case (*before, tree.Evaluate() | tree.Return() | tree.If()) if not any(map(_is_lost, before)):
            return found
    return None


def _is_lost(statement: tree.Statement) -> bool:
    return isinstance(statement, tree.Evaluate) and not isinstance(statement.value, tree.Call)


def parse_action(text: str) -> tuple[tree.Statement, ...]:
    """Raises MvelError."""
    return statements(Cursor(text))
