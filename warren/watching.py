"""The part of an instance that knows which clusters there are and how they are: built once, from the settings."""

import random
import ssl
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from warren.clusters.changes import CHANNEL, Changes, Channel
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
from warren.drivers.sql_notify import NotifyChannel, can_notify
from warren.drivers.valkey.pubsub import ValkeyChannel
from warren.model import ClusterName, ClusterUrl
from warren.settings.root import Settings
from warren.settings.sections import MonitorType
from warren.settings.stores.jdbc import DatabaseUrl
from warren.tasks import supervised
from warren.wire.tls import cluster_context
from warren.wiring import probe_seconds, runs_migrations


class Watching:
    """The roster, and what keeps it true."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        state: Path,
        probe_headers: dict[str, str],
        on_change: Callable[[frozenset[ClusterName]], None],
        channels: Sequence[Channel],
    ) -> None:
        """`on_change` hears of changed clusters; `channels` tell the other instances of changes.

        Made inside the running loop. Raises OSError for a file of TLS.
        """
        self._settings = settings
        self._database = database
        self.roster = Current(Roster())
        self.coordinators = Coordinators()
        self.tls = _cluster_tls(settings)
        self._clock = SystemClock()
        self.http = HttpClient(tls=self.tls, connect_seconds=settings.server.monitor_client.connect_timeout_seconds)
        self.prober = Prober(
            self._monitor(probe_headers),
            self.roster,
            self.coordinators,
            self._clock,
            chance=random.random,
            interval_seconds=settings.monitor.task_delay,
            deadline_seconds=probe_seconds(settings),
            thresholds=Thresholds(
                failure=settings.monitor.failure_threshold, success=settings.monitor.success_threshold
            ),
        )
        self.changes = Changes(channels)
        self.registry = Registry(
            ClusterStore(database),
            Snapshot(state, origin=database.label),
            self.roster,
            on_change,
            migrate=database.migrate if runs_migrations(settings) else None,
            announce=self.changes.announce,
        )

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        return [
            supervised(self.registry.run, name="registry"),
            supervised(self.prober.run, name="prober"),
            supervised(lambda: self.changes.run(self.registry.read_soon), name="changes"),
        ]

    def unreachable_for(self, url: ClusterUrl) -> float:
        """As `Prober.unreachable_for`, now."""
        return self.prober.unreachable_for(url, self._clock.monotonic())

    async def close(self) -> None:
        await self.changes.close()
        await self.http.aclose()
        # Left open, its threads would keep a process that failed from ending.
        await self._database.close()

    def _monitor(self, headers: dict[str, str]) -> Monitor:
        settings = self._settings
        if settings.cluster_stats_configuration.monitor_type is MonitorType.NOOP:
            return Noop()
        return InfoApi(self.http, headers, retries=settings.monitor.retries, deadline_seconds=probe_seconds(settings))


def _cluster_tls(settings: Settings) -> ssl.SSLContext:
    tls = settings.proxy_tls
    return cluster_context(
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        verify_hostname=settings.server.proxy_client.hostname_verification,
    )


def channels_of(settings: Settings, url: DatabaseUrl) -> list[Channel]:
    """The ways to tell the other instances of changes; none when there is only SQLite, which no other host can share."""
    channels: list[Channel] = []
    valkey = settings.valkey_configuration
    if valkey.enabled:
        channels.append(ValkeyChannel(f"{valkey.key_prefix}:clusters", valkey.server))
    if can_notify(url):
        channels.append(NotifyChannel(CHANNEL, url))
    return channels
