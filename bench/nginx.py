"""nginx's configurations: as the fixed clusters' answers, and as the yardstick that Warren is measured against."""

from pathlib import Path
from typing import Final

from bench.traffic import (
    ANSWER_HEADERS,
    CLIENT_INFO,
    INFO,
    INFO_BODY,
    LARGE,
    PAGES,
    PLEASE_KNOWN,
    QUERY_ID,
    STATEMENT,
    STREAM,
    page,
)

CONNECTIONS: Final = 8192
"""Of one worker, both sides together: room for 2,000 clients."""


def answers(directory: Path, port: int, *, large: Path, stream: Path) -> str:
    """A cluster that always says the same; only the ids of new queries differ. `large` and `stream` are files to serve."""
    client_info = f"$http_{CLIENT_INFO.lower().replace('-', '_')}"
    headers = "\n        ".join(f'add_header {name} "{value}";' for name, value in ANSWER_HEADERS)
    # nginx has no counter: the number of the connection and that of the request on it, both with leading zeros, are unique.
    return _whole(
        directory,
        f"""
    map "000000$connection" $six_digits {{ "~(?<six>[0-9]{{6}})$" $six; }}
    map "00000$connection_requests" $five_digits {{ "~(?<five>[0-9]{{5}})$" $five; }}
    map {client_info} $query_id {{
        "{PLEASE_KNOWN}" "{QUERY_ID}";
        default "{QUERY_ID[:8]}_${{six_digits}}_${{five_digits}}_{QUERY_ID[-5:]}";
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        default_type application/json;
        {headers}
        location = {INFO} {{ return 200 '{INFO_BODY}'; }}
        location = {STATEMENT} {{ return 200 '{page("$query_id")}'; }}
        location {PAGES} {{ return 200 '{page(QUERY_ID)}'; }}
        location = {LARGE} {{ alias {large}; }}
        location = {STREAM} {{ alias {stream}; }}
    }}""",
    )


def proxy(directory: Path, port: int, *, cluster_port: int) -> str:
    """A reverse proxy with everything at its default but what Trino needs: kept connections and forwarded headers."""
    return _whole(
        directory,
        f"""
    upstream cluster {{
        server 127.0.0.1:{cluster_port};
        keepalive 2048;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://cluster;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}""",
    )


def _whole(directory: Path, http: str) -> str:
    # Every path that nginx has compiled in is overridden: some of them only root may write to.
    temporary = "\n    ".join(
        f"{kind}_temp_path {directory}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""daemon off;
worker_processes 1;
worker_rlimit_nofile {2 * CONNECTIONS};
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections {CONNECTIONS}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_max_body_size 0;
    {temporary}{http}
}}
"""
