"""The simulator: one coordinator on a loopback address, started and stopped as an object."""

import asyncio
import datetime as dt
import ipaddress
import json
import re
import secrets
import socket
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from warren.simulator.browser import Browser
from warren.simulator.http import answers, delivery
from warren.simulator.http.addresses import Refusal, base
from warren.simulator.http.behaviour import GOOD, Behaviour, Log, behaviour_from
from warren.simulator.http.delivery import Pace
from warren.simulator.operations import Node, Operations, moment
from warren.simulator.queries import COORDINATOR_ID_LETTERS, Limits, Queries
from warren.simulator.query import Query
from warren.simulator.sql.metadata import Facts
from warren.simulator.statements import BASE, PACE, Statements, user_of

LARGEST_HEAD = 2 * 1024 * 1024
"""Bytes of a request's line, and of one header: Trino's own limit."""
LARGEST_BEHAVIOUR = 64 * 1024
BEHAVIOUR_PATH = "/v1/simulator/behaviour"
STORAGE_PATH = "/v1/simulator/storage/"
SWEEP_SECONDS = 1.0
STOP_SECONDS = 2.0
"""How long a stopping simulator lets requests run."""

Handler = Callable[..., Awaitable[web.StreamResponse]]
Spooling = Literal["proxy", "redirect", "storage"]
_ID = r"(?P<query_id>[^/]+)"
_TAIL = r"(?P<slug>[^/]+)/(?P<token>[^/]+)"


class Simulator:
    """A Trino coordinator look-alike: `async with Simulator() as simulator: …simulator.url…`.

    Leaving the block ends its queries, closes every connection and frees the port.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        coordinator_id: str | None = None,
        publish_coordinator_id: bool = True,
        scattered_ids: bool = False,
        version: str | None = None,
        process_forwarded: bool = True,
        starting: bool = False,
        spooling: Spooling | None = "proxy",
        limits: Limits | None = None,
    ) -> None:
        """`coordinator_id`: five of its letters, by chance when absent; `publish_coordinator_id`: whether
        `/v1/info` tells it, as from Trino 477 on; `scattered_ids`: each query draws an ending of its own, so that an id
        tells nothing of who has it: the hardest case for a gateway. Raises ValueError for an address that is not loopback."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(
                f"host {host}: the simulator checks no passwords and listens on loopback only; use 127.0.0.1"
            )
        chosen = coordinator_id or drawn_ending()
        if not re.fullmatch(r"[0-9a-z]{5}", chosen):
            raise ValueError(f"coordinator id {chosen!r}: it has five characters, digits and small letters")
        self.coordinator_id = chosen
        self.host, self.port = host, port
        self.log = Log()
        self.node = Node(
            version=version or ("477" if publish_coordinator_id else "476"),
            environment="simulator",
            coordinator_id=chosen,
            shows_coordinator_id=publish_coordinator_id,
            starting=starting,
        )
        self.behaviour = GOOD
        self._scattered_ids = scattered_ids
        self._limits = limits or Limits()
        self._process_forwarded = process_forwarded
        self._spooling = spooling
        self._left: int | None = None
        self._changed = asyncio.Event()
        self._changes: asyncio.Queue[tuple[Behaviour, asyncio.Event]] = asyncio.Queue()
        self._until: float | None = None
        self._held: socket.socket | None = None
        self._site: web.SockSite | None = None
        self._background = asyncio.TaskGroup()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def __aenter__(self) -> Self:
        bound = self._bound()
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._answer)
        application.on_response_prepare.append(_without_server_header)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            auto_decompress=False,
            max_line_size=LARGEST_HEAD,
            max_field_size=LARGEST_HEAD,
            shutdown_timeout=STOP_SECONDS,
        )
        await self._runner.setup()
        ending = drawn_ending if self._scattered_ids else lambda: self.coordinator_id
        self.queries = Queries(ending, self._limits, facts=self._facts)
        self._routes = self._paths()
        await self._listen(bound)
        await self._background.__aenter__()
        self._keeper = self._background.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeper.cancel()
        await self._background.__aexit__(None, None, None)
        self.behaviour = GOOD
        self._changed.set()
        self.queries.end_all()
        self._hang_up()
        await self._runner.cleanup()
        if self._held:
            self._held.close()
        self.queries.close()

    def _bound(self) -> socket.socket:
        """A socket that has the port and does not listen: connections are refused, nobody else gets it."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self.host, self.port))
        except OSError as error:
            made.close()
            raise OSError(error.errno, f"port {self.port} on {self.host}: {error.strerror}; choose another") from error
        self.port = made.getsockname()[1]
        return made

    async def _listen(self, bound: socket.socket) -> None:
        self._site = web.SockSite(self._runner, bound, backlog=4096)
        await self._site.start()

    async def behave(self, behaviour: Behaviour) -> None:
        """From now on be like this; returns once it is so. Requests that hang are answered when it changes."""
        done = asyncio.Event()
        self._changes.put_nowait((behaviour, done))
        await done.wait()

    async def _keep(self) -> None:
        """Change behaviour when told or when its time is over; look after idle queries."""
        clock = asyncio.get_running_loop().time
        while True:
            due = SWEEP_SECONDS if self._until is None else min(SWEEP_SECONDS, max(0.0, self._until - clock()))
            try:
                behaviour, done = await asyncio.wait_for(self._changes.get(), due)
            except TimeoutError:
                self.queries.sweep()
                if self._until is not None and clock() >= self._until:
                    await self._become(GOOD)
                continue
            await self._become(behaviour)
            done.set()

    async def _become(self, behaviour: Behaviour) -> None:
        self.behaviour, self._left = behaviour, behaviour.times
        now = asyncio.get_running_loop().time()
        self._until = None if behaviour.seconds is None else now + behaviour.seconds
        self._changed.set()
        self._changed = asyncio.Event()
        if behaviour.refuse and self._site:
            await self._site.stop()
            self._site = None
            self._hang_up()
            self._held = self._bound()
        elif not behaviour.refuse and self._held:
            held, self._held = self._held, None
            await self._listen(held)

    def _hang_up(self) -> None:
        """Break every connection there is, as a process that dies does."""
        server = self._runner.server
        for connection in server.connections if server else []:
            if connection.transport is not None:
                connection.transport.abort()

    def _for(self, path: str) -> Behaviour:
        """The behaviour that this request meets."""
        behaviour = self.behaviour
        if not path.startswith(behaviour.only) or self._left == 0:
            return GOOD
        if self._left is not None and behaviour != GOOD:
            self._left -= 1
        return behaviour

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        self.log.note(request.method, path, tuple(request.headers.items()))
        if path == BEHAVIOUR_PATH:
            return await self._told_to_behave(request)
        behaviour = self._for(path)
        if behaviour.hang:
            await self._changed.wait()
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.status is not None:
            return answers.told(request, behaviour.status, f"Error {behaviour.status}: the simulator was told to")
        pace = Pace(behaviour.bytes_per_second, behaviour.cut_after)
        host = request.headers.get("Host") or f"{self.host}:{self.port}"
        where = base(request.headers, host=host, port=self.port, process_forwarded=self._process_forwarded)
        if isinstance(where, Refusal):
            return answers.server_refuses(where.status, where.reason, f"http://{host}{request.rel_url.raw_path_qs}")
        request[BASE], request[PACE] = where, pace
        response = await self._dispatch(request, path)
        if isinstance(response, web.Response) and not response.prepared:
            return await delivery.deliver(request, response, pace)
        return response

    async def _dispatch(self, request: web.Request, path: str) -> web.StreamResponse:
        for pattern, handlers in self._routes:
            if found := pattern.fullmatch(path):
                handler = handlers.get(request.method) or (handlers.get("GET") if request.method == "HEAD" else None)
                if handler:
                    return await handler(request, **found.groupdict())
                allowed = ",".join(sorted({*handlers, "OPTIONS"}, key=_as_trino_orders))
                return answers.method_not_allowed(request, allowed)
        if path.startswith("/v1/") and user_of(request) is None:
            return answers.unauthorized(request)
        return answers.not_found(request)

    def _paths(self) -> tuple[tuple[re.Pattern[str], dict[str, Handler]], ...]:
        statements = Statements(
            self.queries, self.log, spooling=self._spooling, storage_url=f"{self.url}{STORAGE_PATH}"
        )
        operations = Operations(self.queries, self.node)
        browser = Browser(self.queries, operations)
        table: tuple[tuple[str, dict[str, Handler]], ...] = (
            (r"/v1/statement/?", {"POST": statements.register, "HEAD": _nothing_to_see}),
            (rf"/v1/statement/(?P<phase>queued|executing)/{_ID}/{_TAIL}", {"GET": statements.poll, "DELETE": statements.cancel}),
            (rf"/v1/statement/executing/partialCancel/{_ID}/\d+/{_TAIL}", {"DELETE": statements.cancel_stage}),
            (r"/v1/info/?", {"GET": operations.info}),
            (r"/v1/info/state/?", {"GET": operations.state}),
            (r"/v1/info/coordinator/?", {"GET": operations.is_coordinator}),
            (r"/v1/status/?", {"GET": operations.status}),
            (r"/v1/node/?", {"GET": operations.nodes}),
            (r"/v1/query/?", {"GET": operations.queries}),
            (rf"/v1/query/{_ID}", {"GET": operations.query, "DELETE": operations.cancel}),
            (rf"/v1/query/{_ID}/(?P<how>killed|preempted)", {"PUT": operations.end}),
            (r"/v1/spooled/download/(?P<identifier>[^/]+)", {"GET": statements.download}),
            (r"/v1/spooled/ack/(?P<identifier>[^/]+)", {"GET": statements.acknowledge}),
            (rf"{STORAGE_PATH}(?P<identifier>[^/]+)", {"GET": statements.fetch}),
            (r"/|/ui", {"GET": browser.root}),
            (r"/ui/login", {"POST": browser.login, "GET": browser.page}),
            (r"/ui/.*", {"GET": browser.page}),
        )  # fmt: skip
        return tuple((re.compile(pattern), handlers) for pattern, handlers in table)

    async def _told_to_behave(self, request: web.Request) -> web.StreamResponse:
        """`POST` a Behaviour as JSON; `GET` it, with the counts of what was asked."""
        if request.method == "GET":
            return answers.json_answer(request, {"behaviour": _shown(self.behaviour), "counts": dict(self.log.counts)})
        if request.method != "POST":
            return answers.method_not_allowed(request, "GET,POST")
        if "Origin" in request.headers:
            return answers.told(request, 403, "Error 403 Forbidden: not for pages of the web")
        try:
            behaviour = behaviour_from(json.loads(await request.content.read(LARGEST_BEHAVIOUR) or b"{}"))
        except ValueError as error:
            return answers.told(request, 400, f"Error 400 Bad Request: {error}")
        if not behaviour.refuse:
            await self.behave(behaviour)
            return answers.no_content()
        # This answer has to leave before the connections are broken.
        asyncio.get_running_loop().call_later(0.1, self._changes.put_nowait, (behaviour, asyncio.Event()))
        return answers.no_content()

    def _facts(self, queries: Queries) -> Facts:
        rows = [_query_row(query) for query in queries]
        now = dt.datetime.now(dt.UTC)
        open_ones = queries.transactions.open()
        transactions: list[tuple[Any, ...]] = [
            (t, "READ UNCOMMITTED", False, False, _sql_moment(now), 0, None, []) for t in open_ones
        ]
        return Facts(
            node_id=f"simulator-{self.coordinator_id}",
            version=self.node.version,
            uri=self.url,
            queries=rows,
            transactions=transactions,
        )


def _as_trino_orders(method: str) -> tuple[int, str]:
    return ({"HEAD": 0, "POST": 1, "DELETE": 1, "GET": 2, "PUT": 2, "OPTIONS": 3}.get(method, 2), method)


def _shown(behaviour: Behaviour) -> dict[str, Any]:
    return {name: getattr(behaviour, name) for name in behaviour.__dataclass_fields__}


def _sql_moment(at: dt.datetime | None) -> str | None:
    return moment(at) if at else None


def _query_row(query: Query) -> tuple[Any, ...]:
    created, ended, failure = _sql_moment(query.created), _sql_moment(query.ended), query.failure
    who = (query.id, query.state, query.session.user, query.session.source, query.sql, ["global"])
    errors = (failure.kind, failure.name) if failure else (None, None)
    return (*who, 0, 0, 0, created, created, created, ended, *errors)


async def _without_server_header(request: web.Request, response: web.StreamResponse) -> None:
    """Trino sends none."""
    response.headers.pop("Server", None)


async def _nothing_to_see(request: web.Request) -> web.StreamResponse:
    return answers.raw_json(request, b"")


def drawn_ending() -> str:
    """Five letters as a coordinator draws them."""
    return "".join(secrets.choice(COORDINATOR_ID_LETTERS) for _ in range(5))
