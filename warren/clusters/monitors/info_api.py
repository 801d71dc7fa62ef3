"""Monitor type INFO_API: asks `/v1/info`, which every Trino answers without a user."""

import re
from collections.abc import Mapping

import orjson

from warren.clusters.monitors.monitor import Observation
from warren.drivers.http import Answer, HttpClient
from warren.errors import ClusterFellSilent, ClusterMisbehaved, ClusterUnreachable
from warren.model import Cluster, CoordinatorId, HealthStatus

PATH = "/v1/info"

UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ns|us|ms|s|m|h|d)")

_PASSING = frozenset({502, 503, 504})
"""Statuses that Trino, or a balancer in front of it, means as "ask again"."""


class InfoApi:
    def __init__(
        self, client: HttpClient, headers: Mapping[str, str], *, retries: int, deadline_seconds: float
    ) -> None:
        """`headers` are the forwarded headers that traffic carries: a cluster that would refuse those is not well.

        `retries`: how often a 502, 503 or 504 is asked again at once. The deadline is that of each question.
        """
        self._client = client
        self._headers = headers
        self._retries = retries
        self._deadline_seconds = deadline_seconds

    async def check(self, cluster: Cluster) -> Observation:
        try:
            return observed(await self._ask(cluster))
        except (ClusterUnreachable, ClusterFellSilent) as error:
            return _unwell(str(error), answered=False)
        except ClusterMisbehaved as error:
            return _unwell(str(error))

    async def _ask(self, cluster: Cluster) -> Answer:
        tries_left = self._retries
        while True:
            answer = await self._client.get(
                f"{cluster.proxy_to}{PATH}", self._headers, deadline_seconds=self._deadline_seconds
            )
            if answer.status not in _PASSING or tries_left <= 0:
                return answer
            tries_left -= 1


def observed(answer: Answer) -> Observation:
    """What an answer to `/v1/info` says about the cluster."""
    if answer.status == 406:
        return _unwell(
            "refuses forwarded headers (406), so it would refuse every statement:"
            " set http-server.process-forwarded=true in the cluster's config.properties"
        )
    if answer.status == 508:
        return _unwell("its proxyTo leads back to this gateway (508): it must be the address of a Trino coordinator")
    if answer.status != 200:
        return _unwell(f"answered {answer.status} to GET {PATH}")
    try:
        info = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return _unwell(f"did not answer GET {PATH} with JSON: is it a Trino coordinator?")
    if not isinstance(info, dict) or not isinstance(info.get("starting"), bool):
        return _unwell(f"its answer to GET {PATH} does not say whether it is starting: is it a Trino coordinator?")
    if info.get("coordinator") is False:
        return _unwell("is a Trino worker: proxyTo must be the address of the coordinator")
    shown = info.get("coordinatorId")
    coordinator_id = CoordinatorId(shown) if isinstance(shown, str) else None
    if info["starting"]:
        return Observation(
            status=HealthStatus.PENDING, reason="is starting", coordinator_id=coordinator_id, answered=True
        )
    uptime = seconds(info.get("uptime"))
    return Observation(status=HealthStatus.HEALTHY, coordinator_id=coordinator_id, uptime=uptime, answered=True)


def seconds(duration: object) -> float | None:
    """A duration as Trino writes it, such as `1.02m`; None for anything else."""
    found = DURATION.fullmatch(duration) if isinstance(duration, str) else None
    return float(found[1]) * UNITS[found[2]] if found is not None else None


def _unwell(reason: str, *, answered: bool = True) -> Observation:
    return Observation(status=HealthStatus.UNHEALTHY, reason=reason, answered=answered)
