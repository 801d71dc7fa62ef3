import pytest

from tests.admin.own import JSON, Own
from warren.admin.explaining import Described, as_question

EXPLAIN = "/trino-gateway/api/explain"


def test_headers_are_taken_whatever_their_case_and_with_one_value_or_several() -> None:
    described = Described.model_validate_json(
        '{"sql": "SELECT 1", "headers": {"X-Trino-User": "ana", "a": ["1", "2"], "A": "3", "empty": []}, "path": "/ui"}'
    )
    assert as_question(described) == {
        "sql": "SELECT 1",
        "headers": {"x-trino-user": ["ana"], "a": ["1", "2", "3"]},
        "method": "POST",
        "path": "/ui",
        "query": None,
        "client_address": "127.0.0.1",
    }


async def test_a_described_request_is_explained() -> None:
    body = '{"sql": "SELECT 1", "headers": {"X-Trino-User": "ana", "x-trino-routing-group": ["etl"]}}'
    answer = await Own().ask("POST", EXPLAIN, body, JSON)
    assert answer.status == 200
    assert answer.json()["user"] == "ana"
    assert answer.json()["decision"]["because"] == "header X-Trino-Routing-Group says etl"


async def test_nothing_described_is_an_empty_statement() -> None:
    answer = await Own().ask("POST", EXPLAIN, "", JSON)
    assert answer.json()["goesTo"].startswith("no cluster, so 503: group adhoc")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "the body: Invalid JSON"),
        ("[]", "the body: Input should be an object"),
        ('{"sqll": "x"}', "sqll: Extra inputs are not permitted"),
        ('{"headers": {"a": 1}}', "headers.a"),
        ('{"sql": 5}', "sql: Input should be a valid string"),
    ],
)
async def test_what_is_no_description_is_refused_with_the_place(body: str, says: str) -> None:
    answer = await Own().ask("POST", EXPLAIN, body, JSON)
    assert answer.status == 400
    assert says in answer.json()["message"]


async def test_strangers_are_told_nothing() -> None:
    answer = await Own(allow_from=["10.0.0.0/8"]).ask("POST", EXPLAIN, "{}", JSON)
    assert answer.status == 403
