import asyncio
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import divided
from bench.figures import Key
from bench.measuring import QUICK, Cost, Place, measure, read_through
from bench.processes import BenchFailed
from tests.bench.test_tiers import OF_TIERS

BODY = b"x" * 100_000


async def answer_once(body: bytes) -> tuple[asyncio.Server, int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_a_stream_that_arrives_whole_is_read_to_its_end() -> None:
    server, port = await answer_once(BODY)
    async with server:
        await asyncio.to_thread(read_through, port, "/", length=len(BODY))


async def test_a_stream_that_is_cut_is_no_figure() -> None:
    server, port = await answer_once(BODY[:-1])
    async with server:
        with pytest.raises(BenchFailed, match="where 100000 and a head were due"):
            await asyncio.to_thread(read_through, port, "/", length=len(BODY))


def test_a_core_in_use_is_told_in_percent() -> None:
    assert Cost(microseconds=50, per_second=10_000).percent_of_a_core == 50


@pytest.mark.soak
@pytest.mark.skipif(not (shutil.which("nginx") and shutil.which("wrk")), reason="nginx or wrk is not installed")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two cores are needed")
def test_every_figure_beside_nginx_is_measured_and_everything_answered(tmp_path: Path) -> None:
    plan = replace(
        QUICK, seconds=1, repetitions=1, lone_repetitions=1, crowd_seconds=3, starts=1, stream_bytes=8 * 1024 * 1024
    )
    said: list[str] = []

    readings = measure(plan, Place(tmp_path, *divided(os.sched_getaffinity(0))), said.append)

    assert readings.keys() == set(Key) - OF_TIERS
    for key in (Key.POLL_CPU, Key.LARGE_ANSWER_CPU, Key.SUBMISSION_CPU, Key.IDLE_MEMORY, Key.START):
        assert all(pair.nginx and pair.warren > 0 for pair in readings[key])
    assert readings[Key.CROWD_ANSWERED][0].warren == 100
    assert any("submissions 1/1" in line for line in said)
