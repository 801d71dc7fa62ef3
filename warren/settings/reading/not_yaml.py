"""What a YAML parser complains about, in words that say what to do."""

import re
from typing import Final

import yaml

REMEDIES: Final = (
    ("expected ',' or", "the {opened} on line {line} is not closed, or a comma is missing"),
    ("unexpected end of stream", "the quote on line {line} is not closed"),
    (r"found character '\t'", "indent with spaces, not with tabs"),
    ("that cannot start any token", "put quotes around a text that begins with it"),
    ("found undefined alias", "put quotes around a text that begins with *"),
    ("found undefined tag handle", "put quotes around a text that begins with !"),
    (
        "mapping values are not allowed",
        'indent it like the lines around it, or put quotes around a text with ": "',
    ),
    ("expected <block end>", "indent it like the lines around it"),
    ("but found another document", "keep one, and remove the line ---"),
    ("expected the node content", "a value is missing, or a bracket is not closed"),
    ("could not find expected ':'", "write a colon and a space after a key, and indent what continues a text"),
)
"""By what the parser says; the first that fits."""

_HARMLESS: Final = r"'(?:.|\\.|<[a-z -]+>)'"
"""What the parser quotes of its own words, and single characters."""
_QUOTED: Final = re.compile(rf"({_HARMLESS})|'.{{2,}}'")


def in_words(error: yaml.YAMLError, *, hides_values: bool = False) -> str:
    """One sentence. With `hides_values` nothing longer than a character of the text is in it: it may be a password."""
    found = getattr(error, "problem", None)
    if found is None:
        return "a character that YAML does not allow"
    if found.startswith("but "):
        found = f"{getattr(error, 'context', '')}, {found}"
    words = _QUOTED.sub(lambda quoted: quoted[1] or "'…'", found) if hides_values else str(found)
    remedy = next((remedy for part, remedy in REMEDIES if part in found), None)
    return words if remedy is None else f"{words}: {_placed(remedy, error)}"


def _placed(remedy: str, error: yaml.YAMLError) -> str:
    mark = error.context_mark if isinstance(error, yaml.MarkedYAMLError) else None
    opened = "{" if "mapping" in str(getattr(error, "context", "")) else "["
    return remedy.format(opened=opened, line=mark.line + 1 if mark is not None else "?")
