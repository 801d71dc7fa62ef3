from bench.traffic import COORDINATOR_ID, HEADERS, INFO_BODY, LARGE, PAGE_BYTES, POLL, QUERY_ID, STREAM, page
from warren.model import QueryId
from warren.protocol.answers import pages
from warren.protocol.ids import coordinator_id
from warren.protocol.paths import FAST_FOLLOW


def test_a_page_is_as_long_as_trinos_and_names_its_query() -> None:
    answer = page(QUERY_ID).encode()

    assert len(answer) == PAGE_BYTES
    assert pages.query_id(answer) == QUERY_ID


def test_the_cluster_shows_the_coordinator_of_the_polled_query() -> None:
    assert coordinator_id(QueryId(QUERY_ID)) == COORDINATOR_ID
    assert f'"coordinatorId":"{COORDINATOR_ID}"' in INFO_BODY


def test_every_page_that_is_asked_for_takes_the_everyday_path_of_a_poll() -> None:
    for target in (POLL, LARGE, STREAM):
        assert FAST_FOLLOW.fullmatch(target.encode())


def test_a_poll_has_the_eight_headers_that_the_goal_names() -> None:
    assert len(HEADERS) == 8
