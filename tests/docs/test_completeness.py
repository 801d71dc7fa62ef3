"""What can be set, asked, read in the log or seen as a status is in the documentation, and nothing else is."""

import json
import re
from pathlib import Path

import pytest
import yaml
from starlette.routing import Route

from tests.admin.own import Own
from tests.docs.pages import DOCS, PAGES, ROOT, anchors, blocks, links, name_of, prose
from tests.docs.source import Event, events, statuses
from warren.admin.app import routes
from warren.admin.explaining import Explaining
from warren.admin.management import Management
from warren.admin.page import Page
from warren.admin.readiness import Probes
from warren.cli.main import ON_DEMAND, main
from warren.settings.describe import every_setting, split
from warren.settings.load import parse

OPERATIONS = (DOCS / "operations.md").read_text()
YAML = [
    pytest.param(block.text, id=f"{name_of(page)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page))
    if block.language == "yaml"
]


@pytest.mark.parametrize("text", YAML)
def test_every_configuration_in_the_documentation_is_accepted(text: str, tmp_path: Path) -> None:
    for file in ("gateway.pem", "gateway.key", "valkey-ca.pem"):
        (tmp_path / file).write_text("-----BEGIN CERTIFICATE-----\n")
    variables = ("DB_PASSWORD", "KEY_PASSWORD", "SENTINEL_PASSWORD", "VALKEY_HOST", "VALKEY_PASSWORD")
    parse(text, dict.fromkeys(variables, "s3cret"), directory=tmp_path)


def test_every_setting_is_documented() -> None:
    page = (DOCS / "configuration.md").read_text()
    missing = [key for key in (setting.key for setting in every_setting()) if not is_written(key, page)]
    assert missing == []


def is_written(key: str, page: str) -> bool:
    """In the table of its section, under its own name; or in full."""
    section, name = split(key)
    return f"`{key}`" in page or (f"| `{name}` |" in page and (not section or section.split(".")[0] in page))


@pytest.mark.parametrize("text", sorted(set(re.findall(r"`([a-z][A-Za-z]+\.[A-Za-z.-]+)`", OPERATIONS))))
def test_a_setting_that_the_operations_page_names_exists(text: str) -> None:
    keys = {setting.key for setting in every_setting()}
    sections = {key.partition(".")[0] for key in keys}
    if text.partition(".")[0] in sections | {"proxy"}:
        assert text in keys or f"serverConfig.{text}" in keys


def own_routes() -> list[Route]:
    own = Own()
    readiness = lambda: own.readiness  # noqa: E731 # what the room is given by the instance, too
    return routes(
        Management(own.registry, own.roster),
        Probes(readiness, own.siblings, ()),
        Page("gw", own.roster, readiness),
        own.metrics(),
        Explaining(own.explain),
    )


def test_every_endpoint_is_documented_and_every_documented_endpoint_exists() -> None:
    page = (DOCS / "api.md").read_text()
    written = set(re.findall(r"^### `([A-Z]+ /\S*)`$", page, re.MULTILINE))
    existing = {
        f"{method} {route.path.replace(':path}', '}')}"
        for route in own_routes()
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert written == existing


EVENTS = events()
EVENT_ROW = re.compile(r"^\| ((?:`[a-z_]+` ?)+)\| ([a-z, ]+) \| ((?:`[a-z_]+` ?)*)\|", re.MULTILINE)


def documented_events() -> dict[str, Event]:
    return {
        name: Event(name, set(re.findall(r"`(\w+)`", fields)))
        for names, _, fields in EVENT_ROW.findall(OPERATIONS)
        for name in re.findall(r"`(\w+)`", names)
    }


def test_the_log_has_events() -> None:
    assert len(EVENTS) > 20
    assert {"statement", "cluster_added", "cluster_activated", "cluster_health_changed"} <= EVENTS.keys()
    assert "error" in EVENTS["statement"].fields


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_log_event_is_documented_with_its_fields(name: str) -> None:
    if name == "admin_client_left":
        assert f"`{name}`" in OPERATIONS  # not shown, so in no table
        return
    row = documented_events().get(name)
    assert row is not None, f"docs/operations.md has no row for the log event {name}"
    assert EVENTS[name].fields <= row.fields, f"the row of {name} lacks fields"


def test_every_documented_log_event_exists() -> None:
    assert sorted(documented_events().keys() - EVENTS.keys()) == []


def test_the_log_line_in_the_documentation_has_the_fields_of_real_ones() -> None:
    lines = [block.text for block in blocks(DOCS / "getting-started.md") if block.language == "json"]
    shown = json.loads(lines[0])
    assert shown.keys() == EVENTS["statement"].fields - {"error"} | {"event", "level", "timestamp"}


def documented_statuses() -> set[int]:
    return {int(status) for status in re.findall(r"^\| ([345]\d\d) \|", OPERATIONS, re.MULTILINE)}


def test_the_statuses_that_the_gateway_makes_are_documented_and_no_others() -> None:
    assert statuses() == documented_statuses()


@pytest.mark.parametrize("command", sorted([*main.commands, *ON_DEMAND]))
def test_every_command_is_documented(command: str) -> None:
    assert f"`warren {command}" in (DOCS / "getting-started.md").read_text()


def test_every_room_is_on_the_floor_plan_for_contributors() -> None:
    plan = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = {path.stem for path in (ROOT / "warren").iterdir() if not path.stem.startswith("__") and path.stem != "py"}
    assert [room for room in sorted(rooms) if f"`{room}`" not in plan] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{name_of(page)}: {link}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)}: {link}: there is no such heading"
        # MkDocs sees the folder docs/ alone.
        assert not page.is_relative_to(DOCS) or target.is_relative_to(DOCS), f"{name_of(page)}: {link} leaves docs/"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    yaml.safe_load(navigation)
    listed = set(re.findall(r": (\S+\.md)$", navigation, re.MULTILINE))
    assert listed == {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}


def test_every_decision_is_dated_and_says_what_was_rejected() -> None:
    overview = (DOCS / "design" / "index.md").read_text()
    pages = sorted((DOCS / "design").glob("[0-9]*.md"))
    assert len(pages) >= 8
    for page in pages:
        text = page.read_text()
        assert re.match(rf"# {page.name[:4]}: .+\n\n20\d\d-\d\d-\d\d · \w+\n", text), page.name
        assert "\n## Rejected\n" in text, page.name
        assert f"({page.name})" in overview, page.name


def test_the_numbers_of_the_readme_stand_between_their_marks() -> None:
    readme = (ROOT / "README.md").read_text()
    assert re.search(r"<!-- numbers -->\n\|.*\|\n<!-- /numbers -->", readme, re.DOTALL)


def test_a_fenced_block_is_no_prose() -> None:
    assert "scripts/run    #" not in prose(ROOT / "README.md")
