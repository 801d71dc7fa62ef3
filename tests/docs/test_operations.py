"""What the operations page says about a running gateway, held against one."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.fixtures.asking import ask
from tests.fixtures.child import wait_for
from tests.fixtures.gateway import GatewayProcess, gateway_before
from warren.admin.readiness import WorkerReadiness
from warren.settings.describe import every_setting

PAGE = (DOCS / "operations.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def gateway(directory: Path) -> Iterator[GatewayProcess]:
    log = {"serverConfig": {"http-server.log.path": str(directory / "access.log")}}
    with gateway_before({}, directory, settings=log) as started:
        yield started


def first_cells(section: str) -> set[str]:
    """What stands in code in the first column of a section's tables."""
    rows = re.findall(r"^\| (.+?) \|", SECTIONS[section], re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


@pytest.mark.slow
def test_every_detail_of_readyz_is_explained(gateway: GatewayProcess) -> None:
    answer = ask("GET", f"{gateway.url}/trino-gateway/readyz", headers={"Accept": "application/json"}).json()
    explained = first_cells("Health")
    details = answer["details"]
    found = {key for key in details if key != "database"} | {f"database.{key}" for key in details["database"]}
    only_with_rules = {"routingRules", "rulesService"}  # as journeys/test_rules.py sees them
    assert found == {key for key in explained if not key.startswith("/")} - only_with_rules


def test_every_field_of_a_worker_in_readyz_is_explained() -> None:
    _, _, table = SECTIONS["Several workers"].partition("| `workers` | means |")
    rows = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    explained = {code for row in rows for code in re.findall(r"`([^`]+)`", row)}
    assert explained == {field.name for field in fields(WorkerReadiness)}


@pytest.mark.slow
def test_every_field_of_the_access_log_is_explained(gateway: GatewayProcess, directory: Path) -> None:
    ask("GET", f"{gateway.url}/v1/info?secret")
    log = directory / "access.log"
    wait_for(lambda: log.exists() and "/v1/info" in log.read_text(), seconds=10, what="a line in the access log")
    line = json.loads(log.read_text().splitlines()[-1])
    assert line.keys() == first_cells("Access log")
    assert "secret" not in log.read_text()


@pytest.mark.slow
def test_every_file_of_the_state_directory_is_explained_and_private(gateway: GatewayProcess, directory: Path) -> None:
    gateway.add("blue", "http://127.0.0.1:9")
    state = directory / "state"
    wait_for((state / "roster.json").exists, seconds=10, what="the snapshot")
    explained = {name.replace("<name>", "*") for name in first_cells("Files")}
    # The snapshot is written under another name first, which may be there at this moment.
    found = {path for path in state.rglob("*") if not path.is_dir() and path.suffix != ".new"}
    assert {re.sub(r"sockets/[0-9a-f]{8}\.", "sockets/*.", str(path.relative_to(state))) for path in found} <= explained
    assert {f"{path.name} {path.stat().st_mode & 0o077:o}" for path in found} == {f"{path.name} 0" for path in found}


DEADLINES = re.findall(r"^\| .+? \| (\d+) (s|min) \| `([\w.-]+)` \|$", SECTIONS["Deadlines"], re.MULTILINE)


def test_the_deadlines_have_rows_that_can_be_checked() -> None:
    assert len(DEADLINES) >= 8


@pytest.mark.parametrize(("number", "unit", "key"), DEADLINES)
def test_a_documented_deadline_is_the_default(number: str, unit: str, key: str) -> None:
    defaults = {setting.key.removeprefix("serverConfig."): setting.default for setting in every_setting()}
    assert defaults[key] == f"{number}{unit[0]}"
