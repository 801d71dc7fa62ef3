"""What operators, monitors and browsers ask, held against the simulator and a real Trino alike."""

import re
from urllib.parse import urlsplit

import pytest

from tests.simulator.asking import ALICE, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "20200101_000000_00000_abcde"
LONG = "SELECT count(*) FROM tpch.tiny.lineitem a CROSS JOIN tpch.tiny.lineitem b WHERE a.comment > b.comment || 'x'"
WHO = "Basic authentication or X-Trino-Original-User or X-Trino-User must be sent"
GONE = "Error 410 Gone: HTTP 410 Gone"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_info_needs_nobody(trino: Client) -> None:
    info = (await trino.ask("GET", "/v1/info")).json()

    assert list(info)[:5] == ["nodeVersion", "environment", "coordinator", "starting", "uptime"]
    assert info["coordinator"] is True
    assert info["starting"] is False
    assert re.fullmatch(r"\d+\.\d\d[a-z]+", info["uptime"])


@pytest.mark.parametrize("path", ["/v1/info", "/v1/info/", "/v1/info/state", "/v1/info/coordinator", "/v1/status"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_is_told_to_everyone(trino: Client, method: str, path: str) -> None:
    answer = await trino.ask(method, path)

    assert answer.status == 200
    assert method == "GET" or answer.body == b""


async def test_the_state_is_a_word(trino: Client) -> None:
    assert (await trino.ask("GET", "/v1/info/state")).body == b'"ACTIVE"'


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("PUT", "/v1/info", "GET,OPTIONS"), ("DELETE", "/v1/info", "GET,OPTIONS"), ("POST", "/v1/query/x", "DELETE,GET,OPTIONS")],
)  # fmt: skip
async def test_other_methods_are_told_what_is_allowed(trino: Client, method: str, path: str, allow: str) -> None:
    answer = await trino.ask(method, path, ALICE)

    assert (answer.status, answer.headers["Allow"], answer.body) == (405, allow, b"")


@pytest.mark.parametrize("path", ["/v1/nosuch", "/v1/statement/queued/x"])
async def test_what_there_is_not_is_not_found(trino: Client, path: str) -> None:
    answer = await trino.ask("GET", path, ALICE)

    assert (answer.status, answer.text) == (404, "Error 404 Not Found: HTTP 404 Not Found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/query/{UNKNOWN}"),
        ("GET", "/v1/query"),
        ("DELETE", f"/v1/query/{UNKNOWN}"),
        ("PUT", f"/v1/query/{UNKNOWN}/killed"),
        ("GET", "/v1/node"),
    ],
)
async def test_queries_are_told_to_users_only(trino: Client, method: str, path: str) -> None:
    answer = await trino.ask(method, path)

    assert (answer.status, answer.text) == (401, WHO)
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Trino"'


@pytest.mark.parametrize("query_id", [UNKNOWN, "notanid"])
async def test_an_unknown_query_is_gone(trino: Client, query_id: str) -> None:
    got = await trino.ask("GET", f"/v1/query/{query_id}", ALICE)
    head = await trino.ask("HEAD", f"/v1/query/{query_id}", ALICE)

    assert (got.status, got.text) == (410, GONE)
    assert head.status == 410


async def test_a_known_query_is_told_to_any_user(trino: Client) -> None:
    query_id = (await trino.run("SELECT 1")).query_id

    full = (await trino.ask("GET", f"/v1/query/{query_id}", {"X-Trino-User": "bob"})).json()
    pruned = (await trino.ask("GET", f"/v1/query/{query_id}?pruned=true", ALICE)).json()

    assert [full[key] for key in ("queryId", "state", "query")] == [query_id, "FINISHED", "SELECT 1"]
    assert full["session"]["user"] == "alice"
    assert full["self"] == f"{trino.url}/v1/query/{query_id}"
    assert (await trino.ask("HEAD", f"/v1/query/{query_id}", ALICE)).status == 200
    assert pruned["pruned"] is True


async def test_queries_are_listed_by_state(trino: Client) -> None:
    done = (await trino.run("SELECT 1")).query_id
    running = await trino.until_executing(LONG)

    async def ids(state: str) -> set[str]:
        answer = await trino.ask("GET", f"/v1/query{state}", {**ALICE})
        return {query["queryId"] for query in answer.json()}

    assert {done, running["id"]} <= await ids("")
    assert done in await ids("?state=FINISHED")
    assert done not in await ids("?state=failed")
    await trino.ask("DELETE", running["nextUri"])


async def test_an_unknown_state_is_an_accident(trino: Client) -> None:
    answer = await trino.ask("GET", "/v1/query?state=BOGUS", ALICE)

    assert answer.status == 500
    assert "No enum constant io.trino.execution.QueryState.BOGUS" in answer.text


async def test_deleting_a_query_says_nothing(trino: Client) -> None:
    page = await trino.until_executing(LONG)

    known = await trino.ask("DELETE", f"/v1/query/{page['id']}", ALICE)
    unknown = await trino.ask("DELETE", f"/v1/query/{UNKNOWN}", ALICE)

    assert (known.status, unknown.status) == (204, 204)
    told = (await trino.ask("GET", f"/v1/query/{page['id']}", ALICE)).json()
    assert told["errorCode"]["name"] == "USER_CANCELED"


async def ended(trino: Client, address: str) -> str:
    """The error at a query's end, seen by its client."""
    page = (await trino.ask("GET", address)).json()
    while "nextUri" in page:
        page = (await trino.ask("GET", page["nextUri"])).json()
    return str(page["error"]["errorName"] + ": " + page["error"]["message"])


async def test_a_query_can_be_killed_once(trino: Client) -> None:
    page = await trino.until_executing(LONG)
    path = f"/v1/query/{page['id']}/killed"
    headers = {**ALICE, "Content-Type": "application/json"}

    first = await trino.ask("PUT", path, headers, '"because"')
    again = await trino.ask("PUT", path, headers, '"because"')
    unknown = await trino.ask("PUT", f"/v1/query/{UNKNOWN}/killed", headers, '"because"')

    assert (first.status, again.status) == (202, 409)
    assert (unknown.status, unknown.text) == (410, GONE)
    assert (await ended(trino, page["nextUri"])).startswith("ADMINISTRATIVELY_KILLED: Query killed. Message: ")


async def test_a_query_can_be_preempted(trino: Client) -> None:
    page = await trino.until_executing(LONG)
    headers = {**ALICE, "Content-Type": "application/json"}

    answer = await trino.ask("PUT", f"/v1/query/{page['id']}/preempted", headers, '"because"')

    assert answer.status == 202
    assert (await ended(trino, page["nextUri"])).startswith("ADMINISTRATIVELY_PREEMPTED: Query preempted. Message: ")
    told = (await trino.ask("GET", f"/v1/query/{page['id']}", ALICE)).json()
    assert told["errorCode"]["code"] == 131080


async def test_sql_kills_queries_too(trino: Client) -> None:
    page = await trino.until_executing(LONG)
    call = "CALL system.runtime.kill_query(query_id => '{}', message => 'because')"

    killed = await trino.run(call.format(page["id"]))
    again = await trino.run(f"CALL system.runtime.kill_query('{page['id']}', 'x')")
    unknown = await trino.run(call.format(UNKNOWN))

    assert (killed.error, killed.update_type) == (None, "CALL")
    assert await ended(trino, page["nextUri"]) == "ADMINISTRATIVELY_KILLED: Query killed. Message: because"
    assert again.error["message"] == f"Target query is not running: {page['id']}"
    assert again.error["errorName"] == "NOT_SUPPORTED"
    assert unknown.error["message"] == f"Target query not found: {UNKNOWN}"
    assert unknown.error["errorName"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("path", "location"),
    [("/", "/ui/"), ("/ui", "/ui/"), ("/ui/", "/ui/login.html"), ("/ui/login", "/ui/login.html?/ui/login")],
)
async def test_browsers_are_led_to_the_login(trino: Client, path: str, location: str) -> None:
    answer = await trino.ask("GET", path)

    assert (answer.status, answer.headers["Location"]) == (303, trino.url + location)


async def test_the_ui_wants_its_cookie_not_a_header(trino: Client) -> None:
    answer = await trino.ask("GET", "/ui/api/stats", ALICE)

    assert (answer.status, answer.text) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Trino-Form-Login"


async def test_a_login_opens_the_statistics(trino: Client) -> None:
    login = await trino.ask("POST", "/ui/login", FORM, "username=alice&password=&redirectPath=")
    cookie, *attributes = login.headers["Set-Cookie"].split(";")

    stats = await trino.ask("GET", "/ui/api/stats", {"Cookie": cookie})
    cluster = await trino.ask("GET", "/ui/api/cluster", {"Cookie": cookie})
    page = await trino.ask("GET", "/ui/", {"Cookie": cookie})
    logout = await trino.ask("GET", "/ui/logout", {"Cookie": cookie})

    assert (login.status, login.headers["Location"]) == (303, f"{trino.url}/ui/")
    assert cookie.startswith("Trino-UI-Token=")
    assert attributes == ["Version=1", "Path=/ui", "HttpOnly"]
    assert list(stats.json()) == [
        "runningQueries", "blockedQueries", "queuedQueries", "activeCoordinators", "activeWorkers", "runningDrivers",
        "totalAvailableProcessors", "reservedMemory", "totalInputRows", "totalInputBytes", "totalCpuTimeSecs",
    ]  # fmt: skip
    assert list(cluster.json()) == ["nodeVersion", "environment", "uptime"]
    assert page.headers["Content-Type"] == "text/html"
    assert logout.headers["Set-Cookie"] == "Trino-UI-Token=delete;Version=1;Path=/ui;Max-Age=0;HttpOnly"


@pytest.mark.parametrize("form", ["username=&password=", "username=alice&password=secret"])
async def test_a_login_without_a_name_or_with_a_password_is_refused(trino: Client, form: str) -> None:
    answer = await trino.ask("POST", "/ui/login", FORM, form)

    assert urlsplit(answer.headers["Location"]).path == "/ui/login.html"
    assert "Set-Cookie" not in answer.headers


async def test_a_cookie_made_up_opens_nothing(trino: Client) -> None:
    made_up = "Trino-UI-Token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6MTc5NTQzMjY4NX0.TmwoyDv5yl9W"

    assert (await trino.ask("GET", "/ui/api/stats", {"Cookie": made_up})).status == 401


async def test_the_cookie_is_secure_when_the_client_came_by_https(trino: Client) -> None:
    headers = {**FORM, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "gw.example"}

    answer = await trino.ask("POST", "/ui/login", headers, "username=alice&password=&redirectPath=")

    assert answer.headers["Location"] == "https://gw.example/ui/"
    assert answer.headers["Set-Cookie"].split(";")[1:] == ["Version=1", "Path=/ui", "Secure", "HttpOnly"]
