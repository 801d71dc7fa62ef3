"""One instance: builds every object once, wires them, starts and stops them."""

import asyncio
import random
import re
import socket
import ssl
import time
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from warren import __version__
from warren.admin.app import own_endpoints
from warren.admin.readiness import Readiness
from warren.admin.serve import PrivateServer, private_socket
from warren.clusters.clock import SystemClock
from warren.clusters.coordinators import Coordinators
from warren.clusters.health import Prober, Thresholds
from warren.clusters.monitors.info_api import InfoApi
from warren.clusters.monitors.monitor import Monitor
from warren.clusters.monitors.noop import Noop
from warren.clusters.registry import Registry
from warren.clusters.roster import Roster
from warren.clusters.snapshot import Snapshot
from warren.clusters.store import ClusterStore
from warren.current import Current
from warren.drivers.http import HttpClient
from warren.drivers.sql import Database
from warren.errors import GatewayError
from warren.memory.denials import Denials
from warren.memory.in_process import InProcess
from warren.memory.recall import Recall
from warren.model import ClusterName, ClusterUrl, GroupName
from warren.places import OwnPlace
from warren.protocol.paths import Paths
from warren.proxy.access_log import AccessLog
from warren.proxy.choosing import Choosing
from warren.proxy.entry import Entry, Patience
from warren.proxy.search import Search
from warren.proxy.submission import Submissions
from warren.proxy.upstreams import Upstreams
from warren.routing.candidates import FallbackPolicy
from warren.routing.routers import AtRandom
from warren.settings.root import STATEMENT, Settings
from warren.settings.sections import MonitorType
from warren.tasks import Tasks, supervised
from warren.wire.body import Budget
from warren.wire.inbound import ClientConnection
from warren.wire.serving import Serving
from warren.wire.syntax.forwarded import Destination
from warren.wire.ticker import Ticker
from warren.wire.tls import CertificateFiles, cluster_context, server_context
from warren.wire.upstream import Upstream, UpstreamLimits
from warren.wiring import (
    follow_patience,
    forwarding,
    other_patience,
    probe_headers,
    probe_seconds,
    runs_migrations,
    search_limits,
    serving_limits,
    submission_limits,
    upstream_limits,
)

log = structlog.get_logger()

READY_AT_THE_LATEST_SECONDS = 5.0
"""After this time an instance is ready although a cluster has not been probed yet."""

LISTEN_BACKLOG = 4096

DRAIN_LOOK_SECONDS = 0.05

CLUSTERS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that clients connect to; `secure` when they speak TLS on it."""

    socket: socket.socket
    secure: bool


def host_name() -> str:
    """The host's name as it can stand in headers: `instanceName` has the same characters."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()) or "warren"


class Instance:
    """Serves clients from `run` until `stop`. Made inside the running loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        state: Path,
        database: Database,
        listening: tuple[Listening, ...],
        max_connections: int,
    ) -> None:
        """`state` is where its files are. The sockets are its own from now on."""
        self._settings = settings
        self._state = state
        self._database = database
        self._listening = listening
        self._max_connections = settings.limits.max_connections or max_connections
        self._name = settings.instance_name or host_name()
        self._forwarding = forwarding(settings, self._name)
        self._stopping = asyncio.Event()
        self._stop_now = asyncio.Event()
        self._late = False

    def stop(self) -> None:
        """Stop politely: finish what is running. Asked again: stop now."""
        if self._stopping.is_set():
            self._stop_now.set()
        self._stopping.set()

    async def run(self) -> None:
        """Serve until stopped. Raises OSError when its own socket or a TLS file is not to be had."""
        self._own_place = OwnPlace(self._state)
        own_socket = private_socket(self._own_place.socket_path)
        contexts = [self._client_tls() if each.secure else None for each in self._listening]
        self._build_clusters()
        self._build_admin(own_socket)
        servers: list[asyncio.Server] = []
        try:
            async with asyncio.TaskGroup() as group:
                self._build_data_plane(Tasks(group))
                if not await self._is_started(group):
                    return
                loops = [group.create_task(task) for task in self._loops()]
                for listening, context in zip(self._listening, contexts, strict=True):
                    servers.append(await self._listen(listening, context))
                self._say_ready()
                await self._stopping.wait()
                await self._drain(servers)
                self._admin.stop()
                self._upstreams.close()
                for loop in loops:
                    loop.cancel()
        finally:
            self._own_place.leave()
            for server in servers:
                server.close()
            await self._http.aclose()
            # Left open, its threads would keep a process that failed from ending.
            await self._database.close()
            log.info("stopped", instance=self._name)

    # --- building

    def _build_clusters(self) -> None:
        settings = self._settings
        monitor_client = settings.server.monitor_client
        self._clock = SystemClock()
        self._roster = Current(Roster())
        self._coordinators = Coordinators()
        self._tls = self._cluster_tls()
        self._http = HttpClient(tls=self._tls, connect_seconds=monitor_client.connect_timeout_seconds)
        self._prober = Prober(
            self._monitor(),
            self._roster,
            self._coordinators,
            self._clock,
            chance=random.random,
            interval_seconds=settings.monitor.task_delay,
            deadline_seconds=probe_seconds(settings),
            thresholds=Thresholds(
                failure=settings.monitor.failure_threshold, success=settings.monitor.success_threshold
            ),
        )
        self._registry = Registry(
            ClusterStore(self._database),
            Snapshot(self._state, origin=self._database.label),
            self._roster,
            self._changed,
            migrate=self._database.migrate if runs_migrations(settings) else None,
        )

    def _build_data_plane(self, tasks: Tasks) -> None:
        settings = self._settings
        self._ticker = Ticker()
        self._upstreams = Upstreams(
            ticker=self._ticker, limits=upstream_limits(settings), tls=self._tls, on_trouble=self._suspect
        )
        in_process = self._in_process()
        recall = Recall(in_process, self._coordinators, self._roster)
        policy = FallbackPolicy(
            default=GroupName(settings.routing.default_routing_group), strict=settings.routing.strict_groups
        )
        choosing = Choosing(self._roster, policy, AtRandom(random.randrange))
        self._access_log = self._make_access_log()
        self._entry = Entry(
            paths=Paths((STATEMENT, *settings.additional_statement_paths), settings.extra_whitelist_paths),
            recall=recall,
            upstreams=self._upstreams,
            submissions=Submissions(
                choosing,
                self._upstreams,
                recall,
                limits=submission_limits(settings),
                clock=time.monotonic,
                names_cluster=settings.include_cluster_host_in_response,
            ),
            search=Search(
                recall,
                self._in_process(),
                Denials(time.monotonic),
                self._upstreams,
                self._roster,
                limits=search_limits(settings),
                unreachable_for=lambda url: self._prober.unreachable_for(url, self._clock.monotonic()),
            ),
            choosing=choosing,
            own_endpoints=self._own_endpoints(),
            patience=Patience(follow=follow_patience(settings), other=other_patience(settings)),
            instance=self._name,
            access_log=self._access_log,
        )
        self._serving = Serving(
            self._entry,
            limits=serving_limits(settings, self._max_connections),
            forwarding=self._forwarding,
            budget=Budget(settings.limits.statement_bodies_kept),
            ticker=self._ticker,
            tasks=tasks,
        )

    def _build_admin(self, own_socket: socket.socket) -> None:
        app = own_endpoints(
            instance=self._name,
            registry=self._registry,
            roster=self._roster,
            readiness=self._readiness,
            allow_from=self._settings.admin_allow_from,
        )
        self._admin = PrivateServer(app, own_socket)

    def _own_endpoints(self) -> Upstream:
        """Our own endpoints, as one more upstream."""
        own = Upstream(
            "the gateway's own endpoints",
            unix_path=str(self._own_place.socket_path),
            destination=Destination(host=b"warren", own=True),
            ticker=self._ticker,
            limits=UpstreamLimits(),
        )
        self._ticker.watch(own.tick)
        return own

    def _in_process(self) -> InProcess:
        memory = self._settings.memory
        return InProcess(
            capacity=memory.max_entries, expire_after_seconds=memory.expire_after_access, clock=time.monotonic
        )

    def _monitor(self) -> Monitor:
        settings = self._settings
        if settings.cluster_stats_configuration.monitor_type is MonitorType.NOOP:
            return Noop()
        first = self._listening[0]
        headers = probe_headers(
            settings,
            port=first.socket.getsockname()[1],
            secure=first.secure,
            pseudonym=self._forwarding.pseudonym.decode("ascii"),
        )
        return InfoApi(self._http, headers, retries=settings.monitor.retries, deadline_seconds=probe_seconds(settings))

    def _cluster_tls(self) -> ssl.SSLContext:
        tls = self._settings.proxy_tls
        return cluster_context(
            ca_file=tls.ca_file,
            cert_file=tls.cert_file,
            key_file=tls.key_file,
            verify_hostname=self._settings.server.proxy_client.hostname_verification,
        )

    def _client_tls(self) -> ssl.SSLContext:
        server = self._settings.server
        assert server.keystore_path is not None, "the settings refuse https without it"
        return server_context(CertificateFiles(server.keystore_path, server.keystore_key))

    def _make_access_log(self) -> AccessLog | None:
        path = self._settings.server.access_log_path
        return AccessLog(path, clock=time.monotonic, unix=time.time) if path is not None else None

    # --- running

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        loops = [
            supervised(self._ticker.run, name="ticker"),
            supervised(self._registry.run, name="registry"),
            supervised(self._prober.run, name="prober"),
            supervised(self._admin.run, name="own_endpoints"),
            self._note_lateness(),
        ]
        if self._access_log is not None:
            loops.append(supervised(self._access_log.run, name="access_log"))
        return loops

    async def _listen(self, listening: Listening, tls: ssl.SSLContext | None) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: ClientConnection(self._serving),
            sock=listening.socket,
            ssl=tls,
            ssl_handshake_timeout=self._settings.limits.head_timeout if tls is not None else None,
            backlog=LISTEN_BACKLOG,
        )

    async def _is_started(self, group: asyncio.TaskGroup) -> bool:
        """Load the cluster list; False when the instance was stopped meanwhile: a migration may take minutes."""
        starting = group.create_task(self._registry.start())
        stopping = group.create_task(self._stopping.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        stopping.cancel()
        return not self._stopping.is_set()

    async def _note_lateness(self) -> None:
        await asyncio.sleep(READY_AT_THE_LATEST_SECONDS)
        self._late = True

    async def _drain(self, servers: list[asyncio.Server]) -> None:
        """The end of service: say so, take what still comes for a while, finish what is running."""
        settings = self._settings
        log.info("stopping", instance=self._name, shutdown_delay_seconds=settings.shutdown_delay)
        self._serving.announce_end()
        await self._unless_stopped_now(settings.shutdown_delay)
        for server in servers:
            server.close()
        self._serving.drain()
        end = time.monotonic() + settings.drain_timeout
        while self._serving.connections and time.monotonic() < end and not self._stop_now.is_set():
            await self._unless_stopped_now(DRAIN_LOOK_SECONDS)
        if self._serving.connections:
            log.warning("connections_cut", open=len(self._serving.connections))
        for connection in list(self._serving.connections):
            connection.transport.abort()

    async def _unless_stopped_now(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop_now.wait()
        except TimeoutError:
            pass

    def _changed(self, names: frozenset[ClusterName]) -> None:
        roster = self._roster.value
        self._coordinators.keep_only(roster.by_url.keys())
        self._upstreams.follow(roster)
        self._prober.probe_now(names)

    def _suspect(self, url: ClusterUrl, error: GatewayError) -> None:
        self._prober.suspect(url, str(error))

    def _readiness(self) -> Readiness:
        database = self._registry.database_state()
        roster = self._roster.value
        details = {
            "instance": self._name,
            "database": asdict(database),
            "clusters": {
                cluster.name: {"active": cluster.active, "status": roster.health_of(cluster.name).status.value}
                for cluster in roster.clusters[:CLUSTERS_SHOWN]
            },
            "connections": len(self._serving.connections),
        }
        if self._stopping.is_set():
            return Readiness(False, "this instance is stopping", details)
        if not roster.loaded:
            return Readiness(False, f"the cluster list is not known yet: {database.error}", details)
        if not (self._prober.first_round_done.is_set() or self._late):
            return Readiness(False, "the first round of health checks is still under way", details)
        return Readiness(
            True, "ok" if database.reachable else f"the database is not reachable: {database.error}", details
        )

    def _say_ready(self) -> None:
        for each in self._listening:
            address, port = each.socket.getsockname()[:2]
            log.info("listening", instance=self._name, address=address, port=port, tls=each.secure, version=__version__)
