"""`warren rules`, as a person and a CI meet it: words on the screen and exit codes."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from warren.cli.main import main
from warren.rulebook.reading import read_rules

RULES = """\
name: airflow
condition: request.getHeader("X-Trino-Source") == "airflow"
actions:
  - result.put("routingGroup", "etl")
---
name: lake
when: {catalogs: lake}
then: {group: lake}
---
name: chance
condition: Math.random() < 0
actions: ['result.put("routingGroup", "new")']
"""
GOOD = "- {name: good, request: {source: airflow}, expect: etl}\n"
BAD = "- {name: bad, request: {sql: TABLE lake.a.b}, expect: {group: ~}}\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "my-rules.yaml"
    path.write_text(RULES)
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)])


def test_check_of_a_good_file_says_so_with_notes(rules: Path) -> None:
    told = run("check", rules)
    assert told.exit_code == 0
    assert told.stdout.splitlines()[-1] == f"{rules}: nothing is wrong with its 3 rules"
    assert "note: line 7: rule lake: needs the analysis of statements, for which" in told.stdout


def test_check_says_everything_that_is_wrong_at_once(rules: Path) -> None:
    rules.write_text("name: a\ncondition: request.getHeadr()\nactions: []\npriority: high\n")
    told = run("check", rules)
    assert told.exit_code == 1
    assert told.stderr.splitlines()[0] == f"{rules}: 2 problems"
    assert "  line 2, column 20: rule a: condition: no method getHeadr() on request" in told.stderr
    assert "  line 4, column 11: rule a: priority: high" in told.stderr


@pytest.mark.parametrize(("switch", "code"), [("true", 0), ("false", 1)])
def test_check_asks_the_configuration_whether_statements_are_analysed(rules: Path, switch: str, code: int) -> None:
    config = rules.with_name("config.yaml")
    config.write_text(f"requestAnalyzerConfig: {{analyzeRequest: {switch}}}\n")
    told = run("check", rules, "--config", config)
    assert told.exit_code == code
    assert ("which is on" in told.stdout) is (code == 0)
    assert ("analyzeRequest: true" in told.stderr) is (code == 1)


def test_check_with_a_configuration_that_is_wrong_says_so(rules: Path) -> None:
    config = rules.with_name("config.yaml")
    config.write_text("nonsense: 1\n")
    told = run("check", rules, "--config", config)
    assert told.exit_code == 1
    assert told.stderr.startswith(f"{config}: 1 problem")


def test_test_passes_when_all_go_where_they_should(rules: Path) -> None:
    rules.with_name("rules-test.yaml").write_text(GOOD)
    told = run("test", rules)
    assert told.exit_code == 0
    assert told.stdout == "ok      good\n1 passed, 0 failed\n"


def test_test_fails_with_what_came_and_why(rules: Path) -> None:
    rules.with_name("my-rules-test.yaml").write_text(GOOD + BAD)
    rules.with_name("rules-test.yaml").write_text(GOOD)
    told = run("test", rules)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert lines[1] == "FAILED  bad (line 2): expected no group, got group lake"
    assert "          rule lake, line 6: applies, puts routingGroup = lake" in lines
    assert "            saw catalogs = lake" in lines
    assert lines[-1] == "1 passed, 1 failed"


def test_test_takes_another_file_and_writes_what_a_ci_shows(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(GOOD + BAD)
    told = run("test", rules, "--tests", tmp_path / "more.yaml", "--junit", tmp_path / "out.xml")
    assert told.exit_code == 1
    assert ElementTree.parse(tmp_path / "out.xml").getroot().get("failures") == "1"


@pytest.mark.parametrize("content", [None, "", "[]\n"])
def test_test_without_tests_shows_how_to_write_some(rules: Path, content: str | None) -> None:
    if content is not None:
        rules.with_name("rules-test.yaml").write_text(content)
    told = run("test", rules)
    assert told.exit_code == 1
    assert "there are no tests: write some into" in told.stderr
    assert "- name: airflow goes to etl" in told.stderr


def test_test_says_what_is_wrong_with_either_file(rules: Path) -> None:
    tests = rules.with_name("rules-test.yaml")
    tests.write_text("- {name: a}\n")
    told = run("test", rules)
    assert (told.exit_code, told.stderr.splitlines()[0]) == (1, f"{tests}: 1 problem")
    tests.write_text(GOOD)
    rules.write_text("a: b")
    told = run("test", rules)
    assert (told.exit_code, told.stderr.splitlines()[0].startswith(f"{rules}: ")) == (1, True)


def test_convert_prints_the_rules_and_says_what_it_left_alone(rules: Path) -> None:
    told = run("convert", rules)
    assert told.exit_code == 0
    assert told.stdout.startswith("name: airflow\nwhen:\n  source: airflow\nthen:\n  group: etl\n---\nname: lake\n")
    assert read_rules(told.stdout, analyses=True).rules
    assert "line 10: rule chance is left alone: plain rules cannot say `Math.random() < 0`" in told.stderr
    assert "1 rule converted, 1 left alone, 1 plain before" in told.stderr
    assert "differ from their MVEL in two cases" in told.stderr


def test_convert_writes_a_file_and_keeps_its_line_ends(rules: Path, tmp_path: Path) -> None:
    rules.write_bytes(RULES.replace("\n", "\r\n").encode())
    told = run("convert", rules, "--output", tmp_path / "new.yaml")
    assert (told.exit_code, told.stdout) == (0, "")
    assert (tmp_path / "new.yaml").read_bytes().startswith(b"name: airflow\r\nwhen:\r\n  source: airflow\r\n")


def test_convert_says_that_it_cannot_write(rules: Path) -> None:
    told = run("convert", rules, "--output", rules / "below" / "a-file.yaml")
    assert told.exit_code == 1
    assert "cannot be written: not a directory" in told.stderr


def test_convert_of_a_wrong_file_prints_nothing(rules: Path) -> None:
    rules.write_text("a: b")
    told = run("convert", rules)
    assert (told.exit_code, told.stdout) == (1, "")


def test_a_file_that_cannot_be_read_says_why(rules: Path) -> None:
    rules.write_bytes(b"\xff\xfe")
    for command in ("check", "convert"):
        told = run(command, rules)
        assert told.exit_code == 1
        assert "not text in UTF-8" in told.stderr
