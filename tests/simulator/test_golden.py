"""The simulator's answers beside recorded ones of a real Trino 476: same status, header names, keys and words."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.asking import ALICE, Answer, Client, client_of
from warren.simulator.coordinator import Simulator
from warren.simulator.queries import Limits

GOLDEN = Path(__file__).parent / "golden"
FREE = {"date", "connection", "content-length", "transfer-encoding", "vary"}
"""Header names that depend on a body's size or on the client's connection."""


def recorded(file: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((GOLDEN / file).read_text())
    return entries


def plain(file: str) -> Iterator[Any]:
    """Recorded requests that name no query of that run."""
    for entry in recorded(file):
        path = entry["request"]["path"]
        if path == "/v1/query?state=running" or "Cookie" in entry["request"].get("headers", {}):
            continue  # needs what that run had; the contract asks the same
        if not re.search(r"_(7q5ke|cuhi6|ggwvq|ukfxn)\b", path + json.dumps(entry["request"].get("headers", {}))):
            yield pytest.param(entry, id=f"{entry['request']['method']} {path} {entry['label']}")


@pytest.fixture
async def old(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A simulator of the recorded version."""
    async with (
        Simulator(publish_coordinator_id=False, spooling=None, limits=Limits(long_poll_seconds=0.05)) as simulator,
        client_of(simulator.url) as client,
    ):
        yield client


def shape(value: object) -> object:
    """Keys in their order; of a list, its first item's."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value).__name__ if not isinstance(value, int | float) or isinstance(value, bool) else "number"


def same_headers(answer: Answer, golden: dict[str, Any]) -> None:
    expected = {name.lower() for name, _ in golden["headers"]} - FREE
    assert {name.lower() for name in answer.headers} - FREE == expected
    for name, value in golden["headers"]:
        if name in {"Content-Type", "Allow", "WWW-Authenticate", "Cache-Control", "X-Content-Type-Options"}:
            assert answer.headers[name] == value


@pytest.mark.parametrize("entry", [*plain("statement.json"), *plain("query_and_ui.json")])
async def test_a_recorded_request_is_answered_in_the_recorded_shape(old: Client, entry: dict[str, Any]) -> None:
    asked, golden = entry["request"], entry["response"]

    answer = await old.ask(asked["method"], asked["path"], asked.get("headers"), asked.get("body"))

    assert answer.status == golden["status"]
    same_headers(answer, golden)
    body = golden["body"]
    if asked["path"] in {"/v1/status", "/v1/query"} or "omitted" in golden.get("body_note", ""):
        return
    if body.startswith(("{", "[")):
        assert shape(answer.json()) == shape(json.loads(body))
        assert list(answer.json()) == list(json.loads(body))
    else:
        assert answer.text == body


@pytest.mark.parametrize("entry", list(plain("forwarded_off.json")))
async def test_forwarded_headers_are_refused_where_they_are_not_processed(entry: dict[str, Any]) -> None:
    asked, golden = entry["request"], entry["response"]
    async with Simulator(process_forwarded=False) as simulator, client_of(simulator.url) as client:
        answer = await client.ask(asked["method"], asked["path"], asked["headers"], asked["body"])

    assert answer.status == golden["status"]
    if golden["status"] == 406:
        same_headers(answer, golden)
        assert answer.text == golden["body"].replace("http://127.0.0.1:18082", simulator.url)
    else:
        assert answer.json()["nextUri"].startswith(simulator.url)


@pytest.mark.parametrize("entry", list(plain("forwarded_on.json")))
async def test_forwarded_headers_shape_the_recorded_addresses(
    simulator: Simulator, client: Client, entry: dict[str, Any]
) -> None:
    asked, golden = entry["request"], entry["response"]

    answer = await client.ask(asked["method"], asked["path"], asked["headers"], asked["body"])

    assert answer.status == golden["status"]
    if golden["status"] == 200:
        expected = json.loads(golden["body"])["nextUri"].replace("18082", str(simulator.port))
        assert answer.json()["nextUri"].split("/v1/")[0] == expected.split("/v1/")[0]
    else:
        assert answer.text == golden["body"].replace("http://127.0.0.1:18082", simulator.url)


async def test_the_pages_of_a_statement_have_the_recorded_keys(old: Client) -> None:
    pages: dict[str, Any] = {}
    for entry in recorded("statement.json"):
        if entry["response"]["body"].startswith('{"id"'):
            page = json.loads(entry["response"]["body"])
            pages[_kind(page)] = page

    seen = {}
    for page, answer in await old.pages("SELECT 1"):
        seen[_kind(page)] = page
        assert set(answer.header_names) >= {"vary", "content-type", "x-content-type-options"}

    assert set(seen) <= set(pages)
    for kind, page in seen.items():
        assert list(page) == list(pages[kind]), kind
        assert list(page["stats"]) == list(pages[kind]["stats"]), kind
        if "rootStage" in page["stats"]:
            assert list(page["stats"]["rootStage"]) == list(pages[kind]["stats"]["rootStage"])


def _kind(page: dict[str, Any]) -> str:
    return f"{page['stats']['state']} data={'data' in page} next={'nextUri' in page}"


async def test_a_spooled_page_has_the_recorded_shape(client: Client) -> None:
    golden = json.loads(recorded("spooled.json")[2]["response"]["body"])

    pages = await client.pages(
        "SELECT * FROM tpch.tiny.lineitem", {**ALICE, "X-Trino-Query-Data-Encoding": "json+zstd"}
    )

    spooled = next(page for page, _ in pages if page.get("data", {}).get("segments", [{}])[0].get("type") == "spooled")
    assert shape(spooled["data"]) == shape(golden["data"])
    assert json.dumps(shape(spooled["data"])) == json.dumps(shape(golden["data"]))
