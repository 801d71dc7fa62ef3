"""One instance: builds every object once, wires them, starts and stops them."""

import asyncio
import random
import socket
import ssl
import time
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from warren import __version__
from warren.admin.app import own_endpoints
from warren.admin.metrics import Metrics
from warren.admin.readiness import Readiness
from warren.admin.serve import PrivateServer, private_socket
from warren.doors import LISTEN_BACKLOG, Doors, Listening
from warren.drivers.sql import Database
from warren.errors import GatewayError
from warren.measured import Measured
from warren.memory.denials import Denials
from warren.model import ClusterName, ClusterUrl
from warren.places import OwnPlace, host_name
from warren.proxy.access_log import AccessLog
from warren.proxy.choosing import Choosing
from warren.proxy.entry import Entry, Patience
from warren.proxy.search import Search
from warren.proxy.submission import Submissions
from warren.proxy.upstreams import Upstreams
from warren.remembering import Remembering
from warren.routing.routers import AtRandom
from warren.settings.root import Settings
from warren.settings.stores.jdbc import DatabaseUrl
from warren.siblings import Siblings
from warren.steering import Steering, fallback_policy, paths_of, rulebook_of
from warren.supervisor.words import Standing
from warren.tasks import Tasks, supervised
from warren.telemetry.told import Telling
from warren.watching import Watching, channels_of
from warren.wire.body import Budget
from warren.wire.inbound import ClientConnection
from warren.wire.serving import Serving
from warren.wire.syntax.forwarded import Destination
from warren.wire.ticker import Ticker
from warren.wire.tls import CertificateFiles, server_context
from warren.wire.upstream import Upstream, UpstreamLimits
from warren.wiring import (
    follow_patience,
    forwarding,
    other_patience,
    probe_headers,
    search_limits,
    serving_limits,
    submission_limits,
    upstream_limits,
)

log = structlog.get_logger()

READY_AT_THE_LATEST_SECONDS = 5.0
"""After this time an instance is ready although a cluster has not been probed yet."""

DRAIN_LOOK_SECONDS = 0.05

CLUSTERS_SHOWN = 100


class Instance:
    """Serves clients from `run` until `stop`. Made inside the running loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        state: Path,
        database: DatabaseUrl,
        doors: Doors,
        siblings: Siblings,
        told: Telling,
        max_connections: int,
    ) -> None:
        """`state` is where its files are. The doors are its own from now on.

        Raises SettingsError when the library for this kind of database is not installed, or the rules cannot be used.
        """
        self._settings = settings
        self._state = state
        self._channels = channels_of(settings, database)
        self._rulebook = rulebook_of(settings, state)
        self._database = Database(database)
        self._doors = doors
        self._siblings = siblings
        self._told = told
        self._max_connections = settings.limits.max_connections or max_connections
        self._name = settings.instance_name or host_name()
        self._forwarding = forwarding(settings, self._name)
        self._stopping = asyncio.Event()
        self._stop_now = asyncio.Event()
        self._late = False
        self.own_socket = ""
        """Name of the socket of its own endpoints, in the directory that `OwnPlace` makes; empty until there is one."""

    @property
    def standing(self) -> Standing:
        """How far it has come, for a supervisor."""
        if self._stopping.is_set():
            return Standing.LEAVING
        if not self._doors.are_open:
            return Standing.STARTING
        return Standing.STARTED if self._why_not_ready() else Standing.READY

    def stop(self) -> None:
        """Stop politely: finish what is running. Asked again: stop now."""
        if self._stopping.is_set():
            self._stop_now.set()
        self._stopping.set()

    def memory_state(self) -> Mapping[str, Any]:
        """How the tiers of memory do, as JSON can hold it."""
        return self._remembering.state()

    async def run(self) -> None:
        """Serve until stopped. Raises OSError when its own socket or a TLS file is not to be had."""
        self._own_place = OwnPlace(self._state)
        own_socket = private_socket(self._own_place.socket_path)
        tls = self._client_tls() if any(each.secure for each in self._doors.own) else None
        self._build_clusters()
        self._build_memory()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = Tasks(group)
                self._build_journey()
                self._build_data_plane(tasks)
                self._build_admin(own_socket)
                self.own_socket = self._own_place.socket_path.name
                if not await self._is_started(group):
                    return
                loops = [group.create_task(task) for task in self._loops()]
                await self._doors.open(lambda listening: self._listen(listening, tls))
                self._say_ready()
                await self._stopping.wait()
                await self._drain()
                self._admin.stop()
                self._upstreams.close()
                for loop in loops:
                    loop.cancel()
        finally:
            self._own_place.leave()
            self._doors.close()
            await self._steering.close()
            await self._remembering.close()
            await self._watching.close()
            log.info("stopped", instance=self._name)

    # --- building

    def _build_clusters(self) -> None:
        first = self._doors.own[0]
        self._probe_headers = probe_headers(
            self._settings,
            port=first.socket.getsockname()[1],
            secure=first.secure,
            pseudonym=self._forwarding.pseudonym.decode("ascii"),
        )
        self._watching = Watching(
            self._settings,
            self._database,
            state=self._state,
            probe_headers=self._probe_headers,
            on_change=self._changed,
            channels=self._channels,
        )
        self._roster = self._watching.roster

    def _build_memory(self) -> None:
        self._remembering = Remembering(
            self._settings,
            self._database,
            state=self._state,
            roster=self._roster,
            coordinators=self._watching.coordinators,
            is_reachable=lambda: self._watching.registry.database_state().reachable,
        )
        self._steering = Steering(
            self._settings,
            rulebook=self._rulebook,
            recall=self._remembering.recall,
            watching=self._watching,
            probe_headers=self._probe_headers,
        )

    def _build_journey(self) -> None:
        settings = self._settings
        self._ticker = Ticker()
        self._upstreams = Upstreams(
            ticker=self._ticker, limits=upstream_limits(settings), tls=self._watching.tls, on_trouble=self._suspect
        )
        recall = self._remembering.recall
        self._choosing = Choosing(self._roster, fallback_policy(settings), AtRandom(random.randrange))
        self._submissions = Submissions(
            self._steering.deciding,
            self._choosing,
            self._upstreams,
            recall,
            history=self._remembering.history,
            limits=submission_limits(settings),
            clock=time.monotonic,
            unix=time.time,
            names_cluster=settings.include_cluster_host_in_response,
        )
        self._search = Search(
            recall,
            self._remembering.spooled,
            Denials(time.monotonic),
            self._upstreams,
            self._roster,
            limits=search_limits(settings),
            unreachable_for=self._watching.unreachable_for,
        )

    def _build_data_plane(self, tasks: Tasks) -> None:
        settings = self._settings
        self._access_log = self._make_access_log()
        self._entry = Entry(
            paths=paths_of(settings),
            recall=self._remembering.recall,
            upstreams=self._upstreams,
            submissions=self._submissions,
            search=self._search,
            deciding=self._steering.deciding,
            choosing=self._choosing,
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
        self.measured = Measured(
            serving=self._serving,
            upstreams=self._upstreams,
            submissions=self._submissions,
            steering=self._steering,
            search=self._search,
            remembering=self._remembering,
            watching=self._watching,
        )

    def _build_admin(self, own_socket: socket.socket) -> None:
        app = own_endpoints(
            instance=self._name,
            registry=self._watching.registry,
            roster=self._roster,
            readiness=self._readiness,
            siblings=self._siblings,
            metrics=Metrics(self.measured.samples, self._remembering.state, self._siblings, self._told),
            explain=self._steering.explain,
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

    def _client_tls(self) -> ssl.SSLContext:
        server = self._settings.server
        assert server.keystore_path is not None, "the settings refuse https without it"
        return server_context(CertificateFiles(server.keystore_path, server.keystore_key))

    def _make_access_log(self) -> AccessLog | None:
        path = self._settings.server.access_log_path
        if path is None:
            return None
        claim = self._settings.request_analyzer_config.token_user_field
        return AccessLog(path, claim=claim, clock=time.monotonic, unix=time.time)

    # --- running

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        loops = [
            supervised(self._ticker.run, name="ticker"),
            *self._watching.loops(),
            *self._remembering.loops(),
            *self._steering.loops(),
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
            ssl=tls if listening.secure else None,
            ssl_handshake_timeout=self._settings.limits.head_timeout if listening.secure else None,
            backlog=LISTEN_BACKLOG,
        )

    async def _is_started(self, group: asyncio.TaskGroup) -> bool:
        """Load the cluster list; False when the instance was stopped meanwhile: a migration may take minutes."""
        starting = group.create_task(self._watching.registry.start())
        stopping = group.create_task(self._stopping.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        starting.cancel()
        stopping.cancel()
        return not self._stopping.is_set()

    async def _note_lateness(self) -> None:
        await asyncio.sleep(READY_AT_THE_LATEST_SECONDS)
        self._late = True

    async def _drain(self) -> None:
        """The end of service: say so, take what still comes for a while, finish what is running."""
        settings = self._settings
        log.info("stopping", instance=self._name, shutdown_delay_seconds=settings.shutdown_delay)
        self._serving.announce_end()
        await self._unless_stopped_now(settings.shutdown_delay)
        self._doors.close()
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
        self._watching.coordinators.keep_only(roster.by_url.keys())
        self._upstreams.follow(roster)
        self._watching.prober.probe_now(names)

    def _suspect(self, url: ClusterUrl, error: GatewayError) -> None:
        self._watching.prober.suspect(url, str(error))

    def _readiness(self) -> Readiness:
        database = self._watching.registry.database_state()
        roster = self._roster.value
        details = {
            "instance": self._name,
            "database": asdict(database),
            "clusters": {
                cluster.name: {"active": cluster.active, "status": roster.health_of(cluster.name).status.value}
                for cluster in roster.clusters[:CLUSTERS_SHOWN]
            },
            "connections": len(self._serving.connections),
            **self.memory_state(),
            **self._steering.state(),
        }
        if lacking := self._why_not_ready():
            return Readiness(False, lacking, details)
        return Readiness(
            True, "ok" if database.reachable else f"the database is not reachable: {database.error}", details
        )

    def _why_not_ready(self) -> str:
        """Empty when it should get requests."""
        if self._stopping.is_set():
            return "this instance is stopping"
        if not self._roster.value.loaded:
            return f"the cluster list is not known yet: {self._watching.registry.database_state().error}"
        if not (self._watching.prober.first_round_done.is_set() or self._late):
            return "the first round of health checks is still under way"
        return ""

    def _say_ready(self) -> None:
        for each in self._doors.own:
            address, port = each.socket.getsockname()[:2]
            log.info("listening", instance=self._name, address=address, port=port, tls=each.secure, version=__version__)
