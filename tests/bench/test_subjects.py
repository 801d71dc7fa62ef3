import os
import shutil
from pathlib import Path

import pytest

from bench.processes import BenchFailed
from bench.subjects import ask, fixed_answers, held_answers, place_query, register, warren
from bench.traffic import INFO, INFO_BODY, LARGE, LARGE_BYTES, POLL

pytestmark = pytest.mark.slow

CORES = os.sched_getaffinity(0)
READY = "/trino-gateway/readyz"


def test_the_cluster_that_holds_polls_says_at_once_that_it_is_well(tmp_path: Path) -> None:
    cluster = held_answers(tmp_path, CORES)
    with cluster.program:
        cluster.wait_for(INFO)
        assert ask(cluster.port, INFO) == (200, INFO_BODY.encode())


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_warren_forwards_the_polled_query_and_knows_its_cluster_after_a_restart(tmp_path: Path) -> None:
    for name in ("answers", "warren"):
        (tmp_path / name).mkdir()
    cluster = fixed_answers(tmp_path / "answers", CORES, stream_bytes=1)
    gateway = warren(tmp_path / "warren", CORES)
    with cluster.program, gateway.program:
        cluster.wait_for(INFO)
        gateway.wait_for(READY)
        register(gateway, cluster)
        place_query(gateway)
        assert len(ask(gateway.port, LARGE)[1]) == LARGE_BYTES

        gateway.program.stop()

        assert 0 < gateway.start_until_answered(POLL) < 30


def test_a_gateway_without_clusters_is_not_measured(tmp_path: Path) -> None:
    gateway = warren(tmp_path, CORES)
    with gateway.program:
        gateway.wait_for(READY)
        with pytest.raises(BenchFailed, match="Warren answered a statement with 503"):
            place_query(gateway)
