"""`warren replay`, as a person meets it: files and a history in, tables, JSON and a page out."""

import json
import sqlite3
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from click.testing import CliRunner, Result

from tests.fixtures.child import free_port
from warren.cli.main import main

NOW = int(time.time() * 1000)
HOUR = 3_600_000

RULES = """
name: airflow
condition: request.getHeader("X-Trino-Source") == "airflow"
actions:
  - result.put("routingGroup", "etl")
---
name: writes
priority: 1
when: {queryType: Insert, catalogs: lake}
then: {group: writers}
---
name: tagged
priority: 2
when: {clientTags: nightly}
then: {group: night}
---
name: no drops
priority: 3
when: {queryType: DropTable}
then: {reject: nobody drops tables here}
---
name: carl
priority: 4
when: {user: carl}
then: {group: bi, cluster: blue}
"""


class Place:
    """A directory with a configuration and a history, and the command run in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.database = directory / "db.sqlite"
        self.settings: dict[str, Any] = {
            "dataStore": {"jdbcUrl": f"jdbc:sqlite:{self.database}"},
            "routingRules": {"rulesEngineEnabled": True, "rulesConfigPath": "rules.yaml"},
            "requestAnalyzerConfig": {"analyzeRequest": True},
        }
        self.write("rules.yaml", RULES)

    def write(self, name: str, text: str) -> str:
        (self.directory / name).write_text(text)
        return str(self.directory / name)

    def lines(self, *statements: dict[str, Any] | str) -> str:
        lines = [each if isinstance(each, str) else json.dumps(each) for each in statements]
        return self.write("statements.jsonl", "".join(f"{line}\n" for line in lines))

    def config(self) -> str:
        return self.write("config.yaml", yaml.safe_dump(self.settings))

    def replay(self, *options: str) -> Result:
        return CliRunner().invoke(main, ["replay", self.config(), *options])

    def found(self, *options: str) -> dict[str, Any]:
        """The report in JSON."""
        told = self.replay("--json", "-", *options)
        assert told.exit_code == 0, told.output
        found: dict[str, Any] = json.loads(told.stdout)
        return found

    def history(self, *rows: tuple[str, int, str, str, str]) -> None:
        """Rows of SQL, time, user, source and group."""
        assert CliRunner().invoke(main, ["migrate", self.config()]).exit_code == 0
        with sqlite3.connect(self.database) as connection:
            connection.execute(
                "INSERT INTO gateway_backend (name, routing_group, backend_url, external_url, active)"
                " VALUES ('blue', 'bi', 'http://blue:8080', 'http://blue:8080', 1)"
            )
            connection.executemany(
                "INSERT INTO query_history (query_id, query_text, created, user_name, source, routing_group, backend_url)"
                " VALUES (?, ?, ?, ?, ?, ?, 'http://blue:8080')",
                [(f"20261101_120000_{number:05}_abcde", *row) for number, row in enumerate(rows)],
            )
        connection.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    yield Place(tmp_path)
    structlog.reset_defaults()


def moves(found: dict[str, Any]) -> dict[tuple[str, str, str | None], int]:
    def words(where: dict[str, Any]) -> str:
        ((kind, name),) = where.items()
        return kind if name is True else name if kind == "group" else f"{kind} {name}"

    return {(words(move["from"]), words(move["to"]), move["rule"]): move["count"] for move in found["moves"]}


def three_hundred() -> list[tuple[str, int, str, str, str]]:
    """A hundred that stay, a hundred of Airflow in the wrong group, forty that write, twenty that drop, forty of Carl's."""
    at = NOW - 5 * HOUR
    return [
        *(("SELECT 1", at + n, "ann", "dbt", "adhoc") for n in range(100)),
        *(("SELECT 2", at + HOUR + n, "ann", "airflow", "adhoc") for n in range(100)),
        *(("INSERT INTO lake.s.t SELECT 1", at + n, "ann", "dbt", "adhoc") for n in range(40)),
        *(("DROP TABLE lake.s.t", at + n, "ann", "dbt", "bi") for n in range(20)),
        *(("SELECT 3", at + n, "carl", "dbt", "bi") for n in range(40)),
    ]


def test_a_history_is_replayed_and_every_form_says_the_same(place: Place) -> None:
    place.history(*three_hundred())
    page, document = place.directory / "r.html", place.directory / "r.json"

    told = place.replay("--html", str(page), "--json", str(document))

    assert told.exit_code == 0, told.output
    assert "160 of 300 statements would move (53.3 %)." in told.stdout
    found = json.loads(document.read_text())
    assert moves(found) == {
        ("adhoc", "etl", "airflow"): 100,
        ("adhoc", "writers", "writes"): 40,
        ("bi", "rejected", "no drops"): 20,
    }
    rules = {rule["name"]: (rule["applied"], rule["decided"], rule["moved"]) for rule in found["byRule"]}
    assert rules == {
        "airflow": (100, 100, 100),
        "writes": (40, 40, 40),
        "tagged": (0, 0, 0),
        "no drops": (20, 20, 20),
        "carl": (40, 40, 0),
    }
    assert found["noRuleDecided"] == 100
    assert sum(load["before"] for load in found["load"]) == sum(load["after"] for load in found["load"]) == 300
    HTMLParser().feed(page.read_text())
    assert "<strong>160</strong>" in page.read_text()


def test_it_says_what_the_history_does_not_have_and_which_rules_that_concerns(place: Place) -> None:
    place.history(*three_hundred())
    found = place.found()
    assert "no client tags" in found["notes"][0]
    assert "1 rule is not to be judged" in found["notes"][1]
    assert {rule["name"]: rule["looksAtWhatIsNotKnown"] for rule in found["byRule"]}["tagged"] == ["clientTags"]


def test_only_the_last_week_is_replayed_unless_something_else_is_said(place: Place) -> None:
    days = (1, 3, 10)
    place.history(*(("SELECT 1", NOW - day * 24 * HOUR, "ann", "dbt", "adhoc") for day in days))
    assert place.found()["statements"] == 2
    assert place.found("--since", "2d")["statements"] == 1
    assert place.found("--since", "30d")["statements"] == 3
    assert place.found("--since", "2020-01-01", "--until", "5d")["statements"] == 1
    assert place.found("--since", "2020-01-01", "--until", "2020-01-02T10:00")["statements"] == 0


def test_another_rules_file_is_tried_in_place_of_the_one_in_force(place: Place) -> None:
    place.history(*three_hundred())
    place.settings["routingRules"] = {"rulesEngineEnabled": False}
    other = place.write("other.yaml", "name: ann\nwhen: {user: ann}\nthen: {group: anns}\n")
    found = place.found("--rules", other)
    assert moves(found) == {
        ("adhoc", "anns", "ann"): 240,
        ("bi", "anns", "ann"): 20,
        ("bi", "adhoc", None): 40,
    }
    assert found["rules"] == f"rules of {other}"


def test_two_rules_files_are_compared(place: Place) -> None:
    place.history(*three_hundred())
    before = place.write("before.yaml", RULES.replace('"etl"', '"old"').replace("cluster: blue", "cluster: green"))
    found = place.found("--before", before)
    assert moves(found) == {("old", "etl", "airflow"): 100, ("cluster green", "cluster blue", "carl"): 40}
    assert [move["ruleBefore"] for move in found["moves"]] == ["airflow", "carl"]
    same = place.found("--before", str(place.directory / "rules.yaml"))
    assert (same["moved"], same["moves"]) == (0, [])


def test_the_default_group_is_that_of_the_configuration(place: Place) -> None:
    place.settings["routing"] = {"defaultRoutingGroup": "elsewhere"}
    found = place.found("--statements", place.lines({"sql": "SELECT 1", "group": "adhoc"}))
    assert moves(found) == {("adhoc", "elsewhere", None): 1}


def test_json_lines_know_what_the_history_does_not(place: Place) -> None:
    tags = {"X-Trino-Client-Tags": "a, nightly"}
    found = place.found(
        "--statements",
        place.lines(
            {"sql": "SELECT 1", "headers": tags, "group": "adhoc", "id": "one", "wallSeconds": 7},
            {
                "sql": "INSERT INTO t SELECT 1",
                "headers": {"X-Trino-Catalog": "lake", "X-Trino-Schema": "s"},
                "group": "adhoc",
            },
            {"sql": "SELECT 1", "source": "airflow"},
        ),
    )
    assert moves(found) == {
        ("adhoc", "night", "tagged"): 1,
        ("adhoc", "writers", "writes"): 1,
        ("notRecorded", "etl", "airflow"): 1,
    }
    assert (found["moved"], found["notRecorded"]) == (2, 1)
    assert [rule["looksAtWhatIsNotKnown"] for rule in found["byRule"]] == [[]] * 5
    assert sum(load["wallSecondsAfter"] for load in found["load"]) == 7


def test_the_hour_of_the_statement_counts(place: Place) -> None:
    night = place.write("night.yaml", 'name: n\nwhen: {timeOfDay: "22:00-06:00"}\nthen: {group: night}\n')
    given = [{"sql": "SELECT 1", "group": "adhoc", "time": f"2026-11-01T{hour:02}:30:00Z"} for hour in range(24)]
    assert moves(place.found("--rules", night, "--statements", place.lines(*given))) == {("adhoc", "night", "n"): 8}


def test_bad_lines_are_counted_and_shown_and_the_others_replayed(place: Place) -> None:
    told = place.replay(
        "--statements", place.lines({"sql": "SELECT 1", "group": "adhoc"}, {"sql": "x", "usr": "a"}, "?")
    )
    assert told.exit_code == 0
    assert "0 of 1 statements would move" in told.stdout
    assert "left out: line 2: usr: nothing is known by that name" in told.stdout
    assert "left out: line 3: not JSON" in told.stdout


def test_a_file_without_a_good_line_is_no_input(place: Place) -> None:
    told = place.replay("--statements", place.lines("?"))
    assert told.exit_code == 1
    assert told.stderr.endswith("statements.jsonl: no line of it is a statement\n")


def test_no_more_than_the_limit(place: Place) -> None:
    place.history(*three_hundred())
    found = place.found("--limit", "130")
    assert found["statements"] == found["limit"] == 130
    assert any("Reading stopped after 130 statements" in note for note in found["notes"])
    assert place.found("--limit", "300")["limit"] is None


def test_statements_are_written_to_be_edited_and_replayed(place: Place) -> None:
    place.history(*three_hundred())
    lines = place.directory / "lines.jsonl"
    first = place.found("--write-statements", str(lines))
    again = place.found("--statements", str(lines))
    assert moves(again) == moves(first)
    assert again["load"] == first["load"]


def test_as_many_examples_as_asked_for(place: Place) -> None:
    place.history(*three_hundred())
    found = place.found("--show", "5")
    assert [each["id"] for each in found["moves"][0]["examples"]] == [
        f"20261101_120000_{n:05}_abcde" for n in range(100, 105)
    ]
    assert [len(move["examples"]) for move in place.found("--show", "0")["moves"]] == [0, 0, 0]


def test_a_history_without_statements_is_no_trouble(place: Place) -> None:
    place.history()
    told = place.replay()
    assert told.exit_code == 0
    assert "There are no statements to replay." in told.stdout


@pytest.mark.parametrize("option", ["--json", "--html", "--write-statements"])
def test_a_file_that_cannot_be_written_is_said(place: Place, option: str) -> None:
    told = place.replay("--statements", place.lines({"sql": "SELECT 1"}), option, str(place.directory / "no" / "where"))
    assert told.exit_code == 1
    assert told.stderr.endswith("no/where: no such file or directory\n")


def test_moves_can_fail_a_build(place: Place) -> None:
    lines = place.lines({"sql": "SELECT 1", "group": "bi"})
    assert place.replay("--statements", lines, "--fail-if-moved").exit_code == 3
    assert place.replay("--statements", lines).exit_code == 0
    assert place.replay("--statements", place.lines({"sql": "x", "group": "adhoc"}), "--fail-if-moved").exit_code == 0


def test_a_database_that_is_not_there_yet_is_said(place: Place) -> None:
    told = place.replay()
    assert told.exit_code == 1
    assert told.stderr == (
        f"the history cannot be read: {place.database} does not exist: no gateway has written its history there yet\n"
    )
    assert not place.database.exists()


def test_a_database_that_is_away_is_said_without_its_password(place: Place) -> None:
    port = free_port()
    place.settings["dataStore"] = {
        "jdbcUrl": f"jdbc:postgresql://127.0.0.1:{port}/d",
        "user": "u",
        "password": "hunter2",
    }
    told = place.replay()
    assert told.exit_code == 1
    assert told.stderr.startswith("the history cannot be read: ")
    assert f"127.0.0.1:{port}" in told.stderr
    assert "hunter2" not in told.output


@pytest.mark.parametrize("option", [[], ["--rules"], ["--before"]])
def test_rules_that_cannot_be_read_are_shown_with_line_and_remedy(place: Place, option: list[str]) -> None:
    bad = "name: x\nwhen: {colour: blue}\nthen: {group: a}\n---\nname: y\ncondition: nonsense(\nactions: []\n"
    path = place.write("bad.yaml" if option else "rules.yaml", bad)
    told = place.replay(*option, *([path] if option else []))
    assert told.exit_code == 1
    first, *problems = told.stderr.splitlines()
    assert first == f"{path}: 2 problems"
    assert problems[0].startswith("  line 2, column 8: rule x: when.colour: nothing is known by that name")
    assert problems[1].startswith("  line 6, column ")


def test_a_rules_file_that_is_not_there_is_said(place: Place) -> None:
    (place.directory / "rules.yaml").unlink()
    told = place.replay()
    assert told.exit_code == 1
    assert "rules.yaml: the rules file cannot be read: no such file or directory" in told.stderr


def test_a_configuration_with_problems_is_shown_as_check_shows_it(place: Place) -> None:
    place.settings["nonsense"] = 1
    told, checked = place.replay(), CliRunner().invoke(main, ["check", place.config()])
    assert (told.exit_code, told.stderr) == (1, checked.stderr)


def test_rules_that_look_at_sql_need_it_analysed(place: Place) -> None:
    place.settings["requestAnalyzerConfig"] = {"analyzeRequest": False}
    told = place.replay("--statements", place.lines({"sql": "SELECT 1"}))
    assert told.exit_code == 1
    assert "analyzeRequest: true" in told.stderr


def test_a_rules_service_is_not_asked(place: Place) -> None:
    place.settings["routingRules"] = {
        "rulesEngineEnabled": True,
        "rulesType": "EXTERNAL",
        "rulesExternalConfiguration": {"urlPath": "http://rules.example/group"},
    }
    told = place.replay()
    assert told.exit_code == 1
    assert (
        "routingRules.rulesType: EXTERNAL: replay would ask a live service about statements of the past" in told.stderr
    )
    lines = place.lines({"sql": "SELECT 1", "source": "airflow", "group": "etl"})
    assert place.found("--rules", str(place.directory / "rules.yaml"), "--statements", lines)["moved"] == 0


def test_without_rules_the_header_decides_and_only_lines_have_it(place: Place) -> None:
    place.settings["routingRules"] = {"rulesEngineEnabled": False}
    told = place.replay()
    assert told.exit_code == 1
    assert "which the history does not have" in told.stderr
    lines = place.lines({"sql": "SELECT 1", "headers": {"X-Trino-Routing-Group": "bi"}, "group": "adhoc"})
    assert moves(place.found("--statements", lines)) == {("adhoc", "bi", None): 1}


@pytest.mark.parametrize("moment", ["yesterday", "5x", "2026-13-01", "99999d"])
def test_a_time_that_is_none_is_refused(place: Place, moment: str) -> None:
    told = place.replay("--since", moment)
    assert told.exit_code == 2
    assert "Error: Invalid value for '--since': " in told.stderr


def test_ctrl_c_ends_it_with_its_own_exit_code(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("warren.cli.replay.judged", interrupted)
    told = place.replay("--statements", place.lines({"sql": "SELECT 1"}))
    assert (told.exit_code, told.stderr) == (130, "interrupted\n")


@pytest.mark.soak
def test_a_hundred_thousand_statements_take_less_than_a_minute(place: Place) -> None:
    place.history(*(row for row in three_hundred() for _ in range(334)))
    began = time.monotonic()
    found = place.found()
    assert (found["statements"], found["moved"]) == (100_200, 160 * 334)
    assert time.monotonic() - began < 60
