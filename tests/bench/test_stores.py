import os
import time
from pathlib import Path

import pytest
import valkey as client

from bench.processes import BenchFailed
from bench.stores import LOOPBACK, per_second, postgres, valkey

CORES = os.sched_getaffinity(0)


def test_a_pace_is_told_from_the_first_to_the_last_time() -> None:
    assert per_second([12.0, 10.0, 11.0, 13.0]) == 1.0


def test_one_batch_alone_has_no_pace() -> None:
    with pytest.raises(BenchFailed, match="1 batches of rows"):
        per_second([10.0])


@pytest.mark.slow
def test_valkey_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    server, port = valkey(tmp_path, CORES)
    with server, client.Valkey(LOOPBACK, port) as asking:
        server.wait_until(lambda: (tmp_path / "valkey.log").read_text().count("Ready") > 0, seconds=20, what="Valkey")
        assert asking.ping()
        pid = server.pid
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.slow
def test_postgres_counts_rows_commits_and_the_batches_in_which_rows_came(tmp_path: Path) -> None:
    database = postgres(tmp_path, CORES)
    with database.program:
        database.wait()
        history = database.new_database("gateway_test")
        assert history.settings["jdbcUrl"] == f"jdbc:postgresql://127.0.0.1:{database.port}/gateway_test"
        history.postgres.say(history.name, "CREATE TABLE query_history (created bigint)")
        for batch in ("(1000), (2000)", "(500)", "(3000), (3500)"):
            history.postgres.say(history.name, f"INSERT INTO query_history VALUES {batch}")

        assert history.rows() == 5
        assert sorted(history.batches(since=1000)) == [2.0, 3.5]
        until = time.monotonic() + 20
        while history.commits() < 4:
            assert time.monotonic() < until, "commits are told with a delay, but not with that one"
        with pytest.raises(BenchFailed, match=r'PostgreSQL refused SELECT.*"nothing" does not exist'):
            history.postgres.numbers(history.name, "SELECT * FROM nothing")
