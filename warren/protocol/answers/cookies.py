"""The cookie that tells a client which cluster took its statement."""

import re
from urllib.parse import urlsplit

from warren.model import ClusterUrl

CLUSTER_HOST = "trinoClusterHost"

_HOST = re.compile(r"[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]+\]")


def cluster_host_line(cluster: ClusterUrl) -> bytes:
    """The header line of a session cookie with the cluster's host name, without port or attributes.

    Empty when the URL names no host that can stand in a cookie, so that it can be appended to a head in any case.
    """
    host = urlsplit(cluster).hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return f"Set-Cookie: {CLUSTER_HOST}={host}\r\n".encode("ascii") if _HOST.fullmatch(host) else b""
