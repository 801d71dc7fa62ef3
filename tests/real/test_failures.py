"""A real Trino that dies or falls silent under load, behind a gateway: what clients see, status by status."""

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.asking import USER, Answer, Page, ask, follow, page, submit
from tests.fixtures.child import wait_for
from tests.fixtures.clusters import Door
from tests.fixtures.gateway import GatewayProcess, gateway_before
from tests.fixtures.real_trino import Pair, RealTrino

pytestmark = [pytest.mark.real, pytest.mark.slow]

CLIENTS = 4
QUICK = "SELECT count(*) FROM tpch.tiny.nation"
UNREAD = "SELECT * FROM tpch.sf1.lineitem"
"""Runs for as long as nobody reads it, and costs nothing meanwhile: its output buffers are full."""
ASK_AGAIN = {503, 504}


@pytest.fixture
def gateway(trinos: Pair, tmp_path: Path) -> Iterator[GatewayProcess]:
    with gateway_before({trino.name: trino.url for trino in trinos}, tmp_path) as found:
        yield found


class Load:
    """Clients that run statements one after the other, and write down every answer that is not plain success."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._over = threading.Event()
        self.refused: list[str] = []
        """Statements that were not taken: what was said."""
        self.wrong: list[str] = []
        """Follow-ups that got anything but 200, 503 or 504."""
        self.set_aside: list[str] = []
        """Addresses that were answered 503 or 504; the client went on with another statement."""
        self.finished: list[str] = []
        """Ids of queries that gave their result."""

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as clients:
            loops = [clients.submit(self._loop) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                self._over.set()
        for loop in loops:
            loop.result()

    def _loop(self) -> None:
        while not self._over.is_set():
            answer = ask("POST", f"{self._door.url}/v1/statement", body=QUICK, headers=USER)
            if answer.status == 200:
                self._follow(page(answer))
            else:
                self.refused.append(f"{answer.status} {answer.body[:200]!r}")

    def _follow(self, here: Page) -> None:
        while here.next_uri:
            answer = ask("GET", here.next_uri)
            if answer.status in ASK_AGAIN:
                return self.set_aside.append(here.next_uri)
            if answer.status != 200:
                return self.wrong.append(f"{answer.status} for {here.query_id}: {answer.body[:200]!r}")
            here = page(answer)
        if here.error:
            return self.wrong.append(f"{here.query_id}: {here.error}")
        return self.finished.append(here.query_id)

    def finished_on(self, trino: RealTrino) -> int:
        return sum(query_id.endswith(trino.coordinator_id) for query_id in self.finished)

    def wait_for_more_on(self, trino: RealTrino, *, seconds: float) -> None:
        goal = self.finished_on(trino) + 5
        wait_for(lambda: self.finished_on(trino) >= goal, seconds=seconds, what=f"queries to finish on {trino.name}")


def started_on(door: Door, trino: RealTrino) -> Page:
    """A query that runs there, submitted at the door and read up to its first rows."""
    # Those that land elsewhere are never polled, so they never run.
    tries = (submit(door.url, UNREAD) for _ in range(50))
    here = next(found for found in tries if found.query_id.endswith(trino.coordinator_id))
    while not here.rows:
        assert here.next_uri, here
        here = page(ask("GET", here.next_uri))
    return here


def poll(here: Page) -> Answer:
    assert here.next_uri
    return ask("GET", here.next_uri)


def lines_about_no_query(gateway: GatewayProcess) -> list[str]:
    return [line for line in gateway.log().splitlines() if not re.search(r"\d{8}_\d{6}_\d{5}_\w{5}", line)]


def test_a_killed_trino_costs_its_own_queries_and_no_statement(gateway: GatewayProcess, trinos: Pair) -> None:
    door, (victim, survivor), load = (
        Door(gateway.url, trinos, gateway),
        trinos,
        Load(Door(gateway.url, trinos, gateway)),
    )
    lost = started_on(door, victim)
    with load.running():
        load.wait_for_more_on(victim, seconds=30)
        load.wait_for_more_on(survivor, seconds=30)
        victim.kill()
        assert poll(lost).status == 503
        load.wait_for_more_on(survivor, seconds=30)
        gateway.wait_for_status(victim.name, "UNHEALTHY")
        assert poll(lost).status == 503, "nobody may say 404 for it while its owner cannot be asked"

        victim.revive()
        load.wait_for_more_on(victim, seconds=60)

    assert load.refused == []
    assert load.wrong == []
    for query_id in load.finished[-10:]:
        door.ran(query_id)
    # Its memory died with it, and now it says so itself.
    assert poll(lost).status == 404
    assert len(lines_about_no_query(gateway)) < 60, gateway.log()[-4000:]


def test_a_frozen_trino_keeps_its_queries_and_gets_no_new_ones(gateway: GatewayProcess, trinos: Pair) -> None:
    door, (victim, survivor), load = (
        Door(gateway.url, trinos, gateway),
        trinos,
        Load(Door(gateway.url, trinos, gateway)),
    )
    waiting = started_on(door, victim)
    with load.running():
        load.wait_for_more_on(victim, seconds=30)
        load.wait_for_more_on(survivor, seconds=30)
        victim.freeze()
        assert follow(door.url, QUICK).query_id.endswith(survivor.coordinator_id)
        gateway.wait_for_status(victim.name, "UNHEALTHY")
        assert seconds_for(door) < 5, "a statement still tries the silent one first"
        assert poll(waiting).status in ASK_AGAIN

        victim.thaw()
        gateway.wait_for_status(victim.name, "HEALTHY")
        load.wait_for_more_on(victim, seconds=60)
        assert page(poll(waiting)).error is None

    assert load.refused == []
    assert load.wrong == []
    for address in load.set_aside:
        assert ask("GET", address).status == 200, "it waited, and goes on"
    for query_id in load.finished[-10:]:
        door.ran(query_id)
    assert waiting.next_uri
    assert ask("DELETE", waiting.next_uri).status == 204
    assert len(lines_about_no_query(gateway)) < 60, gateway.log()[-4000:]


def seconds_for(door: Door) -> float:
    begin = time.monotonic()
    assert follow(door.url, QUICK).rows == ((25,),)
    return time.monotonic() - begin
