"""The walk through a query, or whatever else follows a statement's first words: finds the tables in it.

There is no tree and no recursion. A stack remembers, for each open parenthesis, what its inside interrupted; most of the text
is passed over by one regular expression per step.
"""

import re
from collections.abc import Callable, Generator

from warren.protocol.sql.cursor import PLAIN_NAME, Cursor
from warren.protocol.sql.found import Found, Name
from warren.protocol.sql.tokens import (
    ARGUMENTS,
    BEFORE_AS,
    BEFORE_IN,
    BLANK,
    EXPRESSION,
    FROM,
    JOINS,
    KILLING,
    MAY_END,
    OPENED,
    QUOTED,
    RELATION,
    RESERVED,
    REST,
    ROUTINE,
    RUNS,
    SELECTED,
    SOURCE,
    Mode,
)

SLICE = 24_576
"""Work between two pauses, in characters passed over; about a millisecond."""
STEP = 64
"""What a step costs beside the characters it passes over, in characters."""

_MODES = 16
"""A number above that of any mode: a frame of the stack is one small integer, so that a million of them are no burden."""
_BRACKET, _COLUMNS, _BODY = 1 * _MODES, 2 * _MODES, 4 * _MODES
"""Beside the mode that was interrupted: it is a square bracket; the columns, or the query, of a WITH are inside."""

_EXPECTING = frozenset({RELATION, OPENED, SOURCE})
_WINDOW = re.compile(rf"{BLANK}(?:[A-Za-z_]\w*+|{QUOTED}){BLANK}(?i:as)\b", re.ASCII)
_ARGUMENT = re.compile(rf"{BLANK}(?:(?:([A-Za-z_]\w*+)|\"([^\"]*+)\"){BLANK}=>)?+", re.ASCII)
_LONGEST_LAST = 64
_MOST_AROUND = 9
"""Parentheses around a literal."""
_ASKS_FOR_MORE = frozenset("=<+%,:|")
_DANGLING = re.compile(r"[=<+%,:|]\Z|(?<![\w.])[A-Za-z_]\w*+\Z", re.ASCII)
_BEFORE_A_QUERY = frozenset({"function", "session"})


class Walk:
    """Reads on from the cursor to the end of the text."""

    __slots__ = ("_cursor", "_found", "_mode", "_of_frame", "_stack", "_visible", "_withs")

    def __init__(self, cursor: Cursor, found: Found, mode: Mode) -> None:
        self._cursor = cursor
        self._found = found
        self._mode = mode
        self._stack: list[int] = []
        self._withs: list[tuple[str, bool]] = []
        """The names of a WITH whose query is being read, the innermost last, and whether that WITH is RECURSIVE."""
        self._visible: dict[str, int] = {}
        """How often each name of a WITH can be seen from here."""
        self._of_frame: dict[int, list[str]] = {}
        """By depth, the names that vanish when that level of parentheses closes."""

    def steps(self) -> Generator[None, None, None]:
        """Pauses whenever a slice's worth of work is done."""
        cursor, spent = self._cursor, 0
        end = len(cursor.text)
        while cursor.position < end or self._mode in _EXPECTING:
            before = cursor.position
            self._step()
            spent += STEP + cursor.position - before
            if spent > SLICE:
                spent = 0
                yield
        self._finish()

    def _step(self) -> None:
        cursor = self._cursor
        if self._mode in _EXPECTING:
            self._relation()
            return
        found = RUNS[self._mode].match(cursor.text, cursor.position)
        assert found is not None, "every part of it may be empty"
        if stop := found[1]:
            cursor.position = found.end()
            _STOPS[stop.lower()](self)
        elif found.end() == cursor.position:
            raise cursor.refusal(_why_not(cursor.text, cursor.position))
        else:
            cursor.position = found.end()

    def _finish(self) -> None:
        cursor = self._cursor
        if self._stack:
            raise cursor.refusal("')' or ']' is expected: something is never closed")
        if self._mode == BEFORE_IN or (self._mode == BEFORE_AS and self._found.kind != "CreateTable"):
            raise cursor.refusal("the statement is not complete")
        if _dangles(cursor.text):
            raise cursor.refusal("the statement is not complete")

    # Parentheses.

    def _push(self, inside: Mode, marks: int = 0) -> None:
        self._stack.append(self._mode | marks)
        self._mode = inside

    def _open(self) -> None:
        if self._mode == KILLING:
            self._push(ARGUMENTS)
            self._argument()
        else:
            self._push(EXPRESSION)

    def _open_bracket(self) -> None:
        self._push(EXPRESSION, _BRACKET)

    def _close(self) -> None:
        frame = self._pop("nothing is open that ')' could close")
        if frame & _BRACKET:
            raise self._cursor.refusal("']' is expected before the last ')'")
        if frame & _COLUMNS:
            self._body()
        elif frame & _BODY:
            self._after_body()

    def _close_bracket(self) -> None:
        if not self._pop("nothing is open that ']' could close") & _BRACKET:
            raise self._cursor.refusal("')' is expected before the last ']'")

    def _pop(self, otherwise: str) -> int:
        if not self._stack:
            self._cursor.position -= 1
            raise self._cursor.refusal(otherwise)
        for name in self._of_frame.pop(len(self._stack), ()):
            if self._visible[name] == 1:
                del self._visible[name]
            else:
                self._visible[name] -= 1
        frame = self._stack.pop()
        self._mode = frame % _MODES
        return frame

    # WITH.

    def _with(self) -> None:
        """WITH has many meanings; only that with a name and AS, or columns and AS, behind it makes names for queries."""
        cursor, before = self._cursor, self._cursor.position
        recursive = cursor.take("recursive")
        if not (recursive or cursor.is_at_name()):
            return
        word, name = cursor.word(), cursor.identifier().lower()
        if cursor.word() == "as" or cursor.mark() == "(":
            self._named_query(name, recursive)
        else:
            cursor.position = before
            if word in _BEFORE_A_QUERY:
                self._mode = ROUTINE

    def _named_query(self, name: str, recursive: bool) -> None:
        self._withs.append((name, recursive))
        if recursive:
            self._see(name)
        if self._cursor.take_mark("("):
            self._push(EXPRESSION, _COLUMNS)
        else:
            self._body()

    def _body(self) -> None:
        self._cursor.expect("as")
        if not self._cursor.take_mark("("):
            raise self._cursor.refusal("'(' is expected")
        self._push(EXPRESSION, _BODY)

    def _after_body(self) -> None:
        name, recursive = self._withs.pop()
        if not recursive:
            self._see(name)
        cursor = self._cursor
        if cursor.take_mark(","):
            self._named_query(cursor.identifier().lower(), recursive)
            return
        self._mode = EXPRESSION
        if cursor.word() not in {"select", "values", "table"} and cursor.mark() != "(":
            raise cursor.refusal("a query is expected")

    def _see(self, name: str) -> None:
        self._visible[name] = self._visible.get(name, 0) + 1
        self._of_frame.setdefault(len(self._stack), []).append(name)

    # Relations.

    def _relation(self) -> None:
        cursor, mode = self._cursor, self._mode
        if cursor.passes_blanks():
            return
        self._mode = JOINS if mode == SOURCE else FROM
        found = PLAIN_NAME.match(cursor.text, cursor.position)
        word = found[1].lower() if found else cursor.word()
        if word in _RELATIONS:
            before = cursor.position
            cursor.next_word()
            special = _RELATIONS[word]
            if special is None or not special(self, mode == OPENED):
                cursor.position = before
                self._table(cursor.name())
        elif found and RESERVED.isdisjoint(parts := word.split(".")):
            cursor.position = found.end(1)
            self._table(tuple(parts))
        elif word or not cursor.take_mark("("):
            self._table(cursor.name())
        else:
            self._push(OPENED)

    def _table(self, name: Name) -> None:
        if len(name) > 1 or name[0] not in self._visible:
            self._found.table(name)

    def _in_parentheses(self, _: bool) -> bool:
        """LATERAL, UNNEST and JSON_TABLE: what they open holds expressions and queries."""
        if self._cursor.take_mark("("):
            self._push(EXPRESSION)
            return True
        return False

    def _nearest(self, _: bool) -> bool:
        if self._cursor.take_mark("("):
            # What it opens goes on like a query behind its select list.
            self._push(SELECTED)
            return True
        return False

    def _table_function(self, query_may_begin: bool) -> bool:
        if not query_may_begin and self._cursor.mark() != "(":
            return False
        self._table_word()
        return True

    def _query(self, query_may_begin: bool) -> bool:
        self._mode = EXPRESSION
        return query_may_begin

    def _select_list(self, query_may_begin: bool) -> bool:
        self._mode = SELECTED
        return query_may_begin

    def _with_first(self, query_may_begin: bool) -> bool:
        self._mode = EXPRESSION
        if query_may_begin:
            self._with()
        return query_may_begin

    def _table_word(self) -> None:
        """TABLE: alone it is a query, before a parenthesis the call of a function, or an argument of one."""
        cursor = self._cursor
        if not cursor.take_mark("("):
            self._mode = EXPRESSION
            self._table(cursor.name())
            return
        self._push(EXPRESSION)
        if not cursor.is_at_name():
            return
        name = cursor.name()
        if cursor.mark() == "(":
            # A function may have the name of a WITH.
            self._found.table(name)
        else:
            self._table(name)

    # Words that begin or end something.

    def _select(self) -> None:
        self._mode = SELECTED

    def _from(self) -> None:
        self._mode = RELATION

    def _join(self) -> None:
        self._mode = SOURCE if self._mode == JOINS else RELATION

    def _comma(self) -> None:
        if self._mode == FROM:
            self._mode = RELATION
        elif self._mode == ARGUMENTS:
            self._argument()

    def _clause(self) -> None:
        self._mode = EXPRESSION

    def _group(self) -> None:
        if self._cursor.mark() != "(":  # else it is the order of an aggregate, WITHIN GROUP (…), in a join's condition
            self._mode = EXPRESSION

    def _window(self) -> None:
        # The word may also be somebody's alias.
        if _WINDOW.match(self._cursor.text, self._cursor.position):
            self._mode = EXPRESSION

    def _as(self) -> None:
        if self._found.kind == "CreateTable":
            self._found.kind = "CreateTableAsSelect"
        self._mode = EXPRESSION

    def _on(self) -> None:
        self._found.kind = {"GrantRoles": "Grant", "RevokeRoles": "Revoke"}.get(self._found.kind, self._found.kind)
        self._mode = REST

    def _in(self) -> None:
        self._cursor.expect("table")
        self._found.table(self._cursor.name())
        self._mode = REST

    def _argument(self) -> None:
        """Looks at an argument of kill_query, and leaves reading it to the steps that follow."""
        cursor, before = self._cursor, self._cursor.position
        found = _ARGUMENT.match(cursor.text, before)
        name = None
        if found and (name := found[1] or found[2]):
            cursor.position = found.end()
        is_there = name is not None or cursor.mark() != ")"
        opened = 0
        while opened < _MOST_AROUND and cursor.take_mark("("):
            opened += 1
        literal = cursor.string()
        closed = sum(cursor.take_mark(")") for _ in range(opened))
        whole = closed == opened and cursor.mark() in {",", ")"}
        if is_there:
            self._found.argument(name.lower() if name else None, literal if whole else None)
        cursor.position = before

    def _semicolon(self) -> None:
        if self._mode != ROUTINE and (self._stack or not self._cursor.is_at_end()):
            self._cursor.position -= 1
            raise self._cursor.refusal("one statement ends here, and another is not expected")


_STOPS: dict[str, Callable[[Walk], None]] = {
    "(": Walk._open,
    ")": Walk._close,
    "[": Walk._open_bracket,
    "]": Walk._close_bracket,
    ",": Walk._comma,
    ";": Walk._semicolon,
    "select": Walk._select,
    "from": Walk._from,
    "join": Walk._join,
    "table": Walk._table_word,
    "with": Walk._with,
    "window": Walk._window,
    "as": Walk._as,
    "on": Walk._on,
    "in": Walk._in,
    "group": Walk._group,
    **dict.fromkeys(("where", "having", "order", "union", "intersect", "except"), Walk._clause),
}

_RELATIONS: dict[str, Callable[[Walk, bool], bool] | None] = {
    **dict.fromkeys(RESERVED),
    **dict.fromkeys(("lateral", "unnest", "json_table"), Walk._in_parentheses),
    "nearest": Walk._nearest,
    "table": Walk._table_function,
    "select": Walk._select_list,
    "values": Walk._query,
    "with": Walk._with_first,
}
"""Words that are no name where a relation is expected; what they are answers whether they can stand there."""


def _why_not(text: str, position: int) -> str:
    """Why no token begins here."""
    return {
        "'": "the string literal is never closed",
        '"': "the quoted name is never closed",
        "/": "the comment is never closed",
        "$": "the text between $$ is never closed",
        "`": "backquotes quote no names; use double quotes",
    }.get(text[position], "no token begins like this")


def _dangles(text: str) -> bool:
    """Whether the last token asks for another one. Does not look at lines in which it may stand in a comment or quotes."""
    text = text.rstrip(" \t\r\n;")
    line = text[text.rfind("\n") + 1 :]
    if "--" in line or "'" in line or '"' in line:
        return False
    found = _DANGLING.search(line[-_LONGEST_LAST:])
    if found is None:
        return False
    last = found[0].lower()
    return last not in MAY_END and (last in RESERVED or last in _ASKS_FOR_MORE)
