"""Places of characters: a table of every style of YAML, and texts that nobody would write."""

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warren.rulebook.places import line_and_column, place_in

MARK = "@"
"""Stands once in each text, and once in its value: that is the character whose place is asked."""


def value_of(text: str) -> yaml.ScalarNode:
    """Of the first key, or the whole document."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if isinstance(root, yaml.SequenceNode):
        root = root.value[0]
    node = root.value[0][1] if isinstance(root, yaml.MappingNode) else root
    assert isinstance(node, yaml.ScalarNode)
    return node


def place_of_mark(text: str) -> tuple[int, int]:
    node = value_of(text)
    return place_in(text, node, node.value.index(MARK))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: b @", (1, 6)),
        ("a: b\n  c\n  @", (3, 3)),
        ("a: b\n\n\n  c @", (4, 5)),
        ("a: 'b @'", (1, 7)),
        ("a: 'it''s @'", (1, 11)),
        ("a: 'b\n\n\n  c ''@'", (4, 7)),
        ('a: "b @"', (1, 7)),
        ('a: "\\" \\t \\x41 \\u0041 \\U00000041 @"', (1, 34)),
        ('a: "b \\\n   \\ c @"', (2, 8)),
        ('a: "b\\\n\n\n  c @"', (4, 5)),
        ('a: "b\n\n  c\n  d @"', (4, 5)),
        ("a: |\n  b\n  @", (3, 3)),
        ("a: |-  # why\n\n  b\n\n    c @\n\n", (5, 7)),
        ("a: |2\n    b\n   @\n", (3, 4)),
        ("a: >\n  b\n  c\n\n\n  d @\n", (6, 5)),
        ("a: >\n  b\n    c\n  d @\n", (4, 5)),
        ("a: >+\n  b\n  c @\n\n\n", (3, 5)),
        ("- a: |\n    b\n    @\n", (3, 5)),
    ],
)
def test_a_character_is_where_it_stands(text: str, place: tuple[int, int]) -> None:
    assert place_of_mark(text) == place


@pytest.mark.parametrize(
    "style", ["a: b\n  c @", "a: 'b\n\n  c @'", 'a: "b\n  c @"', "a: |\n  b\n  c @\n", "a: >\n  b\n  c @\n"]
)
def test_every_kind_of_line_end_counts_as_a_line(style: str) -> None:
    expected = place_of_mark(style)
    for end in ("\r\n", "\r", "\x85"):
        assert place_of_mark(style.replace("\n", end)) == expected


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: &anchor b @", (1, 14)),
        ("a: !!str 'b @'", (1, 13)),
        ("a: &x !!str\n  # why\n  |\n  b\n  @\n", (5, 3)),
    ],
)
def test_anchors_and_tags_are_not_of_the_value(text: str, place: tuple[int, int]) -> None:
    assert place_of_mark(text) == place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: b ==", (1, 8)),
        ("a: 'b =='", (1, 9)),
        ("a: 'b '''", (1, 9)),
        ('a: "b \\x41"', (1, 11)),
        ("a: |\n  b ==\n\nc: d", (2, 7)),
        ("a: >\n  b\n  ==\n\nc: d", (3, 5)),
        ("a: ''", (1, 4)),
        ("a:", (1, 3)),
    ],
)
def test_the_end_of_a_value_is_behind_its_last_character(text: str, place: tuple[int, int]) -> None:
    node = value_of(text)
    assert place_in(text, node, len(node.value)) == place


def test_a_value_that_cannot_be_followed_is_shown_by_its_beginning() -> None:
    node = value_of("a: b c")
    node.value = "something else"
    assert place_in("a: b c", node, 3) == (1, 4)


PIECES = st.sampled_from(
    [*"ab'\"\\ \t#:-@", "\n", "\n", "  ", "\n\n  ", "\r\n", "\x85", "\u2028", "\\n", "\\x41", "''", "\\\n"]
)
BODIES = st.lists(PIECES, max_size=20).map("".join)
FRAMES = st.sampled_from(
    ["a: {}", "a: '{}'", 'a: "{}"', "a: |\n  {}", "a: >\n  {}", "a: |2-\n  {}", "a: &x !!str {}", "a: &x >\n {}"]
)


@pytest.mark.slow
@given(FRAMES, BODIES, st.integers(0, 30))
@example("a: >\n  {}", "a\n\n  b\n   c\n  d", 6)
@settings(max_examples=1500, deadline=None)
def test_a_place_is_always_within_the_node(frame: str, body: str, offset: int) -> None:
    text = frame.format(body)
    try:
        node = value_of(text)
    except (yaml.YAMLError, AssertionError, IndexError, AttributeError):
        return
    place = place_in(text, node, offset)
    begin, end = line_and_column(text, node.start_mark.index), line_and_column(text, node.end_mark.index)
    assert begin <= place <= end
    if offset < len(node.value.rstrip()) and (visible := node.value[offset]) in "ab@#:-":
        line, column = place
        assert _lines(text)[line - 1][column - 1] in {visible, "\\"}


def _lines(text: str) -> list[str]:
    lines = [""]
    for each in text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n").replace("\u2028", "\n"):
        if each == "\n":
            lines.append("")
        else:
            lines[-1] += each
    return lines
