"""The small page at `/trino-gateway`: which clusters there are and how they do. No script, nothing from elsewhere."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from warren.admin.readiness import Readiness
from warren.clusters.roster import Roster
from warren.current import Current
from warren.model import Cluster, Health

MOST_ROWS = 100
"""Clusters on the page: rendering shares the loop with everybody's queries."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ddd; }
code, pre { background: #f4f4f4; padding: .1rem .3rem; }
pre { padding: 1rem; overflow: auto; }
.HEALTHY { color: #14692c; } .UNHEALTHY { color: #a3161a; } .PENDING, .UNKNOWN { color: #7a5200; }
"""

_FIRST_STEP = """<p>There is no cluster yet. Add the first one:</p>
<pre>curl -X POST -H 'Content-Type: application/json' \\
  -d '{"name": "trino1", "proxyTo": "http://trino1.example:8080"}' \\
  http://THIS-GATEWAY/gateway/backend/modify/add</pre>"""


class Page:
    def __init__(self, instance: str, roster: Current[Roster], readiness: Callable[[], Readiness]) -> None:
        self._instance = instance
        self._roster = roster
        self._readiness = readiness
        allowed = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
        self._policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    async def show(self, _request: Request) -> Response:
        html = render(self._instance, self._roster.value, self._readiness())
        return HTMLResponse(html, headers={"Content-Security-Policy": self._policy})


def render(instance: str, roster: Roster, readiness: Readiness) -> str:
    """The whole page. Everything that comes from outside is escaped."""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Warren: clusters</title><style>{_STYLE}</style></head>
<body>
<h1>Warren, a gateway for Trino</h1>
<p>Instance <strong>{escape(instance)}</strong>: {escape(_state(readiness))}</p>
<h2>Clusters</h2>
{_table(roster) if roster.clusters else _FIRST_STEP}
<h2>More</h2>
<ul>
<li><a href="/gateway/backend/all">The clusters as JSON</a></li>
<li><a href="/trino-gateway/readyz">Readiness</a>; its details with <code>Accept: application/json</code></li>
<li>Adding, changing and removing clusters: <code>docs/api.md</code>, which comes with Warren</li>
</ul>
</body>
</html>
"""


def _state(readiness: Readiness) -> str:
    return readiness.sentence if readiness.sentence != "ok" else "ready"


def _table(roster: Roster) -> str:
    rows = "\n".join(_row(cluster, roster.health_of(cluster.name)) for cluster in roster.clusters[:MOST_ROWS])
    left = len(roster.clusters) - MOST_ROWS
    more = f"<p>… and {left} more: see the clusters as JSON below.</p>" if left > 0 else ""
    heads = "".join(f"<th>{title}</th>" for title in ("Name", "Group", "Active", "Health", "Sends to", "Shown as"))
    return f"<table>\n<tr>{heads}</tr>\n{rows}\n</table>\n{more}"


def _row(cluster: Cluster, health: Health) -> str:
    cells = (
        escape(cluster.name),
        escape(cluster.group),
        "yes" if cluster.active else "no",
        _health(health),
        escape(cluster.proxy_to),
        _link(cluster.external_url),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _health(health: Health) -> str:
    since = f" since {datetime.fromtimestamp(health.since, UTC):%Y-%m-%d %H:%M:%S} UTC" if health.since else ""
    reason = f"<br>{escape(health.reason)}" if health.reason else ""
    return f'<span class="{health.status.value}">{health.status.value}</span>{since}{reason}'


def _link(url: str) -> str:
    shown = escape(url)
    # Rows come from a shared table: a javascript: link must not become clickable here.
    if not url.startswith(("http://", "https://")):
        return shown
    return f'<a href="{shown}" rel="noreferrer noopener">{shown}</a>'
