"""What operators ask: `/v1/info`, `/v1/status`, `/v1/query`."""

import datetime as dt
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from warren.simulator.http import answers
from warren.simulator.queries import Queries
from warren.simulator.query import Query
from warren.simulator.sql.failures import Failure
from warren.simulator.statements import BASE, user_of

STATES = {
    "QUEUED", "WAITING_FOR_RESOURCES", "DISPATCHING", "PLANNING", "STARTING", "RUNNING", "FINISHING", "FINISHED",
    "FAILED",
}  # fmt: skip
SIZES = (
    "spilledDataSize", "physicalInputDataSize", "physicalWrittenDataSize", "internalNetworkInputDataSize",
    "userMemoryReservation", "totalMemoryReservation", "peakUserMemoryReservation", "peakTotalMemoryReservation",
)  # fmt: skip
LONGEST_REASON = 64 * 1024


@dataclass(slots=True)
class Node:
    """Who this coordinator says it is. Tests may change it while it runs."""

    version: str
    environment: str
    coordinator_id: str
    shows_coordinator_id: bool
    starting: bool = False
    state: str = "ACTIVE"
    since: float = field(default_factory=time.monotonic)

    def uptime(self) -> str:
        return f"{(time.monotonic() - self.since) / 60:.2f}m"


def moment(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def spent(milliseconds: int) -> str:
    return f"{milliseconds:.2f}ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f}s"


class Operations:
    """The requests about the coordinator and about queries that are not polls."""

    def __init__(self, queries: Queries, node: Node) -> None:
        self._queries = queries
        self._node = node

    async def info(self, request: web.Request) -> web.StreamResponse:
        node = self._node
        told = {
            "nodeVersion": {"version": node.version},
            "environment": node.environment,
            "coordinator": True,
            "starting": node.starting,
            "uptime": node.uptime(),
        }
        if node.shows_coordinator_id:
            told["coordinatorId"] = node.coordinator_id
        return answers.json_answer(request, told)

    async def state(self, request: web.Request) -> web.StreamResponse:
        return answers.json_answer(request, self._node.state)

    async def is_coordinator(self, request: web.Request) -> web.StreamResponse:
        return answers.empty(request)

    async def status(self, request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response(headers={"Content-Type": "application/json"})
        node = self._node
        pool = dict.fromkeys(("maxBytes", "reservedBytes", "reservedRevocableBytes", "freeBytes"), 0)
        told = {
            "nodeId": f"simulator-{node.coordinator_id}",
            "nodeVersion": {"version": node.version},
            "environment": node.environment,
            "coordinator": True,
            "uptime": node.uptime(),
            "externalAddress": "127.0.0.1",
            "internalAddress": "127.0.0.1",
            "memoryInfo": {"availableProcessors": 2, "pool": pool},
            "processors": 2,
            "processCpuLoad": 0.0,
            "systemCpuLoad": 0.0,
            "heapUsed": 0,
            "heapAvailable": 0,
            "nonHeapUsed": 0,
        }
        return answers.json_answer(request, told)

    async def nodes(self, request: web.Request) -> web.StreamResponse:
        return answers.unauthorized(request) if user_of(request) is None else answers.json_answer(request, [])

    async def queries(self, request: web.Request) -> web.StreamResponse:
        if user_of(request) is None:
            return answers.unauthorized(request)
        wanted = request.query.get("state", "").upper()
        if wanted and wanted not in STATES:
            trace = f"java.lang.IllegalArgumentException: No enum constant io.trino.execution.QueryState.{wanted}"
            return answers.told(request, 500, trace)
        return answers.json_answer(request, self.listed(request, wanted))

    def listed(self, request: web.Request, state: str) -> list[dict[str, Any]]:
        """The queries in that state, all for an empty one."""
        return [self._brief(request, query) for query in self._queries if state.upper() in {"", query.state}]

    def cluster(self) -> dict[str, Any]:
        node = self._node
        return {"nodeVersion": {"version": node.version}, "environment": node.environment, "uptime": node.uptime()}

    async def query(self, request: web.Request, query_id: str) -> web.StreamResponse:
        if user_of(request) is None:
            return answers.unauthorized(request)
        query = self._queries.started(query_id)
        if query is None:
            return answers.gone(request)
        if request.method == "HEAD":
            return answers.raw_json(request, b"")
        return answers.json_answer(request, self._full(request, query, pruned=request.query.get("pruned") == "true"))

    async def cancel(self, request: web.Request, query_id: str) -> web.StreamResponse:
        if user_of(request) is None:
            return answers.unauthorized(request)
        if query := self._queries.started(query_id):
            query.end("FAILED", Failure("USER_CANCELED", "Query was canceled"))
        return answers.no_content()

    async def end(self, request: web.Request, query_id: str, how: str) -> web.StreamResponse:
        """`PUT …/killed` and `…/preempted`."""
        if user_of(request) is None:
            return answers.unauthorized(request)
        message = (await request.content.read(LONGEST_REASON)).decode("utf-8", "replace")
        try:
            self._queries.kill(query_id, message.strip('"'), preempt=how == "preempted")
        except Failure as failure:
            return answers.gone(request) if failure.name == "NOT_FOUND" else answers.empty(request, 409)
        return answers.empty(request, 202)

    def _session(self, query: Query) -> dict[str, Any]:
        session = query.session
        told: dict[str, Any] = {
            "queryId": query.id,
            "querySpan": {},
            "transactionId": session.transaction if session.in_transaction else query.id,
            "clientTransactionSupport": session.transaction is not None,
            "user": session.user,
            "originalUser": session.user,
            "setOriginalRoles": [],
            "groups": [],
            "originalUserGroups": [],
            "principal": session.user,
            "enabledRoles": [],
        }
        optional = {"source": session.source, "catalog": session.catalog, "schema": session.schema}
        told.update({name: value for name, value in optional.items() if value})
        rest = {"clientTags": [], "clientCapabilities": [], "resourceEstimates": {}, "start": moment(query.created)}
        system = {"systemProperties": dict(session.properties), "catalogProperties": {}, "catalogRoles": {}}
        return {
            **told,
            "timeZoneKey": 0,
            "locale": "en_US",
            "remoteUserAddress": "127.0.0.1",
            **rest,
            **system,
            "preparedStatements": dict(session.prepared),
            "protocolName": "Trino",
            "timeZone": "UTC",
        }

    def _stats(self, query: Query) -> dict[str, Any]:
        told: dict[str, Any] = {"createTime": moment(query.created)}
        if query.ended:
            told["endTime"] = moment(query.ended)
        told.update(queuedTime=spent(0), elapsedTime=spent(query.elapsed_ms), executionTime=spent(query.elapsed_ms))
        told.update(dict.fromkeys(("failedTasks", "totalDrivers", "queuedDrivers", "runningDrivers"), 0))
        told.update(completedDrivers=0, blockedDrivers=0, rawInputDataSize="0B", rawInputPositions=0)
        told.update(dict.fromkeys(SIZES, "0B"))
        times = ("planningTime", "analysisTime", "totalCpuTime", "totalScheduledTime", "finishingTime")
        told.update(dict.fromkeys(times, "0.00ns"))
        told.update(scheduled=query.progress().staged, fullyBlocked=False, blockedReasons=[])
        return told

    def _brief(self, request: web.Request, query: Query) -> dict[str, Any]:
        told: dict[str, Any] = {
            "queryId": query.id,
            "session": self._session(query),
            "resourceGroupId": ["global"],
            "state": query.state,
            "scheduled": query.progress().staged,
            "self": request[BASE].url(f"/v1/query/{query.id}"),
            "query": query.sql,
            "queryStats": self._stats(query),
        }
        return {**told, **self._error(query), "queryType": self._kind(query), "retryPolicy": "NONE"}

    def _full(self, request: web.Request, query: Query, *, pruned: bool) -> dict[str, Any]:
        columns = query.outcome.columns if query.outcome else ()
        told: dict[str, Any] = {
            "queryId": query.id,
            "session": self._session(query),
            "state": query.state,
            "self": request[BASE].url(f"/v1/query/{query.id}"),
            "fieldNames": [column.name for column in columns],
            "query": query.sql,
            "queryStats": self._stats(query),
            "warnings": [],
            "inputs": [],
            "referencedTables": [],
            "routines": [],
            "finalQueryInfo": query.has_ended,
            **self._error(query),
            "resourceGroupId": ["global"],
            "queryType": self._kind(query),
            "retryPolicy": "NONE",
            "pruned": pruned,
            "version": {"version": self._node.version},
            "scheduled": query.progress().staged,
        }
        return told

    @staticmethod
    def _kind(query: Query) -> str:
        changed = query.outcome.update_type if query.outcome else None
        return {None: "SELECT", "INSERT": "INSERT", "DELETE": "DELETE"}.get(changed, "DATA_DEFINITION")

    @staticmethod
    def _error(query: Query) -> dict[str, Any]:
        if not query.failure:
            return {}
        error = query.failure.as_json()
        return {
            "errorType": query.failure.kind,
            "errorCode": error["failureInfo"]["errorInfo"],
            "failureInfo": error["failureInfo"],
        }
