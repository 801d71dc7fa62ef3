import pytest
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from tests.admin.own import EVERYWHERE, Own, ask, cluster, roster_of
from warren.admin.entrance import CLIENT_ADDRESS, Entrance, client_address

DEACTIVATE = "/gateway/backend/deactivate/a"


async def deactivate(headers: dict[str, str]) -> int:
    own = Own(roster_of(cluster("a")))
    answer = await own.ask("POST", DEACTIVATE, headers=headers)
    is_active = own.roster.value.clusters[0].active
    assert is_active == (answer.status == 403)
    return answer.status


@pytest.mark.parametrize(
    ("networks", "address", "enters"),
    [
        (EVERYWHERE, "203.0.113.9", True),
        (EVERYWHERE, "2001:db8::1", True),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["10.0.0.0/8"], "11.1.2.3", False),
        (["10.0.0.0/8"], "2001:db8::1", False),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
        ([], "127.0.0.1", False),
        (EVERYWHERE, "", False),
        (EVERYWHERE, "localhost", False),
        (EVERYWHERE, "10.0.0.1, 10.0.0.2", False),
    ],
)
@pytest.mark.parametrize(
    "path", ["/gateway/backend/all", "/api/public/backends", "/entity", "/trino-gateway", "/nowhere"]
)
async def test_only_those_of_the_allowed_networks_enter(
    networks: list[str], address: str, path: str, enters: bool
) -> None:
    answer = await Own(allow_from=networks).ask("GET", path, headers={CLIENT_ADDRESS: address})
    assert (answer.status != 403) == enters
    assert enters or "adminAllowFrom" in answer.text


@pytest.mark.parametrize("path", ["/trino-gateway/livez", "/trino-gateway/readyz"])
async def test_health_is_told_to_everybody(path: str) -> None:
    assert (await Own(allow_from=[]).ask("GET", path)).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/gateway/backend/all", 200), ("POST", DEACTIVATE, 403)]
)
async def test_who_comes_from_inside_may_look_at_everything_and_change_nothing(
    method: str, path: str, status: int
) -> None:
    """Requests of clients always have the header: the data plane sets it."""
    own = Own(roster_of(cluster("a")), allow_from=[])
    assert (await ask(own.app, method, path)).status == status


def test_an_address_given_twice_is_nobodys() -> None:
    name = CLIENT_ADDRESS.lower().encode()
    assert client_address(Headers(raw=[(name, b"10.0.0.1"), (name, b"10.0.0.2")])) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://gw.example"},
        {"Origin": "https://GW.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://gw.example", "Host": "gw.example:443"},
        {"Origin": "http://gw.example:8080", "Host": "gw.example:8080"},
        {"Origin": "https://public.example", "X-Forwarded-Host": "public.example"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_changes_are_taken_from_programs_and_from_this_site(headers: dict[str, str]) -> None:
    assert await deactivate(headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://"},
        {"Origin": "http://gw.example:81"},
        {"Origin": "http://gw.example.evil.example"},
        {"Origin": "http://sub.gw.example", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "Cross-Site", "Origin": "http://gw.example"},
    ],
)
async def test_changes_that_a_foreign_page_asks_for_are_refused(headers: dict[str, str]) -> None:
    assert await deactivate(headers) == 403


async def test_reading_is_not_changing() -> None:
    answer = await Own().ask("GET", "/gateway/backend/all", headers={"Origin": "http://evil.example"})
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/gateway", "/nowhere", "/trino-gateway", "/trino-gateway/livez"])
@pytest.mark.parametrize("networks", [EVERYWHERE, ()])
async def test_every_answer_carries_the_protecting_headers(path: str, networks: tuple[str, ...]) -> None:
    answer = await Own(allow_from=networks).ask("GET", path)
    assert answer.headers.getlist("x-content-type-options") == ["nosniff"]
    assert answer.headers.getlist("cache-control") == ["no-store"]
    assert len(answer.headers.getlist("date")) == 1
    assert "server" not in answer.headers


async def test_a_client_that_leaves_is_no_error() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        raise ClientDisconnect

    with capture_logs() as logs:
        await ask(Entrance(app, instance="gw-1", allow_from=[]), "GET", "/trino-gateway/livez")
    assert [entry["log_level"] for entry in logs] == ["debug"]


async def test_a_bug_is_logged_with_its_trace_and_without_the_path() -> None:
    own = Own()
    own.registry.fails = ZeroDivisionError("oops")
    with capture_logs() as logs:
        await own.ask("POST", "/gateway/backend/activate/secret")
    assert [(entry["event"], entry["exc_info"]) for entry in logs] == [("admin_endpoint_failed", True)]
    assert "secret" not in str(logs)
