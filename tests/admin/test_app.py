"""Replays of what the Java gateway answered, and where this one answers better."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.admin.own import JSON, Own, cluster, roster_of, unavailable
from warren.admin.app import PAGE, routes
from warren.admin.explaining import Explaining
from warren.admin.management import Management
from warren.admin.page import Page
from warren.admin.readiness import Probes
from warren.model import Cluster

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "api.md"
GOLDEN = Path(__file__).parent / "golden"
ELSEWHERE = ("/webapp/", "/v1/", "/ui/")
"""Recorded requests that are not answered here: those of later versions, and those that are proxied."""

BETTER = {
    "add t1 again": 409,
    "add empty body": 400,
    "add empty obj": 400,
    "add no proxyTo": 400,
    "add no name": 400,
    "add null": 400,
    "add bad url": 400,
    "update partial": 400,
    "update empty": 400,
    "entity gateway_backend": 404,
    "entity BOGUS": 404,
    "entity ROUTING_RULES": 404,
    "entity RESOURCE_GROUP": 404,
    "entity SELECTOR": 404,
    "entity none": 400,
    "entity bogus": 400,
    "entity bad json": 400,
    "entity unknown field": 400,
    "entity empty": 400,
    "entity empty obj": 400,
}
"""Where the Java gateway answers 500, or stores a URL that is none."""


def recorded(name: str) -> list[Any]:
    exchanges = json.loads((GOLDEN / name).read_text())
    return [exchange for exchange in exchanges if not exchange["request"]["path"].startswith(ELSEWHERE)]


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("gateway_api_empty.json", []),
        ("gateway_api_backends.json", []),
        (
            "gateway_entity.json",
            [
                cluster("trino1", url="http://127.0.0.1:18081"),
                cluster("trino2", url="http://127.0.0.1:18082", external="http://trino2.example:8080"),
            ],
        ),
    ],
)
async def test_the_java_gateways_answers_are_given_here_too(name: str, before: list[Cluster]) -> None:
    own = Own(roster_of(*before))
    for exchange in recorded(name):
        label, request, response = exchange["label"], exchange["request"], exchange["response"]
        answer = await own.ask(request["method"], request["path"], request.get("body") or "", request.get("headers"))

        assert answer.status == BETTER.get(label, response["status"]), label
        expected = response.get("body") or ""
        if answer.status == 200 and not expected:
            assert answer.body == b"", label
        elif answer.status == 200:
            assert answer.text == _as_here(expected), label
            content_type = dict(response["headers"])["Content-Type"]
            assert answer.headers["content-type"].partition(";")[0] == content_type.partition(";")[0], label
        elif '"code"' in expected:
            assert list(json.loads(answer.body)) == ["code", "message"], label
            assert '"code":"JSON_PARSING_ERROR"' in answer.text, label
        else:
            assert "gw-1" in answer.text or "JSON_PARSING_ERROR" in answer.text, label


def _as_here(body: str) -> str:
    """The recording stores `not a url` as a cluster; here that was refused, so it is missing from the lists.

    And there a new cluster waits for the next round of checks; here it is asked at once, and nothing is known till then.
    """
    body = body.replace('"trinoStatus":"PENDING"', '"trinoStatus":"UNKNOWN"')
    if "badurl" not in body:
        return body
    return json.dumps([entry for entry in json.loads(body) if entry["name"] != "badurl"], separators=(",", ":"))


async def test_the_root_leads_to_the_page() -> None:
    answer = await Own().ask("GET", "/")
    assert (answer.status, answer.headers["location"]) == (303, PAGE)


@pytest.mark.parametrize("path", ["/gateway/", "/trino-gateway/", "/gateway/backend/all/"])
async def test_a_trailing_slash_is_taken_for_none(path: str) -> None:
    assert (await Own().ask("GET", path)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/gateway/backend/modify/add", "POST"),
        ("OPTIONS", "/gateway/backend/all", "GET, HEAD"),
        ("PATCH", "/entity", "GET, HEAD, POST"),
        ("DELETE", "/trino-gateway/livez", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allow: str) -> None:
    answer = await Own().ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert allow in answer.text


@pytest.mark.parametrize("path", ["/nowhere", "/gateway/nosuch", "/trino-gateway/internal/route_to_backend", "/.."])
async def test_an_unknown_path_is_404_with_a_sentence(path: str) -> None:
    answer = await Own().ask("GET", path)
    assert answer.status == 404
    assert "docs/api.md" in answer.text


async def test_refusals_are_json_for_those_who_accept_it() -> None:
    answer = await Own().ask("GET", "/nowhere", headers={"Accept": "application/json, */*"})
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert isinstance(body, dict)
    assert (body["status"], body["instance"]) == (404, "gw-1")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/gateway/backend/modify/add", '{"name": "a", "proxyTo": "http://a"}'),
        ("/gateway/backend/modify/update", '{"name": "a", "proxyTo": "http://a"}'),
        ("/gateway/backend/modify/delete", "a"),
        ("/gateway/backend/activate/a", ""),
        ("/gateway/backend/deactivate/a", ""),
        ("/entity?entityType=GATEWAY_BACKEND", '{"name": "a", "proxyTo": "http://a"}'),
    ],
)
async def test_a_change_without_the_database_is_503(path: str, body: str) -> None:
    own = Own()
    own.registry.fails = unavailable()
    answer = await own.ask("POST", path, body, JSON)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "no answer from the database within 2 s" in answer.text
    assert (await own.ask("GET", "/gateway/backend/all")).status == 200


async def test_a_bug_is_500_and_tells_the_client_nothing() -> None:
    own = Own()
    own.registry.fails = ZeroDivisionError("secret")
    with capture_logs():
        answer = await own.ask("POST", "/gateway/backend/activate/a")
    assert answer.status == 500
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_endpoint_is_documented() -> None:
    page = DOCUMENTATION.read_text()
    own = Own()
    listed = routes(
        Management(own.registry, own.roster),
        Probes(lambda: own.readiness, own.siblings, ()),
        Page("gw-1", own.roster, lambda: own.readiness),
        own.metrics(),
        Explaining(own.explain),
    )
    assert len(listed) > 15
    for route in listed:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            heading = f"### `{method} {route.path.replace(':path}', '}')}`"
            assert f"{heading}\n" in page, f"docs/api.md has no section {heading}"


EXAMPLE = re.compile(
    r"```sh\n(?P<command>curl [^\n]+)\n```\n\nAnswers `(?P<status>\d+)`[^\n]*\n(\n```\w+\n(?P<body>[^`]*)\n```)?"
)


async def test_the_documentations_examples_are_true() -> None:
    own = Own()
    page = DOCUMENTATION.read_text()
    examples = list(EXAMPLE.finditer(page))
    assert len(examples) == page.count("\ncurl ")
    for example in examples:
        method, target, headers, body = read_curl(example["command"])
        answer = await own.ask(method, target, body, headers)
        assert answer.status == int(example["status"]), example["command"]
        if example["body"] is not None:
            assert answer.text == example["body"], example["command"]


def read_curl(command: str) -> tuple[str, str, dict[str, str], str]:
    method, target, headers, body = "GET", "", {}, ""
    words = iter(shlex.split(command)[1:])
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d" | "--data-binary":
                body = next(words)
            case url:
                target = url.removeprefix("http://localhost:8080")
    return method, target, headers, body
