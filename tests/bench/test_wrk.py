from pathlib import Path

import pytest

from bench.traffic import SQL
from bench.wrk import Load, parse, write_submission_script

WELL = """\
Running 2s test @ http://127.0.0.1:9002/v1/statement
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.12ms    2.50ms  43.18ms   95.09%
    Req/Sec    33.50k     2.10k   36.00k    75.00%
  Latency Distribution
     50%  556.00us
     75%    0.91ms
     90%    1.40ms
     99%   10.32ms
  66668 requests in 2.01s, 60.53MB read
Requests/sec:  33168.16
Transfer/sec:     30.11MB
"""
ILL = """\
  Latency Distribution
     50%    1.02s
     75%    1.10s
     90%    1.20s
     99%    1.50m
  9934 requests in 1.10m, 9.02MB read
  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
Requests/sec:   1655.63
"""


def test_a_run_that_went_well_is_read_whole() -> None:
    load = parse(WELL)

    assert load == Load(requests=66668, seconds=2.01, p50_seconds=556e-6, p99_seconds=10.32 * 1e-3, failed=0)
    assert load.per_second == pytest.approx(33168.16, rel=1e-3)


def test_everything_that_failed_is_counted_and_long_times_are_understood() -> None:
    load = parse(ILL)

    assert load.failed == 54321
    assert (load.seconds, load.p50_seconds, load.p99_seconds) == (66.0, 1.02, 90.0)


@pytest.mark.parametrize(
    "output", ["", "unable to connect to 127.0.0.1:9002 Connection refused", WELL.replace("99%", "98%")]
)
def test_other_output_is_no_figure(output: str) -> None:
    with pytest.raises(ValueError, match="not the output of wrk"):
        parse(output)


def test_the_submission_script_sends_the_statement(tmp_path: Path) -> None:
    said = write_submission_script(tmp_path).read_text()

    assert 'wrk.method = "POST"' in said
    assert f'wrk.body = "{SQL}"' in said
    assert "delay" not in said


def test_with_a_pause_each_connection_waits_before_its_next_statement(tmp_path: Path) -> None:
    fast, slow = write_submission_script(tmp_path), write_submission_script(tmp_path, pause_milliseconds=200)

    assert slow.read_text() == fast.read_text() + "function delay() return 200 end\n"
