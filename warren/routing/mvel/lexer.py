"""Words, numbers, text and signs of a rule, and a cursor over them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from warren.routing.mvel.errors import MvelError

LONGEST_TEXT: Final = 20_000
"""Characters of one condition or action."""
DEEPEST: Final = 50
"""Parentheses, blocks and whatever else has the parser call itself."""
LONGEST_CHAIN: Final = 120
"""Operators and calls in a row, each of which has the one before it within: the compiler goes as deep."""
LARGEST: Final = 2**63 - 1
"""Java's longest integer."""

SKIPPED = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)([lLfFdDbBiI]?)", re.ASCII)
NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
SYMBOL = re.compile(
    r"->|<<<|>>>|\*\*|<<|>>|\+\+|--|&&|\|\||==|!=|<=|>=|~=|\?:|\.\?|\+=|-=|\*=|/=|%=|[-+*/%<>!=?:.,;(){}\[\]&|^~#@]"
)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|' + r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-3]?[0-7]{1,2}|.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
SURROGATE = re.compile("[\ud800-\udfff]")


class Token(NamedTuple):
    kind: str
    """`number`, `string`, `name`, `symbol`, or `end` after the last."""
    text: str
    offset: int
    end: int
    value: str | int | float | None = None


def tokens(text: str) -> list[Token]:
    """Raises MvelError at the first character that begins none."""
    if len(text) > LONGEST_TEXT:
        raise MvelError(
            f"the text is longer than {LONGEST_TEXT} characters: write several rules", text=text, offset=LONGEST_TEXT
        )
    found: list[Token] = []
    offset = 0
    while True:
        if skipped := SKIPPED.match(text, offset):
            offset = skipped.end()
        if offset == len(text):
            found.append(Token("end", "the end of the text", offset, offset))
            return found
        token = _token(text, offset)
        found.append(token)
        offset = token.end


def _token(text: str, offset: int) -> Token:
    if name := NAME.match(text, offset):
        return Token("name", name[0], offset, name.end())
    if number := NUMBER.match(text, offset):
        return _number(text, number)
    if string := STRING.match(text, offset):
        return _string(text, string)
    if text[offset] in "\"'":
        raise MvelError("text begins here and does not end", text=text, offset=offset)
    if text.startswith("/*", offset):
        raise MvelError("a comment begins here and does not end", text=text, offset=offset)
    if symbol := SYMBOL.match(text, offset):
        return Token("symbol", symbol[0], offset, symbol.end())
    raise MvelError(f"{text[offset]!r} has no meaning here", text=text, offset=offset)


def _number(text: str, found: re.Match[str]) -> Token:
    digits, suffix = found[1], found[2].lower()
    offset, end = found.span()
    if NAME.match(text, end):
        raise MvelError("a number runs into a word", text=text, offset=end)
    if digits[0] == "0" and digits[1:2].isdigit():
        why = "a leading zero makes it octal in MVEL, where 010 is 8, or an error: write it without the leading zero"
        raise MvelError(why, text=text, offset=offset)
    hexadecimal = digits[:2] in ("0x", "0X")
    value: int | float
    if not hexadecimal and (suffix in {"f", "d", "b"} or not digits.isdigit()):
        value = float(digits)
    elif len(digits) > len("0x") + 20:
        value = LARGEST + 1
    else:
        value = int(digits, 16) if hexadecimal else int(digits)
    if isinstance(value, int) and value > LARGEST:
        raise MvelError(f"the number is greater than {LARGEST}", text=text, offset=offset)
    return Token("number", found[0], offset, end, value)


def _string(text: str, found: re.Match[str]) -> Token:
    offset, end = found.span()

    def character(escape: re.Match[str]) -> str:
        what = escape[1]
        if what in ESCAPES:
            return ESCAPES[what]
        if what[0] == "u" and len(what) > 1:
            return chr(int(what[1:], 16))
        if what.isdigit() and what[0] in "01234567":
            return chr(int(what, 8))
        raise MvelError(f"\\{what} means nothing in text", text=text, offset=offset + 1 + escape.start())

    raw = found[1] if found[1] is not None else found[2]
    value = ESCAPE.sub(character, raw)
    if SURROGATE.search(value):
        # Java writes a character beyond \uffff as two halves; a half alone is no character.
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Token("string", found[0], offset, end, value)


class Cursor:
    """Where in the tokens the parser is, and how deep."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self._links = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._at]

    @property
    def behind(self) -> Token:
        """The token that was taken last."""
        return self._tokens[self._at - 1]

    def ahead(self, count: int) -> Token:
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def take(self) -> Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def sees(self, *words: str) -> bool:
        """Whether one of these signs or words comes next; text in quotes is neither."""
        token = self._tokens[self._at]
        return token.text in words and token.kind in {"symbol", "name"}

    def takes(self, *words: str) -> bool:
        """Takes it when one of them comes next."""
        found = self.sees(*words)
        if found:
            self._at += 1
        return found

    def expect(self, word: str, why: str = "") -> Token:
        if not self.sees(word):
            raise self.error(f"expected {word} {why}".rstrip() + f", found {shown(self.here)}")
        return self.take()

    def name(self, what: str) -> Token:
        if self.here.kind != "name":
            raise self.error(f"expected {what}, found {shown(self.here)}")
        return self.take()

    def error(self, sentence: str, at: Token | None = None) -> MvelError:
        return MvelError(sentence, text=self.text, offset=(at or self.here).offset)

    def deeper(self) -> None:
        """One level down; `level` brings it back."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise self.error(f"more than {DEEPEST} levels deep: write several rules, or keep parts in variables")

    def further(self) -> None:
        """One link more of a chain, such as `a + b + c`, which is read in a loop; `level` brings it back."""
        self._links += 1
        if self._links > LONGEST_CHAIN:
            raise self.error(f"more than {LONGEST_CHAIN} operators or calls in a row: keep parts in variables")

    @contextmanager
    def level(self) -> Iterator[None]:
        """Whatever goes deeper or further inside comes back at the end."""
        before = self._depth, self._links
        self.deeper()
        yield
        self._depth, self._links = before


def shown(token: Token) -> str:
    return token.text if len(token.text) <= 40 else f"{token.text[:40]}…"
