"""Regular expressions by RE2: whatever the pattern and the text, the time is linear in both."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import re2

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.values import LONGEST, class_of, room
from warren.routing.mvel.scope import Scope

MATCHES_PER_STEP: Final = 8


class BadPattern(Exception):
    """The text is no pattern that RE2 takes; says why."""


@lru_cache(maxsize=256)
def pattern(text: str) -> Any:
    """Compiled. Raises BadPattern."""
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(text, options)
        said = as_java_reads(text)
        return compiled if said == text else re2.compile(said, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise BadPattern(_why(error)) from None


WORD: Final = re.compile(
    r"""
    \\Q.*?(?:\\E|\Z)     # quoted, whatever it is
    | \\\d{2,}           # a character by its number
    | \\.
    | \[\^?\]?           # a class begins; a bracket that is the first in it is a member
    | .
    """,
    re.DOTALL | re.VERBOSE | re.ASCII,
)
MEMBER: Final = re.compile(r"\[:\^?\w+:\]|&&|-\\v|\\v-|\\\d{2,}|\\.|.", re.DOTALL | re.ASCII)
OUTSIDE: Final = {
    r"\s": r"[\s\x0B]",
    r"\S": r"[^\s\x0B]",
    r"\v": r"[\n-\r\x{85}\x{2028}\x{2029}]",
}
INSIDE: Final = {
    r"\s": r"\s\x0B-\x0B",
    r"\S": r"\x00-\x08\x0E-\x1F!-\x{10FFFF}",
    r"\v": r"\n-\r\x{85}-\x{85}\x{2028}-\x{2029}",
}
r"""They end with ranges: a hyphen after one is a hyphen, as it is after `\s`."""


def as_java_reads(text: str) -> str:
    """What says to RE2 what the pattern, which RE2 takes, says to Java. Raises BadPattern where nothing does."""
    parts: list[str] = []
    at, inside = 0, False
    while at < len(text):
        found = (MEMBER if inside else WORD).match(text, at)
        assert found is not None
        word, at = found[0], found.end()
        _refuse_number(word)
        if inside:
            _refuse_set_operator(word)
            inside = word != "]"
            parts.append(INSIDE.get(word, word))
            continue
        inside = word[0] == "["
        parts.append(OUTSIDE.get(word, word))
    return "".join(parts)


def _refuse_set_operator(word: str) -> None:
    """RE2 takes for signs what Java takes for operators of sets."""
    if word == "&&":
        raise BadPattern(
            r"classes of characters have no && here, as in [a-z&&[^x]]: write the rest out, or \&\& for signs"
        )
    if word in {r"-\v", r"\v-"}:
        raise BadPattern(
            r"\v in a class of characters has no hyphen beside it here: write \- for the sign, \x0B for a range"
        )
    if word == "[":
        raise BadPattern(
            r"a class of characters has no other in it here, as in [a[b-z]]: write [ab-z], or \[ for the sign"
        )


def _refuse_number(word: str) -> None:
    r"""`\101` refers to a group in Java, and `\0101` is longer than RE2's numbers are."""
    if re.fullmatch(r"\\(?:[1-9]\d+|0\d{3,})", word):
        raise BadPattern(f"{word} is not offered: write a character by its number as \\x41")


def _why(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    if "invalid perl operator" in said:
        return f"{said}: look-ahead and look-behind are not offered"
    if "invalid escape sequence" in said:
        return f"{said}: back references and some classes of characters are not offered"
    if "bad repetition operator" in said:
        return f"{said}: possessive quantifiers are not offered"
    return said


def is_pattern(value: Any) -> bool:
    """Compiled already: the compiler did, or another operator."""
    return hasattr(value, "fullmatch")


def as_pattern(value: Any) -> Any:
    """What a rule gave where a pattern is expected, compiled."""
    if value is None:
        raise RuleFailed("null pointer: a pattern is null")
    if is_pattern(value):
        return value
    if not isinstance(value, str):
        raise RuleFailed(f"a pattern is expected and {class_of(value)} is given")
    try:
        return pattern(value)
    except BadPattern as error:
        raise RuleFailed(f"bad regular expression: {error}") from None


def full_match(compiled: Any, text: str) -> bool:
    return compiled.fullmatch(text) is not None


PLAIN: Final = re.compile(r"(\.\*)?([A-Za-z0-9_ /=,@:;<>~#%&'\"!-]+)(\.\*)?")
"""Patterns that say no more than begins with, ends with, contains or equals."""


@lru_cache(maxsize=256)
def matcher(text: str) -> Callable[[str], bool]:
    """Whether all of a text matches. Plain patterns need no engine, whose call alone costs microseconds."""
    plain = PLAIN.fullmatch(text)
    if plain is None:
        compiled = pattern(text)
        return lambda given: compiled.fullmatch(given) is not None
    before, word, after = plain.groups()
    # A dot is anything but a line's end.
    if before and after:
        return lambda given: word in given and "\n" not in given
    if before:
        return lambda given: given.endswith(word) and "\n" not in given
    if after:
        return lambda given: given.startswith(word) and "\n" not in given
    return lambda given: given == word


def split(scope: Scope, text: str, compiled: Any, limit: int = 0) -> tuple[str, ...]:
    """As Java does: without empty parts at the end unless a limit says otherwise."""
    parts: list[str] = []
    at = 0
    for found in _matches(scope, compiled, text):
        if limit > 0 and len(parts) == limit - 1:
            break
        begin, end = found.span()
        if end == 0 or (begin == end and begin >= len(text)):
            continue
        parts.append(text[at:begin])
        room(len(parts))
        at = end
    parts.append(text[at:])
    if len(parts) > 1 and limit == 0:
        while parts and not parts[-1]:
            parts.pop()
    return tuple(parts)


def replace(scope: Scope, text: str, compiled: Any, replacement: str, *, once: bool = False) -> str:
    """`$1` and `\\$` in the replacement mean what they mean in Java."""
    pieces = _pieces(replacement)
    parts: list[str] = []
    at = length = 0
    for found in _matches(scope, compiled, text):
        begin, end = found.span()
        parts.append(text[at:begin])
        made = "".join(piece if isinstance(piece, str) else _group(found, piece) for piece in pieces)
        parts.append(made)
        at = end
        length += len(parts[-2]) + len(made)
        if length > LONGEST:
            raise RuleFailed(f"a text would be longer than {LONGEST} characters")
        if once:
            break
    parts.append(text[at:])
    return "".join(parts)


def _matches(scope: Scope, compiled: Any, text: str) -> Iterator[Any]:
    try:
        for count, found in enumerate(compiled.finditer(text)):
            if count % MATCHES_PER_STEP == 0:
                scope.spend(1)
            yield found
    except UnicodeEncodeError:
        raise RuleFailed("the text holds half a character") from None


def _group(found: Any, number: int) -> str:
    if number > found.re.groups:
        raise RuleFailed(f"the pattern has no group {number}")
    return found.group(number) or ""


def _pieces(replacement: str) -> list[str | int]:
    pieces: list[str | int] = []
    at = 0
    while at < len(replacement):
        sign, following = replacement[at], replacement[at + 1 : at + 2]
        if sign == "$":
            if not (following.isascii() and following.isdigit()):
                raise RuleFailed("illegal group reference: $ needs a digit in a replacement, or \\ before it")
            pieces.append(int(following))
            at += 1
        elif sign == "\\":
            if not following:
                raise RuleFailed("a replacement ends with \\")
            pieces.append(following)
            at += 1
        else:
            pieces.append(sign)
        at += 1
    return pieces
