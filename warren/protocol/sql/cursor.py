"""A place in a statement's text, and how the few words, names and literals that matter are read there."""

import re

from warren.protocol.sql.found import Name
from warren.protocol.sql.tokens import BLANK, QUOTED, RESERVED, STRING

LONGEST_NAME = 100
"""Parts of a name. Trino's tables have three; of a field in a column there may be more."""
LONGEST_SHOWN = 40
"""Characters of the text that a message quotes."""

PLAIN_NAME = re.compile(
    rf"{BLANK}([A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+){{0,9}}+)(?!\s*+[./-])",
    re.ASCII,
)
"""A name as nearly all are written; what it does not match is for `Cursor.name`."""

_BLANK = re.compile(BLANK, re.ASCII)
_MANY = 2000
_SOME_BLANKS = re.compile(rf"{BLANK.removesuffix('*+')}{{0,{_MANY}}}+", re.ASCII)
_WORD = re.compile(rf"{BLANK}([A-Za-z_]\w*+)", re.ASCII)
_PART = re.compile(rf"{BLANK}(?:([A-Za-z_]\w*+)|({QUOTED}))", re.ASCII)
_MARK = re.compile(rf"{BLANK}([.(),=@;])", re.ASCII)
_STRING = re.compile(
    rf"{BLANK}(?:({STRING})|[uU]&({STRING})(?:{BLANK}(?i:uescape)\b{BLANK}'([^'])')?+)",
    re.ASCII,
)


MOST_ESCAPES = 5000
"""Characters that a U& literal may write by number. Each costs a microsecond, and none of it can be put off."""


class Refused(Exception):
    """This is no statement of Trino's. The text says where and why, in words for people."""


class Cursor:
    """Reads a text from front to back. Words come in lower case; blanks and comments before them are passed over."""

    __slots__ = ("_called", "position", "text")

    def __init__(self, text: str, called: str = "") -> None:
        """`called`: what to call the text in messages, when it is not the statement that was sent."""
        self.text = text
        self.position = 0
        self._called = called

    def word(self) -> str:
        """The next word, which stays there; empty when none is next."""
        found = _WORD.match(self.text, self.position)
        if found is None:
            return ""
        # Nobody passes over the same comments twice.
        self.position = found.start(1)
        return found[1].lower()

    def next_word(self) -> str:
        found = _WORD.match(self.text, self.position)
        if found is None:
            raise self.refusal("a word is expected")
        self.position = found.end()
        return found[1].lower()

    def take(self, *words: str) -> bool:
        """Goes behind these words, when all of them are next."""
        position = self.position
        for word in words:
            found = _WORD.match(self.text, position)
            if found is None:
                return False
            if found[1].lower() != word:
                if position == self.position:
                    self.position = found.start(1)
                return False
            position = found.end()
        self.position = position
        return True

    def expect(self, *words: str) -> None:
        if not self.take(*words):
            raise self.refusal(f"{' '.join(words).upper()} is expected")

    def mark(self) -> str:
        """The next sign of punctuation, which stays there; empty when none is next."""
        found = _MARK.match(self.text, self.position)
        if found is None:
            return ""
        self.position = found.start(1)
        return found[1]

    def take_mark(self, mark: str) -> bool:
        found = _MARK.match(self.text, self.position)
        if found is None:
            return False
        matches = found[1] == mark
        self.position = found.end() if matches else found.start(1)
        return matches

    def name(self) -> Name:
        """A name of one or more parts, in lower case."""
        if found := PLAIN_NAME.match(self.text, self.position):
            parts = found[1].lower().split(".")
            if RESERVED.isdisjoint(parts):
                self.position = found.end(1)
                return tuple(parts)
        parts = [self.identifier().lower()]
        while self.take_mark("."):
            parts.append(self.identifier().lower())
            if len(parts) > LONGEST_NAME:
                raise self.refusal(f"a name of more than {LONGEST_NAME} parts")
        return tuple(parts)

    def is_at_name(self) -> bool:
        found = _PART.match(self.text, self.position)
        return found is not None and (found[1] is None or found[1].lower() not in RESERVED)

    def identifier(self) -> str:
        """One part of a name, with its case."""
        found = _PART.match(self.text, self.position)
        if found is None or (found[1] and found[1].lower() in RESERVED):
            raise self.refusal("a name is expected")
        self.position = found.end()
        return found[1] or found[2][1:-1].replace('""', '"')

    def string(self) -> str | None:
        """What a string literal stands for; None when none is next."""
        found = _STRING.match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        if found[1]:
            return found[1][1:-1].replace("''", "'")
        literal, escape = found[2], found[3] or "\\"
        if literal.count(escape) > MOST_ESCAPES:
            raise self.refusal(f"more than {MOST_ESCAPES:,} escapes stand in the last literal")
        return _decoded(literal[1:-1].replace("''", "'"), escape)

    def passes_blanks(self) -> bool:
        """Goes behind some blanks; True when they were so many that it should be asked again, after a pause perhaps."""
        found = _SOME_BLANKS.match(self.text, self.position)
        passed = found.end() - self.position if found else 0
        self.position += passed
        return passed >= _MANY

    def is_at_end(self) -> bool:
        return self._after_blank() == len(self.text)

    def refusal(self, sentence: str) -> Refused:
        """To be raised; the sentence says what is wrong at what comes next."""
        position = self._after_blank()
        line = self.text.count("\n", 0, position) + 1
        column = position - self.text.rfind("\n", 0, position)
        of = f" of {self._called}" if self._called else ""
        return Refused(f"line {line}, column {column}{of}, at {self._shown(position)}: {sentence}")

    def _after_blank(self) -> int:
        found = _BLANK.match(self.text, self.position)
        return found.end() if found else self.position

    def _shown(self, position: int) -> str:
        rest = self.text[position : position + LONGEST_SHOWN].split(None, 1)
        return rest[0] if rest else "the end"


def _decoded(text: str, escape: str) -> str:
    """The text of a U& literal. Escapes that stand for nothing stay as they are: whether they are right is Trino's to say."""
    mark = re.escape(escape)

    def character(found: re.Match[str]) -> str:
        digits = found[1] or found[2]
        point = int(digits, 16) if digits else 0
        if not digits:
            return escape
        return chr(point) if point <= 0x10FFFF and not 0xD800 <= point < 0xE000 else found[0]

    return re.sub(rf"{mark}(?:([0-9A-Fa-f]{{4}})|\+([0-9A-Fa-f]{{6}})|{mark})", character, text)
