from pathlib import Path

from tests.admin.own import Answer, Own, ask
from tests.fixtures.openmetrics import families
from warren.admin.entrance import CLIENT_ADDRESS
from warren.admin.metrics import TOLD
from warren.model import SiblingAnswer
from warren.telemetry.metrics import Metric, Sample
from warren.telemetry.summing import from_json
from warren.telemetry.told import Ended, Told

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


def taken(number: int) -> Sample:
    return Sample(Metric.STATEMENTS, ("taken",), number)


async def ask_from_inside(own: Own) -> Answer:
    return await ask(own.app, "GET", "/metrics")


async def test_another_worker_gets_numbers_that_are_written_down_under_the_name_it_gets(tmp_path: Path) -> None:
    own = Own(samples=[taken(3)], told=Told(tmp_path / "told-1-1.json"))
    answer = await ask_from_inside(own)
    assert await from_json(answer.body) == [taken(3)]
    assert answer.headers[TOLD] == "told-1-1.json"
    assert (tmp_path / "told-1-1.json").read_bytes() == answer.body


async def test_what_a_silent_worker_has_told_is_counted(tmp_path: Path) -> None:
    own = Own(samples=[taken(3)], told=Told(tmp_path / "told-1-1.json"))
    await ask_from_inside(Own(samples=[taken(4)], told=Told(tmp_path / "told-2-2.json")))
    own.siblings.answers = (SiblingAnswer(2, 7, error="did not answer"),)
    text = (await own.ask("GET", "/metrics")).text
    assert 'warren_statements_total{outcome="taken"} 7.0\n' in text
    assert 'warren_worker_up{slot="2"} 0.0\n' in text


async def test_an_answer_is_counted_instead_of_its_file(tmp_path: Path) -> None:
    own = Own(samples=[taken(3)], told=Told(tmp_path / "told-1-1.json"))
    answer = await ask_from_inside(Own(samples=[taken(4)], told=Told(tmp_path / "told-2-2.json")))
    own.siblings.answers = (SiblingAnswer(2, 7, 200, answer.body, told=answer.headers[TOLD]),)
    assert 'warren_statements_total{outcome="taken"} 7.0\n' in (await own.ask("GET", "/metrics")).text


async def test_one_that_ended_since_it_answered_is_counted_once(tmp_path: Path) -> None:
    ended = Ended(tmp_path)
    own = Own(samples=[taken(3)], told=Told(ended.file_for(1)))
    file = ended.file_for(2)
    answer = await ask_from_inside(Own(samples=[taken(4), *SAMPLES], told=Told(file)))
    own.siblings.answers = (SiblingAnswer(2, 7, 200, answer.body, told=answer.headers[TOLD]),)
    await ended.fold(file)
    text = (await own.ask("GET", "/metrics")).text
    assert 'warren_statements_total{outcome="taken"} 7.0\n' in text
    assert "warren_client_connections 7.0\n" in text


async def test_the_successor_in_the_same_slot_is_counted_as_well(tmp_path: Path) -> None:
    """By a worker that finishes what it has, and is asked on a connection that was kept open."""
    own = Own(samples=[taken(3)], told=Told(tmp_path / "told-1-1.json"))
    answer = await ask_from_inside(Own(samples=[taken(4)], told=Told(tmp_path / "told-1-2.json")))
    own.siblings.answers = (SiblingAnswer(1, 7, 200, answer.body, told=answer.headers[TOLD]),)
    assert 'warren_statements_total{outcome="taken"} 7.0\n' in (await own.ask("GET", "/metrics")).text
