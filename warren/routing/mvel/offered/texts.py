"""Methods of String and StringBuilder."""

from typing import Any, Final

from warren.routing.mvel.errors import RuleFailed
from warren.routing.mvel.offered.method import as_collection, as_text, method, table
from warren.routing.mvel.offered.patterns import full_match, replace, split
from warren.routing.mvel.offered.values import LONGEST, StringBuilder, Table, bounded, members_of, room, text_of
from warren.routing.mvel.scope import Scope

JAVA_BLANK: Final = "".join(map(chr, range(0x21)))
"""What trim() takes away."""


def equals(text: str, other: Any) -> bool:
    return isinstance(other, str) and text == other


def equals_ignore_case(text: str, other: str | None) -> bool:
    return other is not None and (text == other or text.lower() == other.lower())


def starts_with(text: str, prefix: str, begin: int = 0) -> bool:
    return 0 <= begin <= len(text) and text.startswith(prefix, begin)


def substring(text: str, begin: int, end: int | None = None) -> str:
    last = len(text) if end is None else end
    if not 0 <= begin <= last <= len(text):
        raise RuleFailed(f"substring from {begin} to {last} is outside of {len(text)} characters")
    return text[begin:last]


def char_at(text: str, index: int) -> str:
    if not 0 <= index < len(text):
        raise RuleFailed(f"index {index} is outside of {len(text)} characters")
    return text[index]


def index_of(text: str, part: str, begin: int = 0) -> int:
    return text.find(part, max(begin, 0))


def last_index_of(text: str, part: str) -> int:
    return text.rfind(part)


def replace_text(text: str, old: str, new: str) -> str:
    if len(new) > len(old) and len(text) + text.count(old) * (len(new) - len(old)) > LONGEST:
        raise RuleFailed(f"a text would be longer than {LONGEST} characters")
    return text.replace(old, new)


def repeat(text: str, count: int) -> str:
    if count < 0:
        raise RuleFailed(f"repeat needs a count of 0 or more, not {count}")
    if len(text) * count > LONGEST:
        raise RuleFailed(f"a text would be longer than {LONGEST} characters")
    return text * count


def compare(text: str, other: str) -> int:
    """The distance at the first difference, else that of the lengths, as Java counts it."""
    for one, two in zip(text, other, strict=False):
        if one != two:
            return ord(one) - ord(two)
    return len(text) - len(other)


def hash_code(scope: Scope, text: str) -> int:
    """Java's, so that percentages by hash stay what they are."""
    scope.spend(len(text) // 16)
    units = text.encode("utf-16-le", "surrogatepass")
    code = 0
    for index in range(0, len(units), 2):
        code = (31 * code + units[index] + 256 * units[index + 1]) & 0xFFFFFFFF
    return code - 2**32 if code >= 2**31 else code


def lines(text: str) -> list[str]:
    found = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not found[-1]:
        found.pop()
    room(len(found))
    return found


def characters(text: str) -> tuple[str, ...]:
    room(len(text))
    return tuple(text)


def join(scope: Scope, separator: str, *parts: Any) -> str:
    """String.join: of a collection, or of the texts that follow."""
    if len(parts) == 1 and not isinstance(parts[0], str):
        parts = tuple(members_of(as_collection(parts[0])))
    scope.spend(len(parts) // 8)
    texts = [text_of(part, scope) for part in parts]
    if sum(map(len, texts)) + len(separator) * len(texts) > LONGEST:
        raise RuleFailed(f"a text would be longer than {LONGEST} characters")
    return separator.join(texts)


def _replace_first(scope: Scope, text: str, pattern: Any, new: str) -> str:
    return replace(scope, text, pattern, new, once=True)


STRING: Final = table(
    method("charAt", char_at, "int", "String"),
    method("compareTo", compare, "text", "int"),
    method("compareToIgnoreCase", lambda text, other: compare(text.lower(), other.lower()), "text", "int"),
    method("concat", lambda text, other: bounded(text + other), "text", "String"),
    method("contains", lambda text, part: part in text, "text", "boolean"),
    method("contentEquals", equals, "text", "boolean"),
    method("endsWith", lambda text, suffix: text.endswith(suffix), "text", "boolean"),
    method("equals", equals, "any", "boolean"),
    method("equalsIgnoreCase", equals_ignore_case, "text-or-null", "boolean"),
    method("hashCode", hash_code, "", "int", scoped=True),
    method("indexOf", index_of, "text int?", "int"),
    method("isBlank", lambda text: not text.strip(), "", "boolean"),
    method("isEmpty", lambda text: not text, "", "boolean"),
    method("lastIndexOf", last_index_of, "text", "int"),
    method("length", len, "", "int"),
    method("lines", lines, "", "List"),
    method("matches", lambda text, pattern: full_match(pattern, text), "pattern", "boolean"),
    method("repeat", repeat, "int", "String"),
    method("replace", replace_text, "text text", "String"),
    method("replaceAll", replace, "pattern text", "String", scoped=True),
    method("replaceFirst", _replace_first, "pattern text", "String", scoped=True),
    method("split", split, "pattern int?", "Array", scoped=True),
    method("startsWith", starts_with, "text int?", "boolean"),
    method("strip", lambda text: text.strip(), "", "String"),
    method("stripLeading", lambda text: text.lstrip(), "", "String"),
    method("stripTrailing", lambda text: text.rstrip(), "", "String"),
    method("substring", substring, "int int?", "String"),
    method("toCharArray", characters, "", "Array"),
    method("toLowerCase", lambda text: text.lower(), "", "String"),
    method("toString", str, "", "String"),
    method("toUpperCase", lambda text: text.upper(), "", "String"),
    method("trim", lambda text: text.strip(JAVA_BLANK), "", "String"),
)


def _parts(name: str) -> tuple[str, ...]:
    return name.parts if isinstance(name, Table) else (name,)


TABLE: Final = STRING | table(
    method("getParts", _parts, "", "Array"),
    method("getSuffix", lambda name: _parts(name)[-1], "", "String"),
)
"""The name of a table: text that knows its parts."""


def _append(scope: Scope, builder: StringBuilder, value: Any) -> StringBuilder:
    builder.text = bounded(builder.text + text_of(value, scope))
    return builder


def _insert(scope: Scope, builder: StringBuilder, index: int, value: Any) -> StringBuilder:
    before, after = substring(builder.text, 0, index), substring(builder.text, index)
    builder.text = bounded(before + text_of(value, scope) + after)
    return builder


def _reverse(builder: StringBuilder) -> StringBuilder:
    builder.text = builder.text[::-1]
    return builder


def _set_length(builder: StringBuilder, length: int) -> None:
    builder.text = substring(builder.text, 0, length)


BUILDER: Final = table(
    method("append", _append, "any", "StringBuilder", scoped=True, changes=True),
    method("charAt", lambda builder, index: char_at(builder.text, index), "int", "String"),
    method("equals", lambda builder, other: builder is other, "any", "boolean"),
    method("indexOf", lambda builder, part: index_of(builder.text, part), "text", "int"),
    method("insert", _insert, "int any", "StringBuilder", scoped=True, changes=True),
    method("isEmpty", lambda builder: not builder.text, "", "boolean"),
    method("length", lambda builder: len(builder.text), "", "int"),
    method("reverse", _reverse, "", "StringBuilder", changes=True),
    method("setLength", _set_length, "int", changes=True),
    method("toString", lambda builder: builder.text, "", "String"),
)


def make_builder(text: Any = "") -> StringBuilder:
    return StringBuilder() if isinstance(text, int) else StringBuilder(as_text(text))
