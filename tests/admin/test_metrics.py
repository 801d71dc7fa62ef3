from tests.admin.own import Own
from tests.fixtures.openmetrics import families
from warren.admin.entrance import CLIENT_ADDRESS
from warren.telemetry.metrics import Metric, Sample

SAMPLES = [Sample(Metric.CLIENT_CONNECTIONS, (), 7)]
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0, */*;q=0.1"}


async def test_metrics_are_plain_text_for_whoever_does_not_say_more() -> None:
    answer = await Own(samples=SAMPLES).ask("GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert "warren_client_connections 7.0\n" in answer.text


async def test_metrics_are_openmetrics_for_those_who_read_that() -> None:
    answer = await Own(samples=SAMPLES).ask("GET", "/metrics", headers=OPENMETRICS)
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    (family,) = families(answer.text)
    assert family.samples[0].value == 7


async def test_the_state_of_the_cache_is_shown_as_it_is() -> None:
    state = {"distributedCache": {"enabled": False}, "tiers": {}}
    answer = await Own(cache_state=state).ask("GET", "/trino-gateway/api/distributedCache")
    assert (answer.status, answer.json()) == (200, state)


async def test_both_are_for_those_alone_whom_the_api_lets_in() -> None:
    own = Own(samples=SAMPLES, allow_from=["10.0.0.0/8"])
    for path in ("/metrics", "/trino-gateway/api/distributedCache"):
        assert (await own.ask("GET", path)).status == 403
        assert (await own.ask("GET", path, headers={CLIENT_ADDRESS: "10.1.2.3"})).status == 200
