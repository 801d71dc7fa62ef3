"""Own endpoints with a registry in memory, and a way to ask them without a socket."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message

from warren.admin.app import own_endpoints
from warren.admin.entrance import CLIENT_ADDRESS, Entrance
from warren.admin.metrics import Metrics
from warren.admin.readiness import Readiness
from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import RegistryConflict, StoreUnavailable
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, SiblingAnswer
from warren.protocol.paths import Paths
from warren.routing.candidates import FallbackPolicy
from warren.rulebook.explaining import Explainer, Question
from warren.telemetry.metrics import Sample
from warren.telemetry.told import Alone, Telling

EVERYWHERE = ("0.0.0.0/0", "::/0")
JSON = {"Content-Type": "application/json"}

NO_CACHE = {
    "distributedCache": {"enabled": False},
    "tiers": {
        "in_process": {
            "entries": 0,
            "evicted": 0,
            "hits": 0,
            "hitsByCoordinatorId": 0,
            "misses": 0,
            "corrected": 0,
        }
    },
}
"""What an instance without Valkey, history and traffic says of its memory."""


class RegistryInMemory:
    """Keeps the clusters in the roster itself, in the order in which they came."""

    def __init__(self, roster: Current[Roster]) -> None:
        self._roster = roster
        self.fails: Exception | None = None

    async def add(self, cluster: Cluster) -> Cluster:
        clusters = self._clusters()
        if cluster.name in clusters:
            raise RegistryConflict(f"there is a cluster named {cluster.name} already")
        return self._store({**clusters, cluster.name: cluster}, cluster)

    async def save(self, cluster: Cluster) -> Cluster:
        return self._store({**self._clusters(), cluster.name: cluster}, cluster)

    async def set_active(self, name: ClusterName, active: bool) -> Cluster:
        clusters = self._clusters()
        if name not in clusters:
            raise RegistryConflict(f"there is no cluster named {name}")
        changed = replace(clusters[name], active=active)
        return self._store({**clusters, name: changed}, changed)

    async def delete(self, name: ClusterName) -> bool:
        clusters = self._clusters()
        was_there = clusters.pop(name, None) is not None
        self._roster.swap(self._roster.value.with_clusters(tuple(clusters.values())))
        return was_there

    def _clusters(self) -> dict[ClusterName, Cluster]:
        if self.fails is not None:
            raise self.fails
        return {cluster.name: cluster for cluster in self._roster.value.clusters}

    def _store(self, clusters: Mapping[ClusterName, Cluster], changed: Cluster) -> Cluster:
        self._roster.swap(self._roster.value.with_clusters(tuple(clusters.values())))
        return changed


@dataclass(slots=True)
class SiblingsThatSay:
    """Other workers with the same answers to whatever they are asked; none unless a test has some."""

    answers: tuple[SiblingAnswer, ...] = ()
    slot: int = 1
    asked: list[str] = field(default_factory=list)

    async def ask(self, path: str) -> tuple[SiblingAnswer, ...]:
        self.asked.append(path)
        return self.answers


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Own:
    """The endpoints of one instance, and what they stand on."""

    roster: Current[Roster] = field(default_factory=lambda: Current(Roster(loaded=True)))
    readiness: Readiness = field(default_factory=lambda: Readiness(True, "ok"))
    allow_from: Iterable[str] = EVERYWHERE
    siblings: SiblingsThatSay = field(default_factory=lambda: SiblingsThatSay())
    samples: list[Sample] = field(default_factory=list)
    told: Telling = field(default_factory=Alone)
    cache_state: Mapping[str, object] = field(default_factory=lambda: NO_CACHE)
    registry: RegistryInMemory = field(init=False)
    app: Entrance = field(init=False)

    def __post_init__(self) -> None:
        self.registry = RegistryInMemory(self.roster)
        self.app = own_endpoints(
            instance="gw-1",
            registry=self.registry,
            roster=self.roster,
            readiness=lambda: self.readiness,
            siblings=self.siblings,
            metrics=self.metrics(),
            explain=self.explain,
            allow_from=[ip_network(network) for network in self.allow_from],
        )

    async def explain(self, described: Mapping[str, Any]) -> Mapping[str, Any]:
        """As a gateway without rules."""
        explainer = Explainer(
            rules=lambda: None,
            classify=Paths(["/v1/statement"]).classify,
            clusters=lambda: self.roster.value,
            policy=FallbackPolicy(default=GroupName("adhoc"), strict=False),
            claim="email",
            analyses=False,
            max_body_size=1000,
            v2=False,
            now=lambda: datetime.fromtimestamp(0, UTC),
            chance=lambda: 0.0,
        )
        return await explainer.explain(Question(**described))

    def metrics(self) -> Metrics:
        async def samples() -> list[Sample]:
            return self.samples

        return Metrics(samples, lambda: self.cache_state, self.siblings, self.told)

    async def ask(
        self, method: str, target: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """As a client at 192.0.2.7 that sends `Host: gw.example`, unless the headers say otherwise."""
        sent = {"Host": "gw.example", CLIENT_ADDRESS: "192.0.2.7", **(headers or {})}
        return await ask(
            self.app, method, target, [body.encode() if isinstance(body, str) else body], list(sent.items())
        )


async def ask(
    app: ASGIApp, method: str, target: str, body: Iterable[bytes] = (), headers: Iterable[tuple[str, str]] = ()
) -> Answer:
    """One exchange with an ASGI app. The body comes in the given pieces; after None in them, the client has left."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},  # a stream ends by itself, and not when `receive` does
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": None,
        "server": None,
    }
    coming: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in body]
    coming.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Message] = []

    async def receive() -> Message:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *rest = sent
    return Answer(start["status"], Headers(raw=start["headers"]), b"".join(part.get("body", b"") for part in rest))


def cluster(name: str, *, active: bool = True, url: str = "", external: str = "", group: str = "adhoc") -> Cluster:
    proxy_to = url or f"http://{name}:8080"
    return Cluster(
        name=ClusterName(name),
        proxy_to=ClusterUrl(proxy_to),
        external_url=external or proxy_to,
        group=GroupName(group),
        active=active,
    )


def roster_of(*clusters: Cluster) -> Current[Roster]:
    return Current(Roster(clusters, loaded=True))


def unavailable() -> StoreUnavailable:
    return StoreUnavailable("no answer from the database within 2 s")
