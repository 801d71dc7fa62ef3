"""What the gateway answers itself, through the one port that clients have."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.journeys.fake_cluster import answering, fake_cluster
from tests.journeys.scene import Answer, Connection, ask, eventually, gateway, run, submit
from warren.simulator.coordinator import Simulator
from warren.simulator.http.behaviour import Behaviour

GOLDEN = Path(__file__).parents[1] / "admin" / "golden"
NOT_YET = ("/webapp/", "/v1/", "/ui/")
"""Recorded requests that belong to later versions, or to clusters."""


def recorded(name: str) -> list[Any]:
    exchanges = json.loads((GOLDEN / name).read_text())
    return [each for each in exchanges if not each["request"]["path"].startswith(NOT_YET)]


@pytest.mark.parametrize("name", ["gateway_api_empty.json", "gateway_api_backends.json"])
async def test_scripts_for_the_java_gateway_get_what_they_know(tmp_path: Path, name: str) -> None:
    """Replayed on one connection. What is better here than there, the tests of the room `admin` list."""
    async with gateway(tmp_path) as here, await Connection.to(here.url) as client:
        for exchange in recorded(name):
            asked, told = exchange["request"], exchange["response"]
            answered = await client.ask(asked["method"], asked["path"], asked.get("body"), asked.get("headers"))
            if told["status"] == 500 or asked["path"] == "/trino-gateway":
                assert 400 <= answered.status < 500 or answered.status == 200, exchange["label"]
            elif answered.status != told["status"]:
                assert (exchange["label"], answered.status) == ("add bad url", 400)
            elif told["status"] == 200 and asked["method"] == "POST" and "body" in told:
                assert answered.text == told["body"], exchange["label"]


async def test_the_data_plane_tells_own_endpoints_who_asks_and_clients_cannot(tmp_path: Path) -> None:
    """The one header by which the API knows its caller is removed from what a client sends."""
    settings = {"adminAllowFrom": ["192.0.2.7/32"]}
    async with gateway(tmp_path, settings=settings) as here:
        for lie in ({}, {"X-Warren-Client-Address": "192.0.2.7"}, {"X-Forwarded-For": "192.0.2.7"}):
            refused = await ask("GET", f"{here.url}/gateway/backend/all", headers=lie)
            assert refused.status == 403
            assert "127.0.0.1 is in none of the networks of adminAllowFrom" in refused.text
        assert (await ask("GET", f"{here.url}/trino-gateway/readyz")).status == 200


async def test_behind_a_trusted_balancer_its_client_is_who_asks(tmp_path: Path) -> None:
    settings = {
        "adminAllowFrom": ["192.0.2.7/32"],
        "trustedProxies": ["127.0.0.0/8"],
        "serverConfig": {"http-server.process-forwarded": True},
    }
    async with gateway(tmp_path, settings=settings) as here:

        async def asked_by(chain: str) -> int:
            return (await ask("GET", f"{here.url}/gateway/backend/all", headers={"X-Forwarded-For": chain})).status

        assert await asked_by("192.0.2.7") == 200
        assert await asked_by("192.0.2.8") == 403
        assert await asked_by("192.0.2.7, 192.0.2.8") == 403, "the left one is the client's own word"


async def test_pages_of_other_sites_change_nothing(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:

        async def deactivated(headers: dict[str, str]) -> tuple[int, int]:
            """The status, and how many clusters are active afterwards."""
            await here.api("POST", "/gateway/backend/activate/blue")
            answered = await ask("POST", f"{here.url}/gateway/backend/deactivate/blue", headers=headers)
            return answered.status, len((await here.api("GET", "/gateway/backend/active")).json())

        ours = {"Origin": f"http://127.0.0.1:{here.port}"}
        for headers in ({}, ours, {**ours, "Sec-Fetch-Site": "same-origin"}):
            assert await deactivated(headers) == (200, 0)
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            assert await deactivated(headers) == (403, 1)


async def test_a_cluster_that_is_the_gateway_itself_is_a_loop_and_is_said_so(tmp_path: Path) -> None:
    async with gateway(tmp_path, settings={"clusterStatsConfiguration": {"monitorType": "NOOP"}}) as here:
        await here.add("itself", here.url)
        looped = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", {"X-Trino-User": "test"})
        assert looped.status == 508
        assert "a cluster's proxyTo leads back to it" in looped.text
        assert (await ask("GET", f"{here.url}/v1/info")).status == 508


async def test_internal_paths_of_the_java_gateway_are_not_there(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        assert (await ask("GET", f"{here.url}/trino-gateway/internal/route_to_backend")).status == 404


async def test_a_person_is_led_to_a_page_that_names_the_clusters(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        assert (await ask("GET", f"{here.url}/")).header("location") == "/trino-gateway"
        page = await ask("GET", f"{here.url}/trino-gateway")
        assert page.status == 200
        assert "blue" in page.text


async def test_readyz_tells_those_who_ask_for_it_how_things_are(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        told = (await ask("GET", f"{here.url}/trino-gateway/readyz", headers={"Accept": "application/json"})).json()
        assert told["ready"] is True
        assert told["details"]["clusters"]["blue"] == {"active": True, "status": "HEALTHY"}
        assert told["details"]["database"]["reachable"] is True


async def test_clusters_that_are_down_do_not_make_an_instance_unready(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await here.change("add", "dead", "http://127.0.0.1:1")
        await here.wait_for_status("dead", "UNHEALTHY")
        assert (await ask("GET", f"{here.url}/trino-gateway/readyz")).status == 200


async def test_targets_that_servers_read_differently_go_nowhere(tmp_path: Path) -> None:
    targets = ("/v1/statement/../info", "/v1/%2e%2e/info", "//evil.example/v1/info", "/v1/info\\x", "/v1/info%00", "*")
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        for target in targets:
            async with await Connection.to(here.url) as client:
                client.begin_raw(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert (await client.answer()).status == 400, target
        assert {request.path for request in blue.log.requests} == {"/v1/info"}, "by probes"
        assert all("Via" in dict(request.headers) for request in blue.log.requests)


# --- what clusters are told about the client, and make of it


async def shown(url: str, headers: dict[str, str]) -> Answer:
    """The cluster builds the URLs in this answer from the headers that it got."""
    return await ask("POST", f"{url}/v1/statement", "SELECT 1", {"X-Trino-User": "test", **headers})


TRUSTED = {"serverConfig": {"http-server.process-forwarded": True}, "trustedProxies": ["127.0.0.0/8"]}
UNTRUSTED = {"serverConfig": {"http-server.process-forwarded": True}, "trustedProxies": ["192.0.2.0/24"]}
IGNORED = {"serverConfig": {"http-server.process-forwarded": "IGNORE"}}
BALANCER = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "trino.example", "X-Forwarded-Port": "8443"}


@pytest.mark.parametrize(
    ("settings", "bases"),
    [
        (
            {},
            [
                ({}, "http://127.0.0.1:{port}"),
                ({"Host": "gw.example"}, "http://gw.example"),
                ({"Host": "gw.example:9000"}, "http://gw.example:9000"),
                (BALANCER, "https://trino.example:8443"),
                ({"X-Forwarded-Host": "trino.example"}, "http://trino.example"),
                ({"X-Forwarded-Proto": "https", "Host": "gw.example"}, "https://gw.example"),
                ({"X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil"}, "http://127.0.0.1:{port}"),
            ],
        ),
        (TRUSTED, [(BALANCER, "https://trino.example:8443")]),
        (UNTRUSTED, [(BALANCER, "http://127.0.0.1:{port}")]),
        (IGNORED, [(BALANCER, "http://127.0.0.1:{port}")]),
    ],
    ids=["absent", "trusted", "untrusted", "ignored"],
)
async def test_the_urls_in_answers_are_those_that_the_client_can_use(
    tmp_path: Path, settings: dict[str, Any], bases: list[tuple[dict[str, str], str]]
) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=settings) as here:
        for headers, base in bases:
            page = (await shown(here.url, headers)).page()
            assert page.next_uri is not None
            assert page.next_uri.startswith(base.replace("{port}", str(here.port)) + "/v1/statement/queued/"), headers


async def test_forwarded_headers_are_refused_where_that_is_written(tmp_path: Path) -> None:
    settings = {"serverConfig": {"http-server.process-forwarded": False}}
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=settings) as here:
        refused = await shown(here.url, {"X-Forwarded-Proto": "https"})
        assert refused.status == 406
        assert "http-server.process-forwarded is false" in refused.text
        assert (await shown(here.url, {})).status == 200


async def test_a_cluster_that_refuses_forwarded_headers_is_unhealthy_and_the_cure_is_named(tmp_path: Path) -> None:
    async with Simulator(process_forwarded=False) as blue, gateway(tmp_path) as here:
        await here.change("add", "blue", blue.url)
        await here.wait_for_status("blue", "UNHEALTHY")
        refused = await shown(here.url, {})
        assert refused.status == 503
        assert "http-server.process-forwarded=true" in refused.text


async def test_without_forwarded_headers_clusters_name_themselves(tmp_path: Path) -> None:
    settings = {"routing": {"forwardedHeadersEnabled": False}}
    async with (
        Simulator(process_forwarded=False) as blue,
        gateway(tmp_path, {"blue": blue.url}, settings=settings) as here,
    ):
        page = (await shown(here.url, {})).page()
        assert page.next_uri is not None
        assert page.next_uri.startswith(blue.url)


async def test_extra_paths_are_passed_to_clusters_and_no_others(tmp_path: Path) -> None:
    settings = {"extraWhitelistPaths": ["/custom/.*"]}
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}, settings=settings) as here:
        await ask("GET", f"{here.url}/custom/thing")
        assert blue.log.count("GET", "/custom/thing") == 1
        assert (await ask("GET", f"{here.url}/other/thing")).status == 404
        assert blue.log.count("GET", "/other/thing") == 0


async def test_the_path_of_a_cluster_stands_before_every_target(tmp_path: Path) -> None:
    page = b'{"id":"20261122_111727_00001_7q5ke","stats":{"state":"QUEUED"}}'
    async with fake_cluster(answering(200, page)) as blue, gateway(tmp_path) as here:
        await here.add("blue", f"{blue.url}/below/here/")
        assert (await here.api("GET", "/api/public/backends/blue")).json()["proxyTo"] == f"{blue.url}/below/here"
        await submit(here.url, "SELECT 1")
        await ask("GET", f"{here.url}/v1/statement/queued/20261122_111727_00001_7q5ke/y/1?a=b%2Fc")
        assert [head.split(b"\r\n")[0] for head in blue.asked] == [
            b"POST /below/here/v1/statement HTTP/1.1",
            b"GET /below/here/v1/statement/queued/20261122_111727_00001_7q5ke/y/1?a=b%2Fc HTTP/1.1",
        ]


async def test_other_requests_of_clients_reach_a_cluster_of_their_group(tmp_path: Path) -> None:
    async with Simulator() as blue, Simulator() as green, gateway(tmp_path, {"blue": blue.url}) as here:
        await here.add("green", green.url, group="etl")
        green.log.clear()
        answered = await ask(
            "GET", f"{here.url}/v1/node", headers={"X-Trino-Routing-Group": "etl", "X-Trino-User": "t"}
        )
        assert answered.status == 200
        assert green.log.count("GET", "/v1/node") == 1


async def test_what_a_cluster_gets_is_what_the_client_sent_but_for_the_hop(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        blue.log.clear()
        page = await submit(
            here.url,
            "SELECT 1",
            {
                "X-Trino-Session": "a=1",
                "X-Custom": "kept",
                "Connection": "x-hop, keep-alive",
                "X-Hop": "1",
                "X-Warren-Client-Address": "192.0.2.7",
                "Accept-Encoding": "gzip",
            },
        )
        assert page.next_uri is not None
        (got,) = [request for request in blue.log.requests if request.method == "POST"]
        fields = {name.lower(): value for name, value in got.headers}
        assert fields["x-custom"] == "kept"
        assert fields["x-trino-session"] == "a=1"
        assert fields["host"] == f"127.0.0.1:{blue.port}"
        assert fields["x-forwarded-for"] == "127.0.0.1"
        assert fields["via"].startswith("1.1 here-")
        assert fields["accept-encoding"] == "identity"
        assert not {"x-hop", "x-warren-client-address", "keep-alive"} & fields.keys()


async def test_prepared_statements_of_many_kilobytes_ride_in_a_header(tmp_path: Path) -> None:
    async with Simulator() as blue, gateway(tmp_path, {"blue": blue.url}) as here:
        sql = quote(f"SELECT length('{'x' * 50_000}')")
        page = await run(here.url, "EXECUTE many", {"X-Trino-Prepared-Statement": f"many={sql}"})
        assert page.rows == ((50_000,),)
        refused = await ask("POST", f"{here.url}/v1/statement", "SELECT 1", {"X-Large": "x" * 70_000})
        assert refused.status == 431


@pytest.mark.soak
async def test_an_instance_is_ready_after_five_seconds_although_a_cluster_says_nothing(tmp_path: Path) -> None:
    settings = {"serverConfig": {"monitor.http-client.request-timeout": "60s"}}
    async with Simulator() as blue:
        async with gateway(tmp_path, {"blue": blue.url}, settings=settings):
            pass
        await blue.behave(Behaviour(hang=True))
        began = asyncio.get_running_loop().time()
        async with gateway(tmp_path, settings=settings, ready=503) as here:
            told = await ask("GET", f"{here.url}/trino-gateway/readyz")
            assert told.text == "the first round of health checks is still under way"

            async def is_ready() -> bool:
                return (await ask("GET", f"{here.url}/trino-gateway/readyz")).status == 200

            await eventually(is_ready, "readyz to turn")
            assert 4.5 < asyncio.get_running_loop().time() - began < 10
