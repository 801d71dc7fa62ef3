"""From files to rules: what is wrong, each with its line and column, and whatever text there is."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warren.errors import Problem, SettingsError
from warren.facts import Facts, RequestFacts
from warren.routing.mvel.scope import no_chance
from warren.rulebook import reading
from warren.rulebook.reading import problems_in_words, read_rules, tree_of, written_rules

RULE = """\
name: one
condition: request.getHeader("X-Trino-Source") == "airflow"
actions:
  - result.put("routingGroup", "etl")
"""


def problems(text: str, *, analyses: bool = True) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_rules(text, analyses=analyses)
    return [str(problem) for problem in caught.value.problems]


def group_of(text: str, source: str) -> str | None:
    facts = Facts(request=RequestFacts(headers={"x-trino-source": [source]}))
    return read_rules(text, analyses=False).decide(facts, no_chance).group


# --- what is right


@pytest.mark.parametrize(
    "text",
    [
        RULE,
        f"---\n{RULE}---\n# nothing more\n",
        f"---\n---\n{RULE}---\nnull\n---\n~\n",
        "- {name: one, when: {source: airflow}, then: {group: etl}}\n-\n",
        'name: one\nwhen: {source: airflow}\nactions: \'result.put("routingGroup", "etl")\'',
        "name: one\npriority: -5\nstop: true\nwhen: {source: airflow}\nthen: {group: etl}",
        f"\ufeff{RULE}",
        RULE.replace("\n", "\r\n"),
    ],
)
def test_a_file_of_either_kind_is_read(text: str) -> None:
    assert group_of(text, "airflow") == "etl"
    assert group_of(text, "other") is None


def test_a_rule_knows_what_stands_beside_its_condition() -> None:
    rules = read_rules(
        f"{RULE}---\nname: two\ndescription: why\npriority: -1\nwhen: {{source: a}}\nthen: {{stop: true}}\nstop: true\n",
        analyses=False,
    ).rules
    assert [(rule.name, rule.description, rule.priority, rule.stop, rule.line) for rule in rules] == [
        ("two", "why", -1, True, 6),
        ("one", "", 0, False, 1),
    ]


def test_a_file_without_rules_has_none() -> None:
    assert read_rules("", analyses=False).rules == ()
    assert read_rules("# later\n", analyses=False).rules == ()


@pytest.mark.parametrize(
    ("when", "needs"),
    [
        ("condition: trinoQueryProperties.getCatalogs().isEmpty()", True),
        ("when: {tables: a.b.c}", True),
        ('condition: trinoRequestUser.userExistsAndEquals("x")', False),
        ("when: {user: x}", False),
    ],
)
def test_rules_say_whether_they_look_at_statements(when: str, needs: bool) -> None:
    assert read_rules(f"name: a\n{when}\nthen: {{group: g}}", analyses=True).needs_query is needs


# --- what is wrong

MVEL = "an MVEL error"
THEN = "then: {group: g}"
DO = 'actions: [\'result.put("routingGroup", "g")\']'


@pytest.mark.parametrize(
    ("condition", "line", "column"),
    [
        ("condition: request.getHeadr()", 2, 20),
        ("condition: true\n  && request.getHeadr()", 3, 14),
        ("condition: 'request.getHeadr()'", 2, 21),
        ("condition: 'request.getHeader(''a'') == getHeadr'", 2, 41),
        ('condition: "request.getHeader(\\"a\\") == getHeadr"', 2, 41),
        ('condition: "true \\\n    && getHeadr"', 3, 8),
        ("condition: |\n  true\n    && getHeadr\n", 4, 8),
        ("condition: |\n\n  true\n\n  && getHeadr\n", 6, 6),
        ("condition: >\n  true\n  && getHeadr\n", 4, 6),
        ("condition: >-\n  true\n\n  && getHeadr\n", 5, 6),
        ("condition: |2\n    true && getHeadr\n", 3, 13),
        ("condition: &anchor getHeadr", 2, 20),
        ("condition: !!str 'getHeadr'", 2, 19),
        ("condition: 'true &&'", 2, 20),
        ("condition: |\n  true &&\n", 3, 10),
        ("condition: ''", 2, 12),
        ("condition: &a [getHeadr]", 2, 12),
    ],
)
def test_an_error_of_mvel_is_where_its_author_will_look_for_it(condition: str, line: int, column: int) -> None:
    (found,) = problems(f"name: a\n{condition}\n{DO}")
    assert found.startswith(f"line {line}, column {column}: rule a: condition: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "line 1, column 5: not YAML: "),
        ("a: b: c", "line 1, column 5: not YAML: "),
        ("a\n\n  \x01", "line 3, column 3: not YAML: a character that YAML does not allow"),
        (
            "name: *a",
            "line 1, column 7: not YAML: found undefined alias 'a': put quotes around a text that begins with *",
        ),
        ('\nname: "\\U00110000"', "line 2, column 8: not YAML: a number is too great"),
        ("just words", "line 1, column 1: a rule is keys and values"),
        ("- [a]", "line 1, column 3: a rule is keys and values"),
        (
            f"name: a\nnme: b\nwhen: {{source: a}}\n{THEN}",
            "line 2, column 1: nme: a rule has no such key; known are name",
        ),
        (f"name: a\n? [b]\n: c\nwhen: {{source: a}}\n{THEN}", "line 2, column 3: a rule has no such key"),
        (f"name: a\nname: b\nwhen: {{source: a}}\n{THEN}", "line 2, column 1: name: written before on line 1"),
        (f"when: {{source: a}}\n{THEN}", "line 1, column 1: rule number 1: it has no name: write `name:`"),
        (f"name: ~\nwhen: {{source: a}}\n{THEN}", "line 1, column 1: rule number 1: it has no name"),
        (f"name: [a]\nwhen: {{source: a}}\n{THEN}", "line 1, column 7: name: write a text"),
        (
            f"name: a\ndescription: [b]\nwhen: {{source: a}}\n{THEN}",
            "line 2, column 14: rule a: description: write a text",
        ),
        (f"name: a\n{THEN}", "line 1, column 1: rule a: it says not when it applies: write `when:`"),
        ("name: a\nwhen: {source: a}", "line 1, column 1: rule a: it does nothing: write `then:`"),
        (
            f"name: a\ncondition: 'true'\nwhen: {{source: a}}\n{THEN}",
            "line 3, column 7: rule a: condition and when: write one",
        ),
        (
            f"name: a\nwhen: {{source: a}}\npriority: high\n{THEN}",
            "line 3, column 11: rule a: priority: high: write a whole",
        ),
        (f"name: a\nwhen: {{source: a}}\npriority: [1]\n{THEN}", "line 3, column 11: rule a: priority: write a whole"),
        (
            f"name: a\nwhen: {{source: a}}\npriority: 3000000000\n{THEN}",
            "line 3, column 11: rule a: priority: 3000000000: ",
        ),
        (
            f"name: a\nwhen: {{source: a}}\nstop: maybe\n{THEN}",
            "line 3, column 7: rule a: stop: maybe: write true or false",
        ),
        (f"name: a\nwhen: {{sourc: a}}\n{THEN}", "line 2, column 8: rule a: when.sourc: nothing is known by that name"),
        (
            f"name: a\nwhen:\n  source:\n    equls:\n      a\n{THEN}",
            "line 4, column 5: rule a: when.source.equls: there is no such way to compare",
        ),
        (
            f"name: a\nwhen:\n  any:\n    - source: a\n    - source: {{matches: '['}}\n{THEN}",
            "line 5, column 25: rule a: when.any.1.source.matches: [: not a regular expression",
        ),
        (
            f"name: a\nwhen: {{timeOfDay: {{between: soon}}}}\n{THEN}",
            "line 2, column 29: rule a: when.timeOfDay.between: soon: write two times",
        ),
        (f"name: a\nwhen: {{source: a, source: b}}\n{THEN}", "line 2, column 19: rule a: when: write each key once"),
        (f"name: a\nwhen: 5\n{THEN}", "line 2, column 7: rule a: when: 5: write what to compare"),
        ("name: a\nwhen: {source: a}\nthen:\n  grup: g", "line 4, column 3: rule a: then.grup: nothing is known"),
        (
            "name: a\nwhen: {source: a}\nthen: {group: [g]}",
            "line 3, column 15: rule a: then.group: ['g']: write a text",
        ),
        ("name: a\nwhen: {source: a}\nactions:\n  - resul.put(1)", "line 4, column 5: rule a: actions: nobody knows"),
        ("name: a\nwhen: {source: a}\nactions:\n  - [a]", "line 4, column 5: rule a: actions: write a text with MVEL"),
        (f'name: "\\ud83d"\nwhen: {{source: a}}\n{THEN}', "line 1, column 7: half a character: write the whole one"),
        (f'name: a\nwhen: {{source: {{matches: "\\ud83d"}}}}\n{THEN}', "line 2, column 26: half a character"),
    ],
)
def test_a_problem_says_where_it_is_and_what_to_write(text: str, expected: str) -> None:
    (found,) = problems(text)
    assert found.startswith(expected)


def test_all_problems_are_said_at_once_in_the_order_of_lines() -> None:
    found = problems("name: a\nwhn: 5\n---\ncondition: tru\nactions: [resul]\npriority: x\n---\nname: c\nstop: 1\n")
    assert [each.partition(":")[0] for each in found] == [
        "line 1, column 1",
        "line 1, column 1",
        "line 2, column 1",
        "line 4, column 1",
        "line 4, column 12",
        "line 5, column 11",
        "line 6, column 11",
        "line 8, column 1",
        "line 8, column 1",
        "line 9, column 7",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        f"condition: trinoQueryProperties.getCatalogs().isEmpty()\n{THEN}",
        f'condition: trinoRequestUser.userExistsAndEquals("x")\n{THEN}',
        f"when: {{catalogs: a}}\n{THEN}",
    ],
)
def test_what_needs_the_analysis_of_statements_says_how_to_switch_it_on(rule: str) -> None:
    (found,) = problems(f"name: a\n{rule}", analyses=False)
    assert found.startswith("line 2, column ")
    assert "analyzeRequest: true" in found


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_RULES", 2)
    assert "write at most 2" in problems("- {}\n- {}\n- {}\n")[0]
    monkeypatch.setattr(reading, "LARGEST_FILE", 100)
    assert "larger than 100" in problems("#" * 101)[0]


@pytest.mark.parametrize("word", ["null", "~", "Null"])
def test_nothing_at_all_is_no_text(word: str) -> None:
    (found,) = problems(f"name: a\nwhen: {{user: {word}}}\n{THEN}")
    assert found.startswith(f"line 2, column 14: rule a: when: {word} means nothing at all: write present: false")
    assert len(read_rules(f'name: a\nwhen: {{user: "{word}"}}\n{THEN}', analyses=False).rules) == 1


@pytest.mark.parametrize("depth", [50, 5000])
def test_deep_nesting_is_refused(depth: int) -> None:
    (found,) = problems(f"name: a\nwhen: {'[' * depth}{']' * depth}\n{THEN}")
    assert "deeply nested" in found


BOMB = "&a0 [x]" + "".join(f"\n- &a{number} [{f'*a{number - 1}, ' * 9}]" for number in range(1, 10))


@pytest.mark.parametrize("key", ["priority", "when", "name", "stop", "actions", "description"])
def test_aliases_of_aliases_do_not_grow(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_NODES", 10_000)
    found = problems(f"- {BOMB}\n- {{name: b, {key}: *a9}}" if key != "name" else f"- {BOMB}\n- {{name: *a9}}")
    assert all(len(each) < 500 for each in found)


@pytest.mark.parametrize(
    "text", ["&a [*a]", "&a {name: *a}", "name: b\nwhen: &a {any: [*a]}", "name: b\npriority: &a [*a]"]
)
def test_a_value_within_itself_is_refused(text: str) -> None:
    assert problems(text)


def test_problems_in_words_are_one_line() -> None:
    with pytest.raises(SettingsError) as caught:
        read_rules("just words\n---\nmore words", analyses=False)
    assert problems_in_words(caught.value.problems).endswith("; and 1 more")
    assert problems_in_words(caught.value.problems[:1]) == str(caught.value.problems[0])
    assert problems_in_words(()) == ""


# --- rules as they stand in the file


def test_written_rules_know_their_place_and_their_text() -> None:
    text = f"# first\n{RULE}---\n- name: two\n  when: {{source: [a, yes, 5]}}\n  then: {{group: g}}\n"
    one, two = written_rules(text)
    assert text[one.start : one.end] == RULE
    assert text[two.start : two.end].startswith("name: two\n  when:")
    assert one.text("condition").startswith("request.")
    assert (two.text("name"), two.text("condition"), two.text("when")) == ("two", "", "")
    assert tree_of(two.keys["when"]) == {"source": ["a", "yes", "5"]}


def test_written_rules_of_a_file_that_is_none_are_refused() -> None:
    with pytest.raises(SettingsError):
        written_rules("just words")


# --- whatever there is

TOKENS = """
    name: condition: when: then: actions: priority: stop: description: source group any: not: matches: timeOfDay: <<:
    [ ] { } - ? : , | > &a *a !!str ' " \\ # --- ... %YAML \\ud83d \\U00110000 \\x41 true == && 5 ~ null é 😀 22:00-06:00
    request.getHeader("X") result.put("routingGroup","g")
"""
BREAKS = ("\n", "\n", "\n  ", "\n    ", " ", "\t", "\r\n", "\x85", "\u2028", "\x01", "\x00", "\ufeff", "\ud800")
WORDS = st.sampled_from((*TOKENS.split(), *BREAKS))


def found_in(text: str) -> tuple[Problem, ...]:
    """Raises whatever is no SettingsError."""
    try:
        read_rules(text, analyses=True)
    except SettingsError as error:
        return error.problems
    return ()


@pytest.mark.slow
@given(
    st.one_of(
        st.lists(WORDS, max_size=40).map(" ".join), st.lists(WORDS, max_size=40).map("".join), st.text(max_size=60)
    )
)
@example('name: "\\ud800"\nwhen: {source: {matches: "\\ud800"}}\nthen: {group: "\\udfff"}')
@example("%YAML 1." + "9" * 5000 + "\n---\na: b")
@example('"\\Uffffffff"')
@settings(max_examples=1500, deadline=None)
def test_any_text_gives_rules_or_a_settings_error_and_nothing_else(text: str) -> None:
    for problem in found_in(text):
        assert problem.line is None or 1 <= problem.line <= len(text) + 1
        assert "\n" not in str(problem)


@pytest.mark.slow
@given(st.lists(st.lists(WORDS, max_size=12).map(" ".join), min_size=4, max_size=4))
@settings(max_examples=1000, deadline=None)
def test_any_values_give_rules_or_a_settings_error(values: list[str]) -> None:
    name, condition, when, actions = values
    found_in(f"name: {name}\ncondition: {condition}\nactions: {actions}\n---\nname: b\nwhen: {when}\n{THEN}")
