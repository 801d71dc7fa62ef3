"""Comparisons with a text as plain conditions: the same answer for every value, or a reason why there is none."""

import re
from collections.abc import Sequence
from typing import Final

from warren.facts import Facts, QueryProperties, RequestFacts
from warren.protocol.sql.kinds import RESOURCE_GROUP_TYPES, UNKNOWN
from warren.routing.mvel.compile import compile_condition
from warren.routing.mvel.offered.patterns import BadPattern, as_java_reads
from warren.routing.mvel.offered.requests import table_names
from warren.routing.mvel.scope import Scope
from warren.routing.rules.plain import compile_when
from warren.rulebook.tools.asked import Asked
from warren.rulebook.tools.conditions import (
    ANYTHING,
    NOTHING,
    Condition,
    either,
    negated,
    tree_below_when,
)

BLANK: Final = r"\t-\r\x1c-\x1f\x85\pZ"
"""What `== empty` and isBlank() take for blank, as the inside of a class of RE2."""
FILLED: Final = f".*[^{BLANK}].*"
SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
CASELESS: Final = {"s": "(?-i:[sS])"}
"""To RE2, `ſ` is an `s` where case does not matter; to rules it is none."""
TYPES: Final = {
    "queryType": ("", "ExplainAnalyze", *RESOURCE_GROUP_TYPES),
    "resourceGroupQueryType": ("", UNKNOWN, *RESOURCE_GROUP_TYPES.values()),
}
"""All that the analysis answers."""

Way = str
"""`equals`, `startsWith`, `endsWith`, `contains` or `matches`."""


class Kept(Exception):
    """Something that stays MVEL, and why."""


def compared(asked: Asked, way: Way, wanted: str, *, folded: bool = False) -> Condition:
    """How plain rules say it. `folded`: case does not matter, on neither side. Raises Kept."""
    if asked.lowered and not folded:
        if wanted != wanted.lower():
            raise Kept(f"it compares lower case with {wanted!r}, so it never holds")
        folded = True
    match asked.kind:
        case "names" | "optional":
            raise Kept(f"{asked.field} is no text")
        case "got":
            return _got(asked, way, wanted, folded=folded)
        case "type":
            return _of_type(asked, way, wanted)
    if not wanted:
        return _with_empty(asked, way)
    if folded:
        return asked.asks("matches", caseless(way, wanted))
    return asked.asks(way, _for_re2(wanted) if way == "matches" else wanted)


def _for_re2(pattern: str) -> str:
    """Plain rules take a pattern as it is; MVEL takes it as Java does. Raises Kept."""
    try:
        return as_java_reads(pattern)
    except BadPattern as error:
        raise Kept(f"its regular expression is bad: {error}") from None


def _with_empty(asked: Asked, way: Way) -> Condition:
    if asked.kind != "header":
        raise Kept("it compares with an empty text")
    return asked.asks("matches", NOTHING if way in {"equals", "matches"} else ANYTHING)


def _got(asked: Asked, way: Way, wanted: str, *, folded: bool) -> Condition:
    if folded or way != "equals" or not wanted or wanted != wanted.strip() or wanted == asked.otherwise:
        raise Kept(f"of {asked.field} it asks more than whether it is a text")
    return asked.asks("equals", wanted)


def _of_type(asked: Asked, way: Way, wanted: str) -> Condition:
    if wanted:
        return asked.asks(way, wanted)
    if way != "equals":
        raise Kept("it compares with an empty text")
    return negated(asked.there)


def caseless(way: Way, wanted: str) -> str:
    """A pattern. Raises Kept."""
    if way == "matches" or not wanted.isascii():
        raise Kept("it ignores case in a pattern, or beyond ASCII")
    letters = [CASELESS.get(letter, SPECIAL.sub(r"\\\g<0>", letter)) for letter in wanted.lower()]
    if way in {"startsWith", "contains"} and letters[-1] == "i":
        letters[-1] = "[iİ]"  # which is an i and a dot in lower case
    before = ".*" if way in {"endsWith", "contains"} else ""
    behind = ".*" if way in {"startsWith", "contains"} else ""
    return f"(?i){before}{''.join(letters)}{behind}"


def one_of(asked: Asked, wanted: Sequence[str]) -> Condition:
    """Raises Kept."""
    if asked.kind not in {"header", "text", "type"} or asked.lowered or not wanted or not all(wanted):
        raise Kept("it looks into a list for something else than a header")
    return either(asked.asks("oneOf", tuple(wanted))) if len(wanted) > 1 else asked.asks("equals", wanted[0])


def has_name(asked: Asked, wanted: str) -> Condition:
    """Raises Kept."""
    if wanted != wanted.lower():
        raise Kept(f"{asked.field} are in lower case, so {wanted!r} is never among them")
    if not wanted:
        raise Kept("it compares with an empty text")
    return asked.asks("equals", wanted)


def has_any(asked: Asked) -> Condition:
    """A name may be empty: `present` would not see it."""
    if asked.field in {"catalogs", "schemas"}:
        return asked.asks("matches", "(?s).*")
    return asked.there


def has_table(wanted: str) -> Condition:
    """Raises Kept."""
    names = sorted(table_names(wanted))
    if not names or any(len(name) != 3 or not all(name) or "." in "".join(name) for name in names):
        raise Kept(f"{wanted!r} is not catalog, schema and table, or has a dot in one of them")
    return one_of(Asked("text", "tables"), [".".join(name) for name in names])


def check_types(text: str, asked: Asked, condition: Condition) -> None:
    """Types have no case in plain rules: raises Kept unless both say the same of each that there is."""
    original, plain = compile_condition(text), compile_when(tree_below_when(condition))
    for each in TYPES[asked.field]:
        query = QueryProperties(
            query_type=each if asked.field == "queryType" else "",
            resource_group_query_type=each if asked.field != "queryType" else "",
        )
        facts = Facts(request=RequestFacts(), query=query)
        if original.run(Scope(facts)) is not plain.test(facts):
            raise Kept(f"it minds case where plain rules do not, and differs for {asked.field} {each or 'unknown'}")
