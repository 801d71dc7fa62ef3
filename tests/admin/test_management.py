import pytest
from structlog.testing import capture_logs

from tests.admin.own import JSON, Own, cluster, roster_of
from warren.admin.answers import LONGEST_BODY
from warren.admin.management import state_json
from warren.model import Health, HealthStatus

ADD = "/gateway/backend/modify/add"
UPDATE = "/gateway/backend/modify/update"
DELETE = "/gateway/backend/modify/delete"
ENTITY = "/entity?entityType=GATEWAY_BACKEND"


async def test_a_cluster_is_added_changed_and_removed() -> None:
    own = Own()
    assert (await own.ask("POST", ADD, '{"name": "a", "proxyTo": "http://a:8080"}', JSON)).status == 200
    assert own.roster.value.clusters == (cluster("a"),)
    assert (await own.ask("POST", "/gateway/backend/deactivate/a")).body == b""
    assert own.roster.value.clusters == (cluster("a", active=False),)
    assert (await own.ask("GET", "/gateway/backend/active")).json() == []
    assert (await own.ask("GET", "/trino-gateway/api/activeBackends")).json() == []
    update = '{"name": "a", "proxyTo": "http://b:8080", "routingGroup": "etl"}'
    assert (await own.ask("POST", UPDATE, update, JSON)).status == 200
    assert own.roster.value.clusters == (cluster("a", url="http://b:8080", group="etl"),)
    assert (await own.ask("POST", DELETE, "a")).status == 200
    assert not own.roster.value.clusters


async def test_a_name_that_is_taken_is_a_conflict_and_changes_nothing() -> None:
    own = Own(roster_of(cluster("a")))
    answer = await own.ask("POST", ADD, '{"name": "a", "proxyTo": "http://other"}', JSON)
    assert answer.status == 409
    assert UPDATE in answer.text
    assert own.roster.value.clusters == (cluster("a"),)


@pytest.mark.parametrize("name", ["a b", "team/a", "é", "a%2Fb"])
async def test_any_printable_name_can_be_used_in_a_path(name: str) -> None:
    own = Own(roster_of(cluster(name, url="http://a")))
    # The server decodes the path once before the app sees it.
    assert (await own.ask("POST", f"/gateway/backend/deactivate/{name}")).status == 200
    assert (await own.ask("POST", f"/gateway/backend/activate/{name}")).status == 200
    assert (await own.ask("GET", f"/api/public/backends/{name}")).status == 200
    state = (await own.ask("GET", f"/api/public/backends/{name}/state")).json()
    assert isinstance(state, dict)
    assert state["clusterId"] == name


@pytest.mark.parametrize("name", [" a", "a ", "a\n", '"a"', "A"])
async def test_deleting_takes_the_name_as_it_is(name: str) -> None:
    own = Own(roster_of(cluster("a")))
    assert (await own.ask("POST", DELETE, name)).status == 200
    assert own.roster.value.clusters == (cluster("a"),)


async def test_a_name_that_is_no_text_is_refused() -> None:
    assert (await Own().ask("POST", DELETE, b"\xff")).status == 400


@pytest.mark.parametrize("path", [ADD, UPDATE, DELETE, ENTITY])
async def test_a_body_of_more_than_a_megabyte_is_413(path: str) -> None:
    answer = await Own().ask("POST", path, b" " * (LONGEST_BODY + 1), JSON)
    assert answer.status == 413
    assert str(LONGEST_BODY) in answer.text


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
async def test_json_may_come_with_parameters(content_type: str) -> None:
    body = '{"name": "a", "proxyTo": "http://a"}'
    assert (await Own().ask("POST", ADD, body, {"Content-Type": content_type})).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/jsonx", ""])
@pytest.mark.parametrize("path", [ADD, UPDATE])
async def test_a_cluster_must_come_as_json(path: str, content_type: str) -> None:
    answer = await Own().ask("POST", path, '{"name": "a", "proxyTo": "http://a"}', {"Content-Type": content_type})
    assert answer.status == 415
    assert "application/json" in answer.text


async def test_an_entity_may_come_as_anything() -> None:
    own = Own()
    body = '{"name": "a", "proxyTo": "http://a:8080", "active": false}'
    assert (await own.ask("POST", ENTITY, body, {"Content-Type": "text/plain"})).status == 200
    assert own.roster.value.clusters == (cluster("a", active=False),)


async def test_changes_are_logged_with_who_made_them() -> None:
    own = Own(roster_of(cluster("a")))
    with capture_logs() as logs:
        await own.ask("POST", ADD, '{"name": "b", "proxyTo": "http://b"}', JSON)
        await own.ask("POST", UPDATE, '{"name": "b", "proxyTo": "http://c"}', JSON)
        await own.ask("POST", "/gateway/backend/deactivate/b")
        await own.ask("POST", "/gateway/backend/activate/b")
        await own.ask("POST", DELETE, "b")
        await own.ask("POST", DELETE, "nobody")
        await own.ask("POST", ADD, '{"name": "a", "proxyTo": "http://b"}', JSON)
    assert [entry["event"] for entry in logs] == [
        "cluster_added",
        "cluster_saved",
        "cluster_deactivated",
        "cluster_activated",
        "cluster_deleted",
    ]
    assert {(entry["cluster"], entry["by"]) for entry in logs} == {("b", "192.0.2.7")}


@pytest.mark.parametrize("status", list(HealthStatus))
def test_the_state_names_urls_once_the_cluster_was_observed(status: HealthStatus) -> None:
    state = state_json(cluster("a", group="etl"), Health(status))
    counts = ["clusterId", "runningQueryCount", "queuedQueryCount", "numWorkerNodes", "trinoStatus"]
    observed = status in {HealthStatus.HEALTHY, HealthStatus.UNHEALTHY}
    assert list(state) == counts + (["proxyTo", "externalUrl", "routingGroup"] if observed else [])
    assert state["trinoStatus"] == status.value


async def test_an_unknown_name_is_shown_without_its_control_characters() -> None:
    answer = await Own().ask("GET", "/api/public/backends/a\x1b[31m")
    assert answer.status == 404
    assert r"'a\x1b[31m'" in answer.text
