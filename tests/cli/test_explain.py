"""`warren explain`, as a person meets it: asked of a file and of a gateway."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.fixtures.child import free_port
from warren.cli.main import main

CONFIG = """
routingRules: {rulesEngineEnabled: true, rulesConfigPath: rules.yaml}
requestAnalyzerConfig: {analyzeRequest: true}
"""
RULES = """
name: airflow
when: {source: airflow, tables: hive.web.clicks}
then: {group: etl}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", *arguments])
    return result.exit_code, result.output


def test_a_configuration_is_asked(config: Path) -> None:
    code, said = run(str(config), "--source", "airflow", "--user", "ana", "--sql", "SELECT * FROM hive.web.clicks")
    assert code == 0
    assert "note: no clusters are known: the database" in said
    assert "user: ana\nstatement: Query, for resource groups SELECT\n  tables: hive.web.clicks\n" in said
    assert "rule airflow (line 2) applies\n  when source is airflow and tables is hive.web.clicks\n" in said
    assert "  saw source: airflow\n  saw tables: hive.web.clicks\n  put routingGroup: etl\n" in said
    assert "group: etl, since rule airflow says group etl\n" in said
    assert "goes to: no cluster, so 503: group etl has no usable cluster" in said


def test_the_statement_may_be_in_a_file_and_the_answer_json(config: Path, tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT * FROM clicks")
    code, said = run(
        str(config),
        *("--sql-file", str(tmp_path / "q.sql"), "--header", "X-Trino-Catalog: hive", "--json"),
        *("--header", "x-trino-schema: web", "--header", "X-Trino-Source:airflow"),
    )
    assert code == 0
    answer = json.loads(said[said.index("{") :])
    assert answer["rules"][0]["applies"] is True
    assert answer["decision"]["group"] == "etl"


def test_what_is_no_utf_8_is_asked_as_a_gateway_would_see_it(config: Path) -> None:
    half = b"caf\xe9".decode("utf-8", "surrogateescape")
    code, said = run(
        str(config),
        *("--sql", f"SELECT '{half}' FROM hive.web.clicks", "--user", half, "--path", f"/v1/statement?{half}"),
        *("--source", half, "--header", f"X-Trino-Client-Tags: {half}"),
    )
    assert code == 0
    assert "user: caf\ufffd\nstatement: Query" in said
    assert "saw source: caf\ufffd\n" in said
    code, said = run("--gateway", f"http://127.0.0.1:{free_port()}", "--sql", half, "--source", half)
    assert code == 1
    assert "connection refused" in said


def test_a_broken_rules_file_is_shown_with_its_place(config: Path, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("name: a\nwhen: {sorce: x}\nthen: {group: y}\n")
    code, said = run(str(config))
    assert code == 1
    assert "rules.yaml: line 2, column" in said
    assert "rule a: when.sorce: nothing is known by that name" in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a configuration file, or a gateway"),
        (["CONFIG", "--gateway", "http://localhost:1"], "name a configuration file, or a gateway"),
        (["CONFIG", "--header", "nonsense"], "'nonsense' is no header"),
    ],
)
def test_wrong_options_are_explained(config: Path, arguments: list[str], says: str) -> None:
    code, said = run(*(str(config) if each == "CONFIG" else each for each in arguments))
    assert code == 2
    assert says in said


def test_a_gateway_that_is_not_there_is_said() -> None:
    code, said = run("--gateway", f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "Connect call failed" in said or "refused" in said


def test_an_address_of_no_gateway_is_said() -> None:
    code, said = run("--gateway", "localhost:8080")
    assert code == 1
    assert "is no address of a gateway" in said
