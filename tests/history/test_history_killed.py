"""SIGKILL while the database hangs: what was noted more than a second before is written by the next process."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.fixtures.child import Child
from tests.fixtures.databases import Server
from tests.history.rows import CREATED, eventually, stored
from warren.drivers.sql import Database
from warren.history.history import History, HistoryLimits
from warren.settings.stores.jdbc import DatabaseUrl

NOTES = """
    import asyncio, json, sys, time
    from pathlib import Path
    from pydantic import SecretStr
    from tests.history.rows import record
    from warren.drivers.sql import Database
    from warren.history.history import History, HistoryLimits
    from warren.settings.stores.jdbc import DatabaseUrl

    async def note(history):
        for number in range(100_000):
            history.note(record(number))
            print(json.dumps({"number": number, "at": time.monotonic()}), flush=True)
            await asyncio.sleep(0.005)

    async def main():
        dialect, port, database, user, directory = sys.argv[1:]
        url = DatabaseUrl(dialect=dialect, host="127.0.0.1", port=int(port), database=database, user=user,
            password=SecretStr("secret"))
        history = History(Database(url), Path(directory), limits=HistoryLimits())
        async with asyncio.TaskGroup() as group:
            group.create_task(history.run())
            group.create_task(note(history))

    asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def url(request: pytest.FixtureRequest, server: Server) -> DatabaseUrl:
    found: DatabaseUrl = request.getfixturevalue("mariadb_url" if server.dialect == "mysql" else "postgres_url")
    return found


def noted(child: Child) -> dict[int, float]:
    """When each row was noted, as far as the child said so; a kill may cut off its last word."""
    lines = [json.loads(line) for line in child.log().splitlines() if line.startswith("{") and line.endswith("}")]
    return {line["number"]: line["at"] for line in lines}


@pytest.mark.slow
async def test_a_kill_costs_the_last_second_at_most(server: Server, url: DatabaseUrl, tmp_path: Path) -> None:
    database = Database(url, deadline=20.0)
    await database.migrate()
    arguments = [url.dialect, str(url.port), url.database, url.user or "", str(tmp_path / "history")]
    code = "\n".join(line.removeprefix("    ") for line in NOTES.splitlines())
    child = Child([sys.executable, "-c", code, *arguments], log=tmp_path / "log", cwd=ROOT)
    child.start()
    try:
        await eventually(lambda: len(noted(child)) > 50, "the first rows")
        with server.stopped():
            before = max(noted(child))
            await eventually(lambda: max(noted(child)) > before + 300, "more than a second of rows")
            child.kill()
    finally:
        child.kill()
    at = noted(child)
    history = History(database, tmp_path / "history", limits=HistoryLimits())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(history.run())
        await eventually(lambda: history.counts.replayed > 200, "the other's rows to be written")
        await eventually(lambda: history.counts.spilled_rows == 0, "all of them")
        task.cancel()
    await history.flush(20.0)
    found = {int(str(each["created"])) - CREATED for each in await stored(database)}
    missing = sorted(at.keys() - found)
    assert all(at[number] > max(at.values()) - 1.0 for number in missing), f"{len(missing)} of {len(at)} are missing"
    assert not missing or missing == list(range(missing[0], len(at))), "only the last ones"
    assert list((tmp_path / "history").glob("*.jsonl")) == []
    await database.close()
