"""What the parser complains about says what to do, and shows no password."""

import pytest
import yaml

from warren.settings.reading.not_yaml import in_words


def words(text: str, *, hides_values: bool = True) -> str:
    with pytest.raises(yaml.YAMLError) as raised:
        yaml.compose(text, Loader=yaml.SafeLoader)
    return in_words(raised.value, hides_values=hides_values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "x: 1\na: [1, 2\nb: 3",
            "expected ',' or ']', but got ':': the [ on line 2 is not closed, or a comma is missing",
        ),
        ("a: [1", "expected ',' or ']', but got '<stream end>': the [ on line 1 is not closed, or a comma is missing"),
        (
            "a: {b: 1",
            "expected ',' or '}', but got '<stream end>': the { on line 1 is not closed, or a comma is missing",
        ),
        ('a:\n  "x\nb: 1', "found unexpected end of stream: the quote on line 2 is not closed"),
        (
            "a:\n\tb: 1",
            r"found character '\t' that cannot start any token: indent with spaces, not with tabs",
        ),
        ("a: %x", "found character '%' that cannot start any token: put quotes around a text that begins with it"),
        ("a: @x", "found character '@' that cannot start any token: put quotes around a text that begins with it"),
        (
            "a: b: c",
            'mapping values are not allowed here: indent it like the lines around it, or put quotes around a text with ": "',
        ),
        ("- a\nb: 1", "expected <block end>, but found '?': indent it like the lines around it"),
        (
            "a: 1\nb\nc: 2",
            "could not find expected ':': write a colon and a space after a key, and indent what continues a text",
        ),
        ("a: *hunter2", "found undefined alias '…': put quotes around a text that begins with *"),
        ("a: !hunter2!x 1", "found undefined tag handle '…': put quotes around a text that begins with !"),
        ('a: "\\q"', "found unknown escape character 'q'"),
        (
            "a: 1\n---\nb: 2",
            "expected a single document in the stream, but found another document: keep one, and remove the line ---",
        ),
        (
            "a: {b: [}",
            "expected the node content, but found '}': a value is missing, or a bracket is not closed",
        ),
        (
            "a: [",
            "expected the node content, but found '<stream end>': a value is missing, or a bracket is not closed",
        ),
        ("a: \x00", "a character that YAML does not allow"),
    ],
)
def test_it_says_what_to_do(text: str, expected: str) -> None:
    assert words(text) == expected


def test_what_hides_nothing_quotes_what_was_written() -> None:
    assert words("a: *gone", hides_values=False).startswith("found undefined alias 'gone': put quotes")
