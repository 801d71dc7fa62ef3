"""nginx itself reads these configurations; without it there is nobody to ask."""

import http.client
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.subjects import Subject, ask, fixed_answers, nginx_proxy, place_query
from bench.traffic import (
    CLIENT_INFO,
    COORDINATOR_ID,
    INFO,
    LARGE,
    LARGE_BYTES,
    PAGE_BYTES,
    PLEASE_KNOWN,
    POLL,
    QUERY_ID,
    SQL,
    STATEMENT,
    STREAM,
)
from warren.model import QueryId
from warren.protocol.ids import coordinator_id

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")]

STREAM_BYTES = 3 * 1024 * 1024
CORES = os.sched_getaffinity(0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    subject = fixed_answers(tmp_path_factory.mktemp("answers"), CORES, stream_bytes=STREAM_BYTES)
    with subject.program:
        subject.wait_for(INFO)
        yield subject


@pytest.fixture(scope="module")
def proxy(cluster: Subject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    subject = nginx_proxy(tmp_path_factory.mktemp("proxy"), CORES, cluster=cluster)
    with subject.program:
        subject.wait_for(INFO)
        yield subject


def test_the_cluster_says_that_it_is_a_coordinator_at_work(cluster: Subject) -> None:
    status, body = ask(cluster.port, INFO)

    said = json.loads(body)
    assert (status, said["coordinator"], said["starting"], said["coordinatorId"]) == (200, True, False, COORDINATOR_ID)


def test_every_statement_gets_an_id_of_its_own_also_on_one_connection(cluster: Subject) -> None:
    ids: list[str] = []
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=10)
        for _ in range(3):
            connection.request("POST", STATEMENT, SQL)
            page = connection.getresponse().read()
            assert len(page) == PAGE_BYTES
            ids.append(json.loads(page)["id"])
        connection.close()

    assert len(set(ids)) == 9
    assert {coordinator_id(QueryId(each)) for each in ids} == {COORDINATOR_ID}


def test_who_asks_for_the_polled_query_gets_it(cluster: Subject) -> None:
    _, body = ask(cluster.port, STATEMENT, body=SQL, headers={CLIENT_INFO: PLEASE_KNOWN})

    assert json.loads(body)["id"] == QUERY_ID


def test_the_answers_have_the_lengths_that_are_announced(cluster: Subject) -> None:
    lengths = [len(ask(cluster.port, target)[1]) for target in (POLL, LARGE, STREAM)]

    assert lengths == [PAGE_BYTES, LARGE_BYTES, STREAM_BYTES]


def test_the_yardstick_passes_the_same_bytes_on(cluster: Subject, proxy: Subject) -> None:
    place_query(proxy)

    assert ask(proxy.port, LARGE) == ask(cluster.port, LARGE)


def test_nothing_is_left_of_a_stopped_nginx(cluster: Subject, tmp_path: Path) -> None:
    subject = nginx_proxy(tmp_path, CORES, cluster=cluster)
    with subject.program:
        subject.wait_for(INFO)
        pid = subject.program.pid

    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(ConnectionRefusedError):
        ask(subject.port, INFO)
