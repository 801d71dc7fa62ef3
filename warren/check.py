"""`warren check --connect`: does what the file names answer from here?"""

import asyncio
from dataclasses import dataclass

from warren.clusters.monitors.info_api import InfoApi
from warren.clusters.store import ClusterStore, Rows
from warren.drivers.http import HttpClient
from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.model import Cluster, Health, HealthStatus
from warren.settings.root import Settings
from warren.settings.stores.jdbc import DatabaseUrl
from warren.wire.tls import cluster_context
from warren.wiring import probe_headers, probe_seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing, in a sentence."""

    sentence: str
    is_well: bool


async def connect(settings: Settings, url: DatabaseUrl) -> list[Finding]:
    """Ask the database, then each of its clusters, all at once."""
    if url.path is not None and not url.path.exists():
        return [Finding(f"database {url.path}: does not exist yet; it is made when the gateway starts", True)]
    database = Database(url)
    try:
        await database.ping()
    except StoreUnavailable as error:
        await database.close()
        return [Finding(f"database {error}", False)]
    findings = [Finding(f"database {database.label}: answers", True)]
    try:
        rows = await ClusterStore(database).read()
    except StoreUnavailable as error:
        findings.append(Finding(f"cluster list: {error}; warren migrate makes the tables", False))
        rows = Rows((), ())
    finally:
        await database.close()
    findings.extend(Finding(f"cluster list: {sentence}", False) for sentence in rows.bad)
    return [*findings, *await _ask(settings, rows.clusters)]


async def healths(settings: Settings, clusters: tuple[Cluster, ...]) -> list[Health]:
    """How each of them is, asked once, all at the same time."""
    tls = settings.proxy_tls
    context = cluster_context(
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        verify_hostname=settings.server.proxy_client.hostname_verification,
    )
    http = HttpClient(tls=context, connect_seconds=settings.server.monitor_client.connect_timeout_seconds)
    headers = probe_headers(
        settings, port=settings.server.http_port, secure=settings.server.https_enabled, pseudonym="warren-check"
    )
    monitor = InfoApi(http, headers, retries=settings.monitor.retries, deadline_seconds=probe_seconds(settings))
    try:
        seen = await asyncio.gather(*(monitor.check(cluster) for cluster in clusters))
    finally:
        await http.aclose()
    return [Health(each.status, each.reason) for each in seen]


async def _ask(settings: Settings, clusters: tuple[Cluster, ...]) -> list[Finding]:
    findings = []
    for cluster, health in zip(clusters, await healths(settings, clusters), strict=True):
        is_well = health.status is HealthStatus.HEALTHY
        says = "answers" if is_well else f"{health.status.value.lower()}, {health.reason}"
        inactive = "" if cluster.active else " (inactive)"
        # People switch off what they take down, so an inactive cluster that is silent is nothing wrong.
        findings.append(
            Finding(f"cluster {cluster.name}{inactive} {cluster.proxy_to}: {says}", is_well or not cluster.active)
        )
    return findings
