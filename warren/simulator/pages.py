"""The JSON of a statement's answers, keys in Trino's order."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from warren.simulator.http.addresses import Base
from warren.simulator.sql.columns import Column
from warren.simulator.sql.failures import Failure

COUNTERS = (
    "nodes", "totalSplits", "queuedSplits", "runningSplits", "completedSplits", "planningTimeMillis",
    "analysisTimeMillis", "cpuTimeMillis", "wallTimeMillis", "queuedTimeMillis", "elapsedTimeMillis",
    "finishingTimeMillis", "physicalInputTimeMillis", "processedRows", "processedBytes", "physicalInputBytes",
    "physicalWrittenBytes", "internalNetworkInputBytes", "peakMemoryBytes", "spilledBytes",
)  # fmt: skip
STAGE = (
    "nodes", "totalSplits", "queuedSplits", "runningSplits", "completedSplits", "cpuTimeMillis", "wallTimeMillis",
    "processedRows", "processedBytes", "physicalInputBytes", "failedTasks",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A query's state as one page tells it."""

    state: str
    elapsed_ms: int = 0
    rows: int = 0
    staged: bool = False
    """Whether there is a stage to tell of: not before it runs, nor for statements without a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer about a query, but for the addresses in it. Kept, so that a repeated GET answers the same."""

    progress: Progress
    next_path: str | None = None
    cancel_path: str | None = None
    columns: tuple[Column, ...] | None = None
    data: Any = None
    """The rows as JSON (bytes), a Spooled, a Huge or None."""
    failure: Failure | None = None
    update_type: str | None = None
    update_count: int | None = None
    headers: tuple[tuple[str, str], ...] = field(default=())


def stats(progress: Progress) -> dict[str, Any]:
    numbers = dict.fromkeys(COUNTERS, 0)
    numbers["elapsedTimeMillis"] = progress.elapsed_ms
    told: dict[str, Any] = {
        "state": progress.state,
        "queued": progress.state == "QUEUED",
        "scheduled": progress.staged,
    }
    if not progress.staged:
        return {**told, **numbers}
    done = progress.state in {"FINISHED", "FAILED"}
    splits = {"nodes": 1, "totalSplits": 1, "completedSplits": int(done), "runningSplits": int(not done)}
    numbers.update(splits)
    numbers["processedRows"] = progress.rows
    stage = {name: splits.get(name, 0) for name in STAGE}
    stage["processedRows"] = progress.rows
    root = {"stageId": "0", "state": progress.state, "done": done, **stage, "coordinatorOnly": False, "subStages": []}
    percent = {"progressPercentage": 100.0 if done else 0.0, "runningPercentage": 0.0}
    return {**told, **percent, **numbers, "rootStage": root}


def front(query_id: str, page: Page, base: Base) -> bytes:
    """The page up to its data, as an object that is not closed."""
    told: dict[str, Any] = {"id": query_id, "infoUri": base.url(f"/ui/query.html?{query_id}")}
    if page.cancel_path:
        told["partialCancelUri"] = base.url(page.cancel_path)
    if page.next_path:
        told["nextUri"] = base.url(page.next_path)
    if page.columns is not None:
        told["columns"] = [column.as_json() for column in page.columns]
    return orjson.dumps(told)[:-1]


def back(page: Page) -> bytes:
    """The page behind its data."""
    told: dict[str, Any] = {"stats": stats(page.progress)}
    if page.failure:
        told["error"] = page.failure.as_json()
    told["warnings"] = []
    if page.update_type:
        told["updateType"] = page.update_type
    if page.update_count is not None:
        told["updateCount"] = page.update_count
    return b"," + orjson.dumps(told)[1:]


def whole(query_id: str, page: Page, base: Base, data: bytes | None) -> bytes:
    """The page, given its data as JSON."""
    middle = b"" if data is None else b',"data":' + data
    return front(query_id, page, base) + middle + back(page)
