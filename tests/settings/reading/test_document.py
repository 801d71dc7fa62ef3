"""From text to values: the environment, YAML 1.1, lines, and what must not be shown."""

import pytest

from warren.settings.reading.document import Document, printable, read


def tree(text: str, **environment: str) -> dict[str, object]:
    document = read(text, environment)
    assert document.problems == []
    return document.tree


def complaints(text: str, **environment: str) -> list[str]:
    return [str(problem) for problem in read(text, environment).problems]


def test_a_variable_is_filled_in_anywhere() -> None:
    assert tree("a: ${ENV:X}\nb: pre-${ENV:X}-${ENV:Y_1-z}\nc: '${ENV:X}'", **{"X": "x", "Y_1-z": "y"}) == {
        "a": "x",
        "b": "pre-x-y",
        "c": "x",
    }


def test_a_variable_may_be_a_piece_of_yaml_as_in_the_java_gateway() -> None:
    assert tree("a: ${ENV:X}\nb: 2", X="[1, 2]") == {"a": ["1", "2"], "b": "2"}
    assert tree("a:\n  ${ENV:X}\nb: 2", X="c: 1\n  d: 2") == {"a": {"c": "1", "d": "2"}, "b": "2"}


@pytest.mark.parametrize("text", ["a: ${ENV:1X}", "a: ${ENV:}", "a: ${env:X}", "a: $ENV:X"])
def test_what_is_not_a_reference_stays(text: str) -> None:
    assert tree(text, X="x") == {"a": text[3:]}


def test_a_value_is_not_looked_into_for_further_variables() -> None:
    assert tree("a: '${ENV:X}'", X="${ENV:Y}", Y="y") == {"a": "${ENV:Y}"}


def test_each_variable_that_is_not_set_is_named_with_its_line() -> None:
    assert complaints("a: ${ENV:X}\nb: ${ENV:Y} ${ENV:Z}", Y="y") == [
        "line 1: ${ENV:X}: the environment variable X is not set: set it, or write the value here",
        "line 2: ${ENV:Z}: the environment variable Z is not set: set it, or write the value here",
    ]


def test_values_of_several_lines_do_not_move_the_lines_that_are_told() -> None:
    document = read('a: "${ENV:X}"\nb: 1\nc: "${ENV:X}"\nd: 1', {"X": "one\ntwo\r\nthree\rfour"})
    assert {key: entry.line for key, entry in document.entries.items()} == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_keys_inside_a_value_have_the_line_of_the_variable() -> None:
    document = read("x: 1\n${ENV:X}\nb: 1", {"X": "one: 1\ntwo: 2"})
    assert {key: entry.line for key, entry in document.entries.items()} == {"x": 1, "one": 2, "two": 2, "b": 3}
    assert document.hidden == {"one", "two"}
    assert document.name("serverConfig.two") == "serverConfig.${ENV:…}"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("0777", 511),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1:30", 90),
        ("1.5", 1.5),
        (".5", 0.5),
        ("12e03", "12e03"),
        ("~", None),
        ("text", "text"),
        ("2026-99-99", "2026-99-99"),
    ],
)
def test_plain_scalars_have_the_values_of_yaml_1_1(written: str, value: object) -> None:
    found = tree(f"a: {written}")["a"]
    assert getattr(found, "value", found) == value


def test_text_stays_as_it_is_written() -> None:
    assert tree("a: 0123\nb: yes\nc: '5'\nd: 1_000") == {"a": "0123", "b": "yes", "c": "5", "d": "1_000"}


def test_keys_are_text() -> None:
    assert tree("on: 1\n5: 2\nnull: 3") == {"on": "1", "5": "2", "null": "3"}


def test_anchors_and_merges_work() -> None:
    assert tree("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\nd: {<<: *a}") == {
        "a": {"x": "1", "y": "2"},
        "b": {"x": "1", "y": "3"},
        "c": {"x": "1", "y": "2"},
        "d": {"x": "1", "y": "2"},
    }


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.slow
@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]", "a: " + "[" * 41 + "]" * 41, "a: " + "[" * 5000 + "]" * 5000])
def test_a_file_that_means_more_than_it_says_is_refused(text: str) -> None:
    assert complaints(text) == ["too many or too deeply nested values: write it without aliases"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: b: c", 1),
        ("a: 1\n b: 2", 2),
        ("a: [1\nb: 2", 2),
        ("a: 1\n---\nb: 2", 2),
        ("x: 1\na: *gone", 2),
        ("a:\n\t- b", 2),
    ],
)
def test_what_is_not_yaml_is_told_with_its_line(text: str, line: int) -> None:
    (complaint,) = complaints(text)
    assert complaint.startswith(f"line {line}: not YAML: ")


@pytest.mark.parametrize(
    "value", ["!!bool hunter2", "!!timestamp x", "!!int ''", "!!float x", "1:" + "00:" * 200 + "00.5"]
)
def test_what_is_not_what_its_tag_or_look_says_is_text(value: str) -> None:
    found = tree(f"a: {value}\nb: x")
    assert isinstance(found["a"], str)
    assert found["b"] == "x"


def test_a_merge_of_no_mapping_is_told_with_its_line() -> None:
    assert complaints("a: 1\n<<: [1]") == ["line 2: expected a mapping for merging, but found scalar"]


def test_characters_that_yaml_forbids_are_told() -> None:
    assert complaints("b: 1\na: \x00") == ["line 2: not YAML: a character that YAML does not allow"]


@pytest.mark.parametrize("text", ["a: !!python/object:os.system x", "a: !secret x", "a: !!binary eA=="])
def test_tags_are_refused(text: str) -> None:
    assert complaints(text) == ["line 1: a: a YAML tag: write the value without a tag"]


def test_a_key_that_is_a_list_is_refused() -> None:
    assert complaints("x: {? [a, b] : 1}") == ["line 1: x: a key that is not text: write a plain word before the colon"]


def test_duplicates_are_found_at_every_depth() -> None:
    assert complaints("a:\n  - b: 1\n    b: 2") == ["line 3: a[0].b: written before on line 2: keep one of the two"]


def test_a_value_that_breaks_the_file_is_blamed_without_being_shown() -> None:
    (complaint,) = complaints("a: ${ENV:PW}\nb: ${ENV:OTHER}", PW="hunter2: x: [", OTHER="o")
    assert "OTHER, PW" in complaint
    assert "hunter" not in complaint


def test_a_broken_file_shows_no_values_of_variables_either() -> None:
    (complaint,) = complaints("a: ${ENV:PW}\nb: [", PW="hunter2")
    assert complaint.startswith("line 2: not YAML")
    assert "hunter" not in complaint


def test_an_alias_may_be_a_password_that_lacks_quotes() -> None:
    assert "hunter2" not in complaints("password: *hunter2")[0]


def test_what_is_shown_of_a_value_is_short_plain_and_not_from_the_environment() -> None:
    document: Document = read("a: x\nb: [1]\nc: {d: ''}\ne: pre${ENV:X}", {"X": "hunter2"})
    shown = {key: entry.shown for key, entry in document.entries.items()}
    assert (shown["a"], shown["b"], shown["c"], shown["c.d"]) == ("x", "a list", "keys with values", "nothing")
    assert shown["e"] == "a value from the environment"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb\x1b[31m", "a\\nb\\x1b[31m"), ("a" * 100, "a" * 80 + "…"), ("ä", "ä"), ("\u202e", "\\u202e")],
)
def test_control_characters_reach_no_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
