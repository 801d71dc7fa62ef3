"""From the text of the file to plain values that know their line: environment, YAML 1.1, duplicate keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from warren.errors import Problem
from warren.settings.reading.not_yaml import in_words
from warren.settings.section import Written

REFERENCE = re.compile(r"\$\{ENV:([a-zA-Z][a-zA-Z0-9_-]*)\}")
BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML 1.1 takes for the end of a line."""
HARMLESS = "unset"
"""Stands where a variable is missing, so that the rest of the file can be checked all the same."""

MOST_NODES = 100_000
"""Aliases of aliases can make a small file enormous."""
DEEPEST = 40

OUT_OF_ENVIRONMENT = "a value from the environment"
PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}
NULL = "tag:yaml.org,2002:null"
MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text that a variable filled in."""

    start: int
    end: int
    name: str
    text: str
    missing: bool


@dataclass(frozen=True, slots=True)
class Filled:
    """The text with all variables filled in, which parts came from them, and what that did to the lines."""

    text: str
    spans: tuple[Span, ...]

    def line(self, mark: yaml.Mark) -> int:
        """The line of the file itself, counted from 1: values of several lines push the rest down."""
        pushed = sum(len(BREAK.findall(span.text[: max(0, mark.index - span.start)])) for span in self.spans)
        return mark.line + 1 - pushed

    def within(self, node: yaml.Node) -> list[Span]:
        """The variables that the node consists of, in part or whole."""
        start, end = node.start_mark.index, node.end_mark.index
        return [span for span in self.spans if span.start < end and start < max(span.end, span.start + 1)]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one key besides its value."""

    line: int
    shown: str
    """The value for people's eyes: shortened, escaped, and never out of the environment."""
    from_environment: bool = False
    """Whether a variable is in it, or in anything below it."""
    missing: bool = False
    """A variable in it is not set, so whatever else is wrong with it is not worth saying."""


@dataclass(slots=True)
class Document:
    """The values, by key path what is known of them, and all that is wrong so far."""

    tree: dict[str, Any] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    """Keys that came from the environment."""
    spelled: dict[str, str] = field(default_factory=dict)
    """By key path the other spelling that the file has for it, and for all below it."""

    def name(self, key: str) -> str:
        """A key path for people's eyes, as they spelled it."""
        for usual, other in sorted(self.spelled.items(), reverse=True):
            if f"{key}.".startswith(f"{usual}."):
                key = f"{other}{key.removeprefix(usual)}"
                break
        for hidden in sorted(self.hidden, key=len, reverse=True):
            key = key.replace(hidden, "${ENV:…}")
        return printable(key)


class TooLarge(Exception):
    """Aliases or nesting make the file more than anybody meant."""


def read(text: str, environment: Mapping[str, str]) -> Document:
    """Never raises: what is wrong is in `problems`, next to everything that could be read in spite of it."""
    text = text.removeprefix("\ufeff")
    document = Document(problems=missing_variables(text, environment))
    filled = fill(text, environment)
    try:
        Reader(filled, document).read()
    except yaml.YAMLError as error:
        document.problems.append(syntax_problem(text, environment, error))
    except (RecursionError, TooLarge):
        document.problems.append(
            Problem("", None, "", "too many or too deeply nested values: write it without aliases")
        )
    return document


def missing_variables(text: str, environment: Mapping[str, str]) -> list[Problem]:
    return [
        Problem(
            "",
            text.count("\n", 0, reference.start()) + 1,
            reference[0],
            f"the environment variable {reference[1]} is not set: set it, or write the value here",
        )
        for reference in REFERENCE.finditer(text)
        if reference[1] not in environment
    ]


def fill(text: str, environment: Mapping[str, str]) -> Filled:
    parts: list[str] = []
    spans: list[Span] = []
    length = end = 0
    for reference in REFERENCE.finditer(text):
        value = environment.get(reference[1])
        before = text[end : reference.start()]
        start = length + len(before)
        filled_in = HARMLESS if value is None else value
        parts += [before, filled_in]
        length = start + len(filled_in)
        spans.append(Span(start, length, reference[1], filled_in, value is None))
        end = reference.end()
    return Filled("".join([*parts, text[end:]]), tuple(spans))


def syntax_problem(text: str, environment: Mapping[str, str], error: yaml.YAMLError) -> Problem:
    """Without the values of variables the message can show no secret. Often it is one of them that breaks the file."""
    try:
        yaml.compose(fill(text, {}).text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as without:
        error = without
    else:
        names = sorted({span.name for span in fill(text, environment).spans if not span.missing})
        if not names:
            return Problem("", line_of(error, text), "", in_words(error, hides_values=True))
        return Problem(
            "",
            None,
            "not YAML once variables are filled in",
            f"put quotes around ${{ENV:…}} where the value has special characters; the file uses {', '.join(names)}",
        )
    return Problem("", line_of(error, fill(text, {}).text), "not YAML", in_words(error, hides_values=True))


def line_of(error: yaml.YAMLError, text: str) -> int | None:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return error.problem_mark.line + 1
    return text.count("\n", 0, error.position) + 1 if isinstance(error, yaml.reader.ReaderError) else None


class Reader:
    """Turns YAML's nodes into values, and notes where each came from."""

    def __init__(self, filled: Filled, document: Document) -> None:
        self._filled = filled
        self._document = document
        self._loader = yaml.SafeLoader(filled.text)
        self._checked: set[yaml.Node] = set()
        self._nodes = 0

    def read(self) -> None:
        """Raises YAMLError."""
        root = self._loader.get_single_node()
        if root is None or root.tag == NULL:
            return
        if isinstance(root, yaml.MappingNode):
            self._document.tree = self._mapping(root, "", depth=0)
        else:
            self._problem("", root, "no keys", "the file is a list of keys and values, such as `monitor:`")

    def _problem(self, key: str, node: yaml.Node, found: str, remedy: str) -> None:
        self._document.problems.append(
            Problem(self._document.name(key), self._filled.line(node.start_mark), found, remedy)
        )

    def _value(self, node: yaml.Node, path: str, *, depth: int) -> Any:
        self._nodes += 1
        if self._nodes > MOST_NODES or depth > DEEPEST:
            raise TooLarge
        self._note(node, path)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path, depth=depth)
            case yaml.SequenceNode():
                return [self._value(item, f"{path}[{i}]", depth=depth + 1) for i, item in enumerate(node.value)]
            case yaml.ScalarNode():
                return self._scalar(node, path)

    def _note(self, node: yaml.Node, path: str) -> None:
        spans = self._filled.within(node)
        shown = OUT_OF_ENVIRONMENT if spans else self._shown(node)
        missing = any(span.missing for span in spans) and isinstance(node, yaml.ScalarNode)
        self._document.entries[path] = Entry(self._filled.line(node.start_mark), shown, bool(spans), missing)

    @staticmethod
    def _shown(node: yaml.Node) -> str:
        if isinstance(node, yaml.ScalarNode):
            return printable(str(node.value)) or "nothing"
        return "a list" if isinstance(node, yaml.SequenceNode) else "keys with values"

    def _mapping(self, node: yaml.MappingNode, path: str, *, depth: int) -> dict[str, Any]:
        if node not in self._checked:
            self._checked.add(node)
            self._find_duplicates(node, path)
            self._loader.flatten_mapping(node)
        values: dict[str, Any] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                name = self._name(key)
                values[name] = self._value(value, f"{path}.{name}" if path else name, depth=depth + 1)
            else:
                self._problem(path, key, "a key that is not text", "write a plain word before the colon")
        return values

    def _name(self, key: yaml.ScalarNode) -> str:
        """Keys are text as written, `on` and `1` too."""
        name = str(key.value)
        if name and self._filled.within(key):
            self._document.hidden.add(name)
        return name

    def _find_duplicates(self, node: yaml.MappingNode, path: str) -> None:
        first: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            name, line = self._name(key), self._filled.line(key.start_mark)
            if name in first:
                where = f"{path}.{name}" if path else name
                self._problem(where, key, f"written before on line {first[name]}", "keep one of the two")
            first.setdefault(name, line)

    def _scalar(self, node: yaml.ScalarNode, path: str) -> Any:
        if node.tag not in PLAIN_TAGS:
            self._problem(path, node, "a YAML tag", "write the value without a tag")
            return None
        if node.style is not None:
            return str(node.value)
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError, AttributeError, OverflowError, yaml.YAMLError):
            # It looks like a date or number, or its tag says so, and it is none; as text it may be meant.
            value = str(node.value)
        return None if value is None else Written(str(node.value), value)


def printable(text: str, *, most: int = 80) -> str:
    """For messages: no more characters than that, and none that a terminal would obey."""
    escaped = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: most + 1])
    return f"{escaped[:most]}…" if len(escaped) > most else escaped
