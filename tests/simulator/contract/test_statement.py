"""The life of a statement: what the gateway relies on, held against the simulator and a real Trino alike."""

import re

import pytest

from tests.simulator.asking import ALICE, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "20200101_000000_00000_abcde"
SLUG = "y23ab545c64c190afd63f5636d467bb8f75420863"
LONG = "SELECT count(*) FROM tpch.tiny.lineitem a CROSS JOIN tpch.tiny.lineitem b WHERE a.comment > b.comment || 'x'"
"""Runs for some seconds anywhere."""
NOT_FOUND = "Error 404 Not Found: Query not found"


async def test_a_post_registers_and_names_the_first_address(trino: Client) -> None:
    answer = await trino.ask("POST", "/v1/statement", ALICE, "SELECT 1")
    page = answer.json()

    assert answer.status == 200
    assert answer.body.startswith(b'{"id":"')
    assert list(page) == ["id", "infoUri", "nextUri", "stats", "warnings"]
    assert re.fullmatch(r"\d{8}_\d{6}_\d{5}_[0-9a-z]{5}", page["id"])
    assert page["infoUri"] == f"{trino.url}/ui/query.html?{page['id']}"
    assert re.fullmatch(rf"{trino.url}/v1/statement/queued/{page['id']}/y[0-9a-f]{{40}}/1", page["nextUri"])
    assert page["stats"]["state"] == "QUEUED"
    assert answer.header_names - {"x-trino-query-data-encoding"} == {
        "vary",
        "content-type",
        "x-content-type-options",
        "content-length",
    }


async def test_a_statement_needs_a_user(trino: Client) -> None:
    answer = await trino.ask("POST", "/v1/statement", body="SELECT 1")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Trino"'
    assert answer.text == "Basic authentication or X-Trino-Original-User or X-Trino-User must be sent"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Trino-Original-User": "alice"}, 200),
        ({"Authorization": "Basic YWxpY2U6"}, 200),
        ({"Authorization": "Basic YWxpY2U6eA=="}, 401),
        ({"X-Trino-User": ""}, 401),
        ({"X-Presto-User": "alice"}, 401),
    ],
    ids=["original user", "basic", "basic with a password", "empty", "the old name"],
)
async def test_who_counts_as_a_user(trino: Client, headers: dict[str, str], status: int) -> None:
    assert (await trino.ask("POST", "/v1/statement", headers, "SELECT 1")).status == status


async def test_an_empty_statement_is_refused(trino: Client) -> None:
    answer = await trino.ask("POST", "/v1/statement", ALICE, b"")

    assert (answer.status, answer.text) == (400, "Error 400 Bad Request: SQL statement is empty")


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_only_post_submits(trino: Client, method: str) -> None:
    answer = await trino.ask(method, "/v1/statement", ALICE)

    assert (answer.status, answer.headers["Allow"], answer.body) == (405, "HEAD,POST,OPTIONS", b"")


async def test_a_query_goes_from_queued_to_executing_to_an_answer_without_next(trino: Client) -> None:
    pages = [page for page, _ in await trino.pages("SELECT 1")]

    phases = [page["nextUri"].split("/")[5] for page in pages[:-1]]
    assert phases == sorted(phases, reverse=True)
    assert set(phases) == {"queued", "executing"}
    assert [row for page in pages for row in page.get("data", [])] == [[1]]
    assert pages[-1]["stats"]["state"] == "FINISHED"
    assert len({page["id"] for page in pages}) == 1


async def test_each_token_has_its_own_slug(trino: Client) -> None:
    addresses = [page["nextUri"].split("/") for page, _ in (await trino.pages("SELECT 1"))[:-1]]

    assert len({(parts[5], parts[7], parts[8]) for parts in addresses}) == len(addresses)
    assert len({parts[7] for parts in addresses}) == len(addresses)


async def test_a_statement_that_is_never_polled_does_not_exist(trino: Client) -> None:
    page = await trino.submit("CREATE TABLE memory.default.never AS SELECT 1 a")

    answer = await trino.ask("GET", f"/v1/query/{page['id']}", ALICE)
    listed = await trino.ask("GET", "/v1/query", ALICE)

    assert (answer.status, answer.text) == (410, "Error 410 Gone: HTTP 410 Gone")
    assert page["id"] not in listed.text
    assert (await trino.run("SHOW TABLES FROM memory.default LIKE 'never'")).rows == []


async def test_a_head_starts_a_statement(trino: Client) -> None:
    page = await trino.submit("SELECT 1")

    answer = await trino.ask("HEAD", page["nextUri"])

    assert (answer.status, answer.body) == (200, b"")
    assert (await trino.ask("HEAD", f"/v1/query/{page['id']}", ALICE)).status == 200


async def test_a_repeated_poll_gets_the_same_page(trino: Client) -> None:
    page = await trino.until_executing("SELECT 1")

    while "nextUri" in page:
        first = await trino.ask("GET", page["nextUri"])
        again = await trino.ask("GET", page["nextUri"])
        assert first.body == again.body
        page = first.json()


async def test_a_queued_address_stays_good_while_it_executes(trino: Client) -> None:
    first = await trino.submit("SELECT 1")
    page, here = first, first["nextUri"]
    while "/executing/" not in page["nextUri"]:
        here = page["nextUri"]
        page = (await trino.ask("GET", here)).json()
    following = (await trino.ask("GET", page["nextUri"])).json()

    again = await trino.ask("GET", here)

    assert following["id"] == page["id"]
    assert again.status == 200
    assert again.json()["nextUri"] == page["nextUri"]


async def test_an_older_executing_address_is_gone(trino: Client) -> None:
    page = await trino.until_executing("SELECT 1")
    older = page["nextUri"]
    following = (await trino.ask("GET", older)).json()
    assert (await trino.ask("GET", following["nextUri"])).status == 200

    answer = await trino.ask("GET", older)

    assert (answer.status, answer.text) == (410, "Error 410 Gone: HTTP 410 Gone")


@pytest.mark.parametrize("headers", [{}, ALICE], ids=["nobody", "alice"])
@pytest.mark.parametrize("phase", ["queued", "executing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_an_unknown_query_is_not_found(trino: Client, method: str, phase: str, headers: dict[str, str]) -> None:
    answer = await trino.ask(method, f"/v1/statement/{phase}/{UNKNOWN}/{SLUG}/1", headers)

    assert answer.status == 404
    assert answer.text == ("" if method == "HEAD" else NOT_FOUND)


async def test_a_wrong_slug_or_token_is_not_found(trino: Client) -> None:
    page = await trino.submit("SELECT 1")
    good = page["nextUri"]

    for address in (good.replace("/y", "/y0"), good[:-1] + "0", good[:-1] + "7"):
        answer = await trino.ask("GET", address)
        assert (answer.status, answer.text) == (404, NOT_FOUND)
    answer = await trino.ask("GET", good[:-1] + "abc")
    assert (answer.status, answer.text) == (404, "")


async def test_a_partial_cancel_of_an_unknown_query_is_not_found(trino: Client) -> None:
    answer = await trino.ask("DELETE", f"/v1/statement/executing/partialCancel/{UNKNOWN}/0/{SLUG}/1")

    assert (answer.status, answer.text) == (404, NOT_FOUND)


async def test_a_cancelled_query_has_failed_and_its_next_page_says_so(trino: Client) -> None:
    page = await trino.until_executing(LONG)

    cancelled = await trino.ask("DELETE", page["nextUri"])
    told = await trino.ask("GET", f"/v1/query/{page['id']}", ALICE)
    after = await trino.ask("GET", page["nextUri"])

    assert (cancelled.status, cancelled.body) == (204, b"")
    assert told.json()["state"] == "FAILED"
    assert told.json()["errorCode"]["name"] == "USER_CANCELED"
    assert after.json()["error"]["errorName"] == "USER_CANCELED"
    assert "nextUri" not in after.json()
    assert (await trino.ask("DELETE", page["nextUri"])).status == 204


async def test_a_page_that_was_read_is_gone_after_a_cancel(trino: Client) -> None:
    page = await trino.until_executing(LONG)
    read = page["nextUri"]
    following = (await trino.ask("GET", read)).json()

    assert (await trino.ask("DELETE", following["nextUri"])).status == 204

    assert (await trino.ask("GET", read)).status == 500


async def test_a_statement_cancelled_before_its_first_poll_says_so(trino: Client) -> None:
    page = await trino.submit("SELECT 1")

    assert (await trino.ask("DELETE", page["nextUri"])).status == 204
    answer = await trino.ask("GET", page["nextUri"])

    assert answer.status == 200
    assert answer.json()["error"]["errorName"] == "USER_CANCELED"
    assert "nextUri" not in answer.json()


async def test_a_delete_after_the_last_page_is_harmless(trino: Client) -> None:
    pages = await trino.pages("SELECT 1")
    last_address = pages[-2][0]["nextUri"]

    assert (await trino.ask("DELETE", last_address)).status == 204
    assert (await trino.ask("GET", last_address)).status == 500


async def test_a_partial_cancel_ends_the_query_without_an_error(trino: Client) -> None:
    page = await trino.until_executing(LONG)
    while "partialCancelUri" not in page:
        page = (await trino.ask("GET", page["nextUri"])).json()

    assert (await trino.ask("DELETE", page["partialCancelUri"])).status == 204
    while "nextUri" in page:
        page = (await trino.ask("GET", page["nextUri"])).json()

    assert page["stats"]["state"] == "FINISHED"
    assert "error" not in page


async def test_pages_are_compressed_when_asked(trino: Client) -> None:
    headers = {**ALICE, "Accept-Encoding": "gzip"}

    page = await trino.ask("POST", "/v1/statement", headers, "SELECT 1")
    refusal = await trino.ask("POST", "/v1/statement", headers, b"")

    assert page.headers["Content-Encoding"] == "gzip"
    assert page.headers["Vary"] == "Accept-Encoding"
    assert page.json()["stats"]["state"] == "QUEUED"
    assert "Content-Encoding" not in refusal.headers


async def test_no_answer_names_the_server(trino: Client) -> None:
    for method, path in (("GET", "/v1/info"), ("POST", "/v1/statement"), ("GET", "/v1/nosuch"), ("GET", "/ui/")):
        answer = await trino.ask(method, path, ALICE)
        assert "Server" not in answer.headers, path


async def test_a_large_result_takes_several_pages_of_bounded_size(trino: Client) -> None:
    pages = await trino.pages("SELECT * FROM tpch.tiny.lineitem")

    with_data = [answer for page, answer in pages if "data" in page]
    assert len(with_data) > 1
    assert all(len(answer.body) < 2_000_000 for answer in with_data)


async def test_the_keys_of_pages_stand_in_trinos_order(trino: Client) -> None:
    order = [
        "id", "infoUri", "partialCancelUri", "nextUri", "columns", "data", "stats", "error", "warnings", "updateType",
        "updateCount",
    ]  # fmt: skip
    for sql in ("SELECT 1", "SELECT 1/0", "USE tpch.tiny", "SELEC"):
        for page, _ in await trino.pages(sql):
            assert list(page) == [key for key in order if key in page]
