"""Spooled results: segments, their addresses and acknowledgements."""

import base64
import json
from typing import Any

import lz4.block
import pytest
import zstandard

from tests.simulator.asking import ALICE, Client

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENCODING = "X-Trino-Query-Data-Encoding"
SQL = "SELECT * FROM tpch.tiny.lineitem"


def unpacked(data: bytes, encoding: str, metadata: dict[str, Any]) -> list[Any]:
    assert len(data) == metadata["segmentSize"]
    if size := metadata.get("uncompressedSize"):
        if encoding == "json+zstd":
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
        else:
            data = lz4.block.decompress(data, uncompressed_size=size)
        assert len(data) == size
    rows: list[Any] = json.loads(data)
    assert len(rows) == metadata["rowsCount"]
    return rows


async def segments_of(trino: Client, sql: str, encoding: str, headers: dict[str, str] | None = None) -> list[Any]:
    pages = await trino.pages(sql, {ENCODING: encoding, **(headers or {})})
    if ENCODING not in pages[0][1].headers:
        pytest.skip("this Trino does not spool")
    assert all(answer.headers[ENCODING] == encoding for _, answer in pages)
    data = [page["data"] for page, _ in pages if "data" in page]
    assert all(list(one) == ["encoding", "segments"] and one["encoding"] == encoding for one in data)
    return [segment for one in data for segment in one["segments"]]


@pytest.mark.parametrize("encoding", ["json", "json+zstd", "json+lz4"])
async def test_segments_hold_all_rows_in_order(trino: Client, encoding: str) -> None:
    rows: list[Any] = []
    for segment in await segments_of(trino, SQL, encoding):
        assert segment["metadata"]["rowOffset"] == len(rows)
        if segment["type"] == "inline":
            data = base64.b64decode(segment["data"])
        else:
            answer = await trino.ask("GET", segment["uri"], segment.get("headers"))
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "application/octet-stream"
            data = answer.body
        rows += unpacked(data, encoding, segment["metadata"])

    count = await trino.run("SELECT count(*) FROM tpch.tiny.lineitem")
    assert [[len(rows)]] == count.rows
    assert len({(row[0], row[3]) for row in rows}) == len(rows)


async def test_a_small_result_is_inline(trino: Client) -> None:
    segments = await segments_of(trino, "SELECT 1", "json+zstd")

    assert [segment["type"] for segment in segments] == ["inline"]
    assert list(segments[0]) == ["type", "data", "metadata"]
    assert base64.b64decode(segments[0]["data"]) == b"[[1]]"


async def test_a_spooled_segment_is_read_and_acknowledged_by_anyone(trino: Client) -> None:
    segments = await segments_of(trino, SQL, "json+zstd")
    spooled = next(segment for segment in segments if segment["type"] == "spooled")

    read = await trino.ask("GET", spooled["uri"])
    acknowledged = await trino.ask("GET", spooled["ackUri"])

    assert list(spooled) == ["type", "uri", "ackUri", "metadata"]
    assert list(spooled["metadata"]) == ["segmentSize", "uncompressedSize", "rowsCount", "expiresAt", "rowOffset"]
    assert spooled["uri"].startswith(f"{trino.url}/v1/spooled/download/")
    assert (read.status, len(read.body)) == (200, spooled["metadata"]["segmentSize"])
    assert (acknowledged.status, acknowledged.body) == (200, b"")


async def test_addresses_of_segments_follow_the_forwarded_headers(trino: Client) -> None:
    headers = {"X-Forwarded-Host": "gw.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/@blue"}

    segments = await segments_of(trino, SQL, "json", headers)

    spooled = [segment for segment in segments if segment["type"] == "spooled"]
    assert spooled
    for segment in spooled:
        assert segment["uri"].startswith("https://gw.example/@blue/v1/spooled/download/")
        assert segment["ackUri"].startswith("https://gw.example/@blue/v1/spooled/ack/")


@pytest.mark.parametrize("what", ["download", "ack"])
async def test_an_identifier_of_somebody_else_is_an_accident(trino: Client, what: str) -> None:
    await segments_of(trino, "SELECT 1", "json")

    answer = await trino.ask("GET", f"/v1/spooled/{what}/ZSM-Sf_wjajV86uHFgvh5dBLnKutDud0pA9aqwxgYfE=", ALICE)

    assert answer.status == 500
    assert answer.text.startswith("java.lang.RuntimeException: Could not decode segment identifier from URI\n")


async def test_an_acknowledged_segment_is_no_longer_there(trino: Client) -> None:
    segments = await segments_of(trino, SQL, "json+zstd")
    spooled = next(segment for segment in segments if segment["type"] == "spooled")

    acknowledged = [(await trino.ask("GET", spooled["ackUri"])).status for _ in range(2)]
    answer = await trino.ask("GET", spooled["uri"])

    assert acknowledged == [200, 200]
    assert answer.status == 500
    assert answer.text.startswith("java.io.IOException: Segment not found or expired\n")
