"""Where in a file a character of a YAML value stands: an error in a rule is shown where its author will look for it."""

import re

import yaml

Read = list[tuple[str, int]]
"""The characters of a value in their order, each with the index of what made it."""

BREAKS = "\r\n\x85\u2028\u2029"
"""Characters that end a line in YAML 1.1; the last two stay what they are, the others become a newline."""
BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
PROPERTY = re.compile(rf"[&!][^ \t{BREAKS}]*+(?:[ \t{BREAKS}]|#[^{BREAKS}]*+)*+")
"""An anchor or a tag, and what separates it from its value; no value begins with such a sign."""
FOLDS = {blanks: re.compile(rf"[{blanks}]*(?:\r\n|[{BREAKS}])[{blanks}{BREAKS}]*") for blanks in (" ", " \t")}
"""A line's end with the blanks and empty lines around it; in a plain value a tab is no blank."""
ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)


def place_in(text: str, node: yaml.ScalarNode, offset: int) -> tuple[int, int]:
    """Line and column, both counted from 1, of the character at `offset` of the node's value.

    For an offset behind the last character that is no blank, it is the place behind that character. A value whose
    text cannot be followed is shown by its beginning.
    """
    begin, end = _content(text, node), node.end_mark.index
    value: str = node.value
    read = _block(text, begin, end, value) if node.style in ("|", ">") else _flow(text, begin, end, node.style or "")
    if [character for character, _ in read] != list(value):
        return line_and_column(text, begin)
    if offset < (length := len(value.rstrip())):
        return line_and_column(text, read[max(offset, 0)][1])
    if not length:
        return line_and_column(text, begin)
    last = read[length - 1][1]
    return line_and_column(text, min(end, last + _width(text, last, node.style or "")))


def line_and_column(text: str, at: int) -> tuple[int, int]:
    """Of an index, both counted from 1, as the YAML parser counts lines."""
    line, begin = 1, 0
    for found in BREAK.finditer(text, 0, at):
        if found.end() < at or text[found.start() : at + 1] != "\r\n":
            line, begin = line + 1, found.end()
    return line, at - begin + 1


def _content(text: str, node: yaml.ScalarNode) -> int:
    """Where the value itself begins: marks of nodes include anchor and tag."""
    at, end = node.start_mark.index, node.end_mark.index
    while found := PROPERTY.match(text, at, end):
        at = found.end()
    return at


def _width(text: str, at: int, style: str) -> int:
    """How many characters of the file the one at this index takes."""
    if style == '"' and (escape := ESCAPE.match(text, at)):
        return len(escape[0])
    return 2 if style == "'" and text.startswith("''", at) else 1


# --- plain and quoted values


def _flow(text: str, begin: int, end: int, style: str) -> Read:
    quotes = len(style)
    at, end = begin + quotes, end - quotes
    fold = FOLDS[" \t" if quotes else " "]
    read: Read = []
    while at < end:
        if found := fold.match(text, at, end):
            read += _folded(text, found.start(), found.end())
            at = found.end()
        elif style == '"' and text[at] == "\\":
            at = _escaped(text, at, end, read)
        else:
            width = _width(text, at, style)
            read.append((text[at], at))
            at += width
    return read


def _folded(text: str, begin: int, end: int) -> Read:
    """A line's end and the blanks around it: one blank, or a newline less than there are."""
    breaks = [(_newline(found[0]), found.start()) for found in BREAK.finditer(text, begin, end)]
    first, *more = breaks
    if first[0] != "\n":
        return breaks
    return more or [(" ", first[1])]


def _escaped(text: str, at: int, end: int, read: Read) -> int:
    """Reads a backslash and what follows it; answers where to go on."""
    if text[at + 1] in BREAKS and (found := FOLDS[" \t"].match(text, at + 1, end)):
        _, *more = BREAK.finditer(text, at + 1, found.end())
        read += [(_newline(each[0]), each.start()) for each in more]
        return found.end()
    escape = ESCAPE.match(text, at, end)
    assert escape is not None, "the parser has refused a backslash before nothing"
    what = escape[0][1:]
    one = yaml.SafeLoader.ESCAPE_REPLACEMENTS.get(what[0], "")
    read.append((chr(int(what[1:], 16)) if what[0] in "xuU" else one, at))
    return escape.end()


def _newline(found: str) -> str:
    return found if found in "\u2028\u2029" else "\n"


# --- block values


def _block(text: str, begin: int, end: int, value: str) -> Read:
    """Lines of the file beside those of the value: what is between the latter is known by the value alone."""
    header = BREAK.search(text, begin, end)
    if header is None:
        return []
    read: Read = []
    indent = _indent(text, header.end(), end, value)
    at = header.end()
    while at < end:
        found = BREAK.search(text, at, end)
        stop = found.start() if found else end
        read += [(text[index], index) for index in range(min(at + indent, stop), stop)]
        if found is None:
            break
        at = found.end()
        seen = len(read)
        # A folded line's end is a blank, or nothing when empty lines follow it: the value tells which.
        if seen < len(value) and value[seen] in f" {BREAKS}":
            read.append((value[seen], found.start()))
    return read[: len(value)]


def _indent(text: str, at: int, end: int, value: str) -> int:
    """Blanks before each line: those of the first that holds something, less those that the value keeps."""
    first = value.lstrip(BREAKS)
    kept = len(first) - len(first.lstrip(" "))
    for line in re.split(rf"[{BREAKS}]", text[at:end]):
        if content := line.lstrip(" "):
            return max(0, len(line) - len(content) - kept)
    return 0
