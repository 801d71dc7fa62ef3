"""Where our reading of SQL differs from Trino's on purpose. An entry that no longer differs fails the test."""

import re
from dataclasses import dataclass

_BETWEEN_WORDS = re.compile(r"(?:\s|/\*.*?\*/|--[^\n]*)+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    statement: str
    """One of the corpus."""
    differs: frozenset[str]
    """What does, in some session, in the words of comparison.py."""
    shape: str
    """A regular expression for all statements that differ likewise, in lower case, with one space between words."""
    because: str


KNOWN = (
    Known(
        statement='SELECT a FROM "ΣΑΣ""ΣΑΣ"',
        differs=frozenset({"tables"}),
        shape="[σς]",
        because="Java and Python do not agree on where a word ends, so on which small sigma is its last",
    ),
)


def is_meant(sql: str) -> bool:
    """Whether a statement is one of those that differ on purpose, or holds one."""
    plain = _BETWEEN_WORDS.sub(" ", sql.lower())
    return any(re.search(entry.shape, plain) for entry in KNOWN)
