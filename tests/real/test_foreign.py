"""What a search among clusters stands on: a Trino never answers for what belongs to another one."""

import pytest

from tests.fixtures.asking import USER, ask, page, submit
from tests.fixtures.real_trino import Pair

pytestmark = [pytest.mark.real, pytest.mark.slow]


def test_a_foreign_statement_is_denied(trinos: Pair) -> None:
    owner, other = trinos
    here = submit(owner.url, "SELECT 1")
    assert here.next_uri
    foreign = here.next_uri.replace(owner.url, other.url)
    for method in ("GET", "HEAD", "DELETE"):
        assert ask(method, foreign).status == 404
    assert ask("GET", here.next_uri).status == 200


def test_a_foreign_segment_is_not_given_out(trinos: Pair) -> None:
    """With another secret its address cannot be decrypted, and Trino says 500 to that: no proof, and no denial either."""
    owner, other = trinos
    uri, ack_uri = spooled_by(owner.url)
    foreign_uri, foreign_ack_uri = (address.replace(owner.url, other.url) for address in (uri, ack_uri))
    assert ask("GET", foreign_uri).status == 500
    assert ask("GET", foreign_ack_uri).status == 500
    assert ask("GET", uri).status == 200
    assert ask("GET", ack_uri).status == 200


def spooled_by(url: str) -> tuple[str, str]:
    """Where the first spooled segment of some result is, and where to acknowledge it."""
    asked = {**USER, "X-Trino-Query-Data-Encoding": "json+zstd"}
    answer = ask("POST", f"{url}/v1/statement", body="SELECT * FROM tpch.tiny.lineitem", headers=asked)
    while True:
        found = answer.json()
        for segment in found.get("data", {}).get("segments", ()):
            if segment["type"] == "spooled":
                return segment["uri"], segment["ackUri"]
        next_uri = page(answer).next_uri
        assert next_uri, "nothing was spooled"
        answer = ask("GET", next_uri)
