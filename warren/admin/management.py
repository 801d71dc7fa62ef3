"""Seeing and changing the clusters: `/gateway/…`, `/entity…` and `/api/public/…`."""

from collections.abc import Iterable
from typing import Protocol

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from warren.admin.answers import body_of, json_answer
from warren.admin.backends import Backend, StrictBackend, backend_json, read_backend
from warren.admin.entrance import client_address
from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import RegistryConflict
from warren.model import Cluster, ClusterName, Health, HealthStatus

log = structlog.get_logger()

ENTITY_TYPES = ("GATEWAY_BACKEND",)

_OBSERVED = frozenset({HealthStatus.HEALTHY, HealthStatus.UNHEALTHY})


class Registry(Protocol):
    """Where clusters are kept. Every change is in the roster of this instance when the call returns.

    All may raise StoreUnavailable, within a deadline of their own.
    """

    async def add(self, cluster: Cluster, /) -> object:
        """Raises RegistryConflict when the name is taken."""
        ...

    async def save(self, cluster: Cluster, /) -> object:
        """Replace, or add. Raises RegistryConflict when others keep changing the same one."""
        ...

    async def set_active(self, name: ClusterName, active: bool, /) -> Cluster:
        """Raises RegistryConflict when no cluster has the name."""
        ...

    async def delete(self, name: ClusterName, /) -> bool:
        """Whether there was such a cluster."""
        ...


class Management:
    def __init__(self, registry: Registry, roster: Current[Roster]) -> None:
        self._registry = registry
        self._roster = roster

    async def gateway(self, _request: Request) -> Response:
        # Bare text under the name of JSON: upstream's answer, which health checks compare.
        return Response("ok", media_type="application/json")

    async def all_backends(self, _request: Request) -> Response:
        return _list(self._roster.value.clusters)

    async def active_backends(self, _request: Request) -> Response:
        return _list(cluster for cluster in self._roster.value.clusters if cluster.active)

    async def backend(self, request: Request) -> Response:
        return json_answer(backend_json(self._named(request)))

    async def state(self, request: Request) -> Response:
        cluster = self._named(request)
        return json_answer(state_json(cluster, self._roster.value.health_of(cluster.name)))

    async def add(self, request: Request) -> Response:
        backend = read_backend(await _json_body(request), Backend)
        cluster = backend.cluster()
        try:
            await self._registry.add(cluster)
        except RegistryConflict as error:
            raise HTTPException(409, f"{error}; /gateway/backend/modify/update changes it") from error
        _changed("cluster_added", request, cluster.name)
        return json_answer(backend.echo())

    async def update(self, request: Request) -> Response:
        backend = read_backend(await _json_body(request), Backend)
        await self._save(request, backend)
        return json_answer(backend.echo())

    async def delete(self, request: Request) -> Response:
        """The body is the name itself, not JSON, and every character of it counts. An unknown name is deleted too."""
        try:
            name = (await body_of(request)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise HTTPException(400, "the body must be the name of a cluster in UTF-8, and nothing else") from error
        if name and await self._registry.delete(ClusterName(name)):
            _changed("cluster_deleted", request, name)
        return Response()

    async def activate(self, request: Request) -> Response:
        return await self._set_active(request, active=True)

    async def deactivate(self, request: Request) -> Response:
        return await self._set_active(request, active=False)

    async def entity_types_or_save(self, request: Request) -> Response:
        return await self._save_entity(request) if request.method == "POST" else json_answer(ENTITY_TYPES)

    async def entities(self, request: Request) -> Response:
        kind = request.path_params["type"]
        if kind not in ENTITY_TYPES:
            raise HTTPException(404, f"there is no entity type {kind!a}; known is {', '.join(ENTITY_TYPES)}")
        return await self.all_backends(request)

    async def _save_entity(self, request: Request) -> Response:
        kind = request.query_params.get("entityType", "")
        if kind not in ENTITY_TYPES:
            known = " or ".join(ENTITY_TYPES)
            raise HTTPException(400, f"the query parameter entityType is {kind!a}; it must be {known}")
        await self._save(request, read_backend(await body_of(request), StrictBackend))
        return Response()

    async def _save(self, request: Request, backend: Backend) -> None:
        cluster = backend.cluster()
        try:
            await self._registry.save(cluster)
        except RegistryConflict as error:
            raise HTTPException(409, str(error)) from error
        _changed("cluster_saved", request, cluster.name)

    async def _set_active(self, request: Request, *, active: bool) -> Response:
        name = ClusterName(request.path_params["name"])
        try:
            await self._registry.set_active(name, active)
        except RegistryConflict as error:
            raise HTTPException(404, str(error)) from error
        _changed("cluster_activated" if active else "cluster_deactivated", request, name)
        return Response()

    def _named(self, request: Request) -> Cluster:
        name = request.path_params["name"]
        cluster = self._roster.value.named(name)
        if cluster is None:
            raise HTTPException(404, f"there is no cluster named {name!a}")
        return cluster


def state_json(cluster: Cluster, health: Health) -> dict[str, object]:
    """Upstream's ClusterStats. The URLs and the group are absent until the cluster was observed, as there.

    The counts are those of upstream's INFO_API monitor, which counts nothing.
    """
    state: dict[str, object] = {
        "clusterId": cluster.name,
        "runningQueryCount": 0,
        "queuedQueryCount": 0,
        "numWorkerNodes": 0,
        "trinoStatus": health.status.value,
    }
    if health.status in _OBSERVED:
        state |= {
            "proxyTo": cluster.proxy_to,
            "externalUrl": cluster.external_url,
            "routingGroup": cluster.group,
        }
    return state


def _list(clusters: Iterable[Cluster]) -> Response:
    return json_answer([backend_json(cluster) for cluster in clusters])


async def _json_body(request: Request) -> bytes:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise HTTPException(415, f"the content type is {media!a}; send application/json")
    return await body_of(request)


def _changed(event: str, request: Request, name: str) -> None:
    log.info(event, cluster=name, by=str(client_address(request.headers)))
