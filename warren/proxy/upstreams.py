"""The connections to each cluster of the roster, made when first needed and closed when the cluster is gone."""

import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from warren.clusters.roster import Roster
from warren.errors import GatewayError
from warren.model import ClusterUrl
from warren.wire.syntax.forwarded import Destination
from warren.wire.ticker import Ticker
from warren.wire.upstream import Upstream, UpstreamLimits

DEFAULT_PORTS = {"http": 80, "https": 443}


class Upstreams:
    """One Upstream for each cluster URL."""

    def __init__(
        self,
        *,
        ticker: Ticker,
        limits: UpstreamLimits,
        tls: ssl.SSLContext,
        on_trouble: Callable[[ClusterUrl, GatewayError], None],
    ) -> None:
        """`tls` is the context for https clusters; `on_trouble` hears of refused connections and of silence."""
        self._ticker = ticker
        self._limits = limits
        self._tls = tls
        self._on_trouble = on_trouble
        self._by_url: dict[ClusterUrl, Upstream] = {}
        ticker.watch(self._tick)

    def of(self, url: ClusterUrl) -> Upstream:
        """The upstream of a cluster of the roster."""
        return self._by_url.get(url) or self._make(url)

    @property
    def by_url(self) -> Mapping[ClusterUrl, Upstream]:
        """Those that were needed so far."""
        return self._by_url

    def follow(self, roster: Roster) -> None:
        """Close the connections of clusters that have left the roster; answers under way still arrive."""
        for url in self._by_url.keys() - roster.by_url.keys():
            self._by_url.pop(url).close()

    def close(self) -> None:
        for upstream in self._by_url.values():
            upstream.close()
        self._by_url.clear()

    def _make(self, url: ClusterUrl) -> Upstream:
        parts = urlsplit(url)
        host = parts.hostname or ""

        def on_trouble(error: GatewayError) -> None:
            self._on_trouble(url, error)

        upstream = self._by_url[url] = Upstream(
            f"cluster {url}",
            host=host,
            port=parts.port or DEFAULT_PORTS[parts.scheme],
            prefix=parts.path.encode("ascii"),
            destination=Destination(host=parts.netloc.encode("ascii")),
            tls=self._tls if parts.scheme == "https" else None,
            ticker=self._ticker,
            limits=self._limits,
            on_trouble=on_trouble,
        )
        return upstream

    def _tick(self, now: float) -> None:
        for upstream in self._by_url.values():
            upstream.tick(now)
