"""`warren check --connect`: does what the file names answer from here?"""

import asyncio

from warren.clusters.monitors.info_api import InfoApi
from warren.clusters.store import ClusterStore
from warren.drivers.http import HttpClient
from warren.drivers.sql import Database
from warren.errors import StoreUnavailable
from warren.model import Cluster, HealthStatus
from warren.process import unusable
from warren.settings.jdbc import DatabaseUrl
from warren.settings.root import Settings
from warren.wire.tls import cluster_context

CLUSTER_SECONDS = 5.0


async def connect(settings: Settings, url: DatabaseUrl) -> list[str]:
    """Ask the database, then each of its clusters. Sentences about what is well; raises SettingsError about the rest."""
    if url.path is not None and not url.path.exists():
        return [f"database {url.path}: does not exist yet; it is made when the gateway starts"]
    database = Database(url)
    try:
        await database.ping()
        well = [f"database {database.label}: answers"]
        rows = await ClusterStore(database).read()
    except StoreUnavailable as error:
        raise unusable("dataStore", database.label, str(error)) from error
    finally:
        await database.close()
    well.extend(f"row skipped: {sentence}" for sentence in rows.bad)
    well.extend(await _ask(settings, rows.clusters))
    return well


async def _ask(settings: Settings, clusters: tuple[Cluster, ...]) -> list[str]:
    tls = settings.proxy_tls
    context = cluster_context(
        ca_file=tls.ca_file,
        cert_file=tls.cert_file,
        key_file=tls.key_file,
        verify_hostname=settings.server.proxy_client.hostname_verification,
    )
    http = HttpClient(tls=context, connect_seconds=settings.server.monitor_client.connect_timeout_seconds)
    monitor = InfoApi(http, {}, retries=0, deadline_seconds=CLUSTER_SECONDS)
    try:
        seen = await asyncio.gather(*(monitor.check(cluster) for cluster in clusters))
    finally:
        await http.aclose()
    return [
        f"cluster {cluster.name} ({cluster.proxy_to}): "
        + ("answers" if each.status is HealthStatus.HEALTHY else f"{each.status.value}, {each.reason}")
        for cluster, each in zip(clusters, seen, strict=True)
    ]
