"""Turns rules in MVEL into plain ones, in the text of their file: all that is not converted stays as it is written."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from warren.routing.mvel.lexer import tokens
from warren.rulebook.places import BREAKS, line_and_column
from warren.rulebook.reading import Written, read_rules, tree_of, written_rules
from warren.rulebook.tools.comparing import Kept
from warren.rulebook.tools.conditions import NEVER, tree_below_when
from warren.rulebook.tools.judging import plain_of
from warren.rulebook.tools.puts import then_of

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
BEFORE_KEY = re.compile(r"(?:^|[\r\n\x85\u2028\u2029])(?:[ -]|--- )*$")
WIDTH = 10_000_000
"""Lines are not folded."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A rule that stays MVEL."""

    name: str
    line: int
    because: str


@dataclass(frozen=True, slots=True)
class Converted:
    """A file with its rules converted, as far as that can be."""

    text: str
    converted: tuple[str, ...]
    """Names of rules."""
    left_alone: tuple[LeftAlone, ...]
    plain: int
    """How many were plain before."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A part of the text, a key and its value, and what stands there instead."""

    start: int
    end: int
    text: str


def convert(text: str) -> Converted:
    """Raises SettingsError for a file that is not right."""
    read_rules(text, analyses=True)
    rules = written_rules(text)
    uses = Counter(id(node) for rule in rules for node in _nodes(rule.node))
    changes: list[_Change] = []
    converted: list[str] = []
    left_alone: list[LeftAlone] = []
    for rule in rules:
        if not {"condition", "actions"} & rule.keys.keys():
            continue
        try:
            if any(uses[id(node)] > 1 or _has_anchor(text, node) for node in _nodes(rule.node)):
                raise Kept("it has an anchor or an alias of YAML")
            changes += _changes(text, rule)
            converted.append(rule.text("name"))
        except Kept as kept:
            left_alone.append(LeftAlone(rule.text("name"), rule.node.start_mark.line + 1, str(kept)))
    made = _changed(text, changes)
    read_rules(made, analyses=True)
    plain = len(rules) - len(converted) - len(left_alone)
    return Converted(made, tuple(converted), tuple(left_alone), plain)


def _nodes(node: yaml.Node) -> Iterator[yaml.Node]:
    """The node and all within it. Values of rules are not deep: they have been read."""
    yield node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield from _nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _nodes(each)


def _has_anchor(text: str, node: yaml.Node) -> bool:
    return text[node.start_mark.index : node.start_mark.index + 1] in {"&", "!"}


def _changed(text: str, changes: list[_Change]) -> str:
    at, parts = 0, []
    for change in sorted(changes, key=lambda each: each.start):
        parts += [text[at : change.start], change.text]
        at = change.end
    return "".join([*parts, text[at:]])


# --- one rule


def _changes(text: str, rule: Written) -> list[_Change]:
    """Raises Kept."""
    changes = []
    for key, value in rule.node.value:
        if key.value == "condition":
            when = plain_of(value.value)
            if when == NEVER:
                raise Kept("its condition never holds")
            changes.append(_change(text, rule, (key, value), ("when", tree_below_when(when))))
        elif key.value == "actions":
            if "then" in rule.keys:
                raise Kept("it has actions and then")
            changes.append(_change(text, rule, (key, value), ("then", then_of(_actions(value)))))
    return changes


def _actions(node: yaml.Node) -> list[str]:
    return [each.value for each in (node.value if isinstance(node, yaml.SequenceNode) else [node])]


def _change(text: str, rule: Written, old: tuple[yaml.Node, yaml.Node], new: tuple[str, dict[str, Any]]) -> _Change:
    """Raises Kept when the new text would not say what it should."""
    key, value = old
    word, tree = new
    flow = bool(rule.node.flow_style)
    if not flow and not BEFORE_KEY.search(text, 0, key.start_mark.index):
        raise Kept("its keys are written in an unusual way")
    comments = [comment for mvel in _actions(value) for comment in _comments(mvel)]
    if flow and comments:
        raise Kept("there are comments in its MVEL")
    written = yaml.dump(
        {word: tree},
        Dumper=_Dumper,
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=True,
        width=WIDTH,
    ).rstrip("\n")
    written = written.removeprefix("{").removesuffix("}") if flow else written
    again = yaml.compose(f"{{{written}}}" if flow else written, Loader=yaml.SafeLoader)
    if again is None or tree_of(again) != _texts({word: tree}):
        raise Kept("its texts cannot be written in YAML")
    lines = [f"# {line}" for comment in comments for line in comment] + written.split("\n")
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = " " * (line_and_column(text, key.start_mark.index)[1] - 1)
    return _Change(key.start_mark.index, _end(text, value), f"{newline}{indent}".join(lines))


def _texts(tree: Any) -> Any:
    """As it is read again: true and false are texts in rules."""
    if isinstance(tree, dict):
        return {key: _texts(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_texts(value) for value in tree]
    return str(tree).lower() if isinstance(tree, bool) else tree


def _comments(mvel: str) -> Iterator[list[str]]:
    """What stands between the words of MVEL, as lines without its signs."""
    at = 0
    for token in tokens(mvel):
        for found in COMMENT.findall(mvel, at, token.offset):
            inner = found[2:].removesuffix("*/") if found.startswith("/*") else found[2:]
            yield [line for each in re.split(rf"[{BREAKS}]", inner) if (line := each.strip(" \t*"))]
        at = token.end


def _end(text: str, node: yaml.Node) -> int:
    """Where the value's last character stands: marks of lists and blocks include the comments that follow."""
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return _end(text, node.value[-1])
    begin, end = node.start_mark.index, node.end_mark.index
    return begin + len(text[begin:end].rstrip())


class _Dumper(yaml.SafeDumper):
    """Lists below a key stand further right than the key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)
