from warren.clusters.monitors.monitor import Observation
from warren.clusters.monitors.noop import Noop
from warren.model import Cluster, ClusterName, ClusterUrl, GroupName, HealthStatus


async def test_every_cluster_is_healthy_though_none_has_answered() -> None:
    nowhere = Cluster(
        name=ClusterName("blue"),
        proxy_to=ClusterUrl("http://nowhere.invalid"),
        external_url="",
        group=GroupName("adhoc"),
        active=True,
    )
    assert await Noop().check(nowhere) == Observation(status=HealthStatus.HEALTHY, answered=False)
