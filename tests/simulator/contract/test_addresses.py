"""What forwarded headers do to the addresses in answers, held against the simulator and a real Trino alike."""

from urllib.parse import urlsplit

import pytest

from tests.simulator.asking import ALICE, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = "http://{here}"


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({}, HERE),
        ({"X-Forwarded-Host": "gw.example"}, "http://gw.example"),
        ({"X-Forwarded-Host": "gw.example:8443"}, "http://gw.example:8443"),
        ({"X-Forwarded-Host": "a.example, b.example"}, "http://a.example"),
        ({"X-Forwarded-Host": "[::1]:99"}, "http://[::1]:99"),
        ({"X-Forwarded-Proto": "https"}, "https://{here}"),
        ({"X-Forwarded-Proto": "https, http"}, "https://{here}"),
        ({"X-Forwarded-Proto": "ftp"}, "ftp://{here}"),
        ({"X-Forwarded-Port": "8443"}, "http://127.0.0.1:8443"),
        ({"X-Forwarded-Port": "80"}, "http://127.0.0.1"),
        ({"X-Forwarded-Host": "gw.example", "X-Forwarded-Port": "8443"}, "http://gw.example:8443"),
        ({"X-Forwarded-Host": "gw.example:9", "X-Forwarded-Port": "8443"}, "http://gw.example:9"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gw.example"}, "https://gw.example"),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gw.example:443"}, "https://gw.example"),
        (
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "gw.example", "X-Forwarded-Port": "443"},
            "https://gw.example",
        ),
        ({"X-Forwarded-Host": "gw.example", "X-Forwarded-Port": "443"}, "http://gw.example:443"),
        ({"X-Forwarded-Host": "gw.example:80"}, "http://gw.example"),
        ({"X-Forwarded-Prefix": "/trino"}, "http://{here}/trino"),
        ({"X-Forwarded-Prefix": "/trino/"}, "http://{here}/trino"),
        ({"X-Forwarded-Prefix": "/@blue"}, "http://{here}/@blue"),
        ({"X-Forwarded-Prefix": "bare"}, "http://{here}/bare"),
        ({"X-Forwarded-Host": "a.example", "X-Forwarded-Prefix": "/a/b"}, "http://a.example/a/b"),
        ({"X-Forwarded-Context": "/ctx"}, HERE),
        ({"X-Forwarded-For": "10.1.2.3, 10.9.9.9"}, HERE),
        ({"Forwarded": "for=10.1.2.3;proto=https;host=gw.example"}, "https://gw.example:{port}"),
        ({"Forwarded": "for=10.1.2.3"}, HERE),
    ],
    ids=lambda value: " ".join(f"{k[12:]}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
async def test_addresses_follow_what_is_forwarded(trino: Client, headers: dict[str, str], base: str) -> None:
    here = urlsplit(trino.url)
    expected = base.format(here=here.netloc, port=here.port)

    answer = await trino.ask("POST", "/v1/statement", {**ALICE, **headers}, "SELECT 1")
    page = answer.json()

    assert page["nextUri"].startswith(f"{expected}/v1/statement/queued/")
    assert page["infoUri"] == f"{expected}/ui/query.html?{page['id']}"


async def test_later_pages_follow_the_headers_of_their_own_request(trino: Client) -> None:
    page = await trino.until_executing("SELECT 1")
    headers = {"X-Forwarded-Host": "gw.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/@blue"}

    following = (await trino.ask("GET", page["nextUri"], headers)).json()

    assert following["nextUri"].startswith("https://gw.example/@blue/v1/statement/executing/")
    assert following["partialCancelUri"].startswith("https://gw.example/@blue/v1/statement/executing/partialCancel/")


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"X-Forwarded-Host": "gw.example", "X-Forwarded-Port": "abc"}, "X-Forwarded-Port"),
        ({"X-Forwarded-Host": "a b/c"}, "X-Forwarded-Host"),
    ],
)
async def test_a_bad_host_or_port_is_refused(trino: Client, headers: dict[str, str], name: str) -> None:
    answer = await trino.ask("POST", "/v1/statement", {**ALICE, "Accept": "text/plain", **headers}, "SELECT 1")

    assert answer.status == 400
    assert answer.text == (
        f"HTTP ERROR 400 Bad header value for {name}\nURI: {trino.url}/v1/statement\nSTATUS: 400\n"
        f"MESSAGE: Bad header value for {name}\n"
    )
    assert answer.headers["Content-Type"] == "text/plain;charset=iso-8859-1"
    assert answer.headers["Cache-Control"] == "must-revalidate,no-cache,no-store"


async def test_the_host_alone_names_the_address(trino: Client) -> None:
    port = urlsplit(trino.url).port

    answer = await trino.ask("POST", "/v1/statement", {**ALICE, "Host": f"localhost:{port}"}, "SELECT 1")

    assert answer.json()["nextUri"].startswith(f"http://localhost:{port}/v1/statement/")
