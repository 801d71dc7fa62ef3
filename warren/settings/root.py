"""The whole file: every section and every key of the top level."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from warren.settings.rules import Analyzer, RoutingRules
from warren.settings.section import (
    EVERYWHERE,
    Flag,
    Kind,
    Location,
    Network,
    Pattern,
    Seconds,
    Section,
    Text,
    number_of,
    refused_at,
    told,
)
from warren.settings.sections import (
    BackendState,
    ClusterStats,
    DatabaseCache,
    Limits,
    Memory,
    Monitor,
    ProxyResponse,
    ProxyTls,
    Routing,
    Search,
)
from warren.settings.server import ServerSettings
from warren.settings.stores.store import DataStore
from warren.settings.stores.valkey import ValkeyConfiguration
from warren.settings.units import WrongValue

NAME = re.compile(r"[A-Za-z0-9._-]+")
STATEMENT = "/v1/statement"
MOST_WORKERS = 256
AUTO: Literal["auto"] = "auto"

Workers = int | Literal["auto"]


def statement_paths(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Upstream's rule: absolute, and none a prefix of another, or one request would belong to two of them."""
    trimmed = tuple(path.rstrip("/") for path in paths)
    wrong = [((index,), WrongValue(said)) for index in range(len(paths)) if (said := unfit(trimmed, index))]
    if wrong:
        raise refused_at(wrong)
    return trimmed


def unfit(paths: tuple[str, ...], index: int) -> str | None:
    """What is wrong with one of them, if anything; the others are named by their place, for a value may be a secret."""
    path = paths[index]
    if not path.startswith("/"):
        return "statement paths must be absolute: start with / and name a path"
    if not path.isascii() or not path.isprintable() or set(path) & set("?#%\\ ") or "//" in path:
        return "write a plain path: ASCII, without ? # % \\, blanks or empty segments"
    if {".", ".."} & set(path.split("/")):
        return "write the path without . and .. segments"
    others = {STATEMENT: STATEMENT} | {f"additionalStatementPaths[{i}]": other for i, other in enumerate(paths[:index])}
    for name, other in others.items():
        if path.startswith(other) or other.startswith(path):
            return f"statement paths cannot be prefixes of each other, and this and {name} are"
    return None


def plain_name(name: str, _: ValidationInfo) -> str:
    if not NAME.fullmatch(name):
        raise WrongValue("a name has letters, digits, dots, dashes and underscores only: it appears in headers")
    return name


def workers_of(value: Any, info: ValidationInfo | None = None) -> Workers:
    """A number of worker processes, or `auto`. Raises WrongValue."""
    if isinstance(value, str) and value.strip().lower() == AUTO:
        return AUTO
    number = number_of(value, info)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_WORKERS:
        raise WrongValue(f"write a number of processes, 1 to {MOST_WORKERS}, or auto: one for each usable core")
    return number


class Settings(Section):
    """Everything that can be said in the configuration file."""

    server: Annotated[ServerSettings, Field(alias="serverConfig")] = ServerSettings()
    """Ports, TLS, forwarded headers and HTTP clients."""
    data_store: DataStore | None = None
    """The database. Without it an SQLite file in `stateDirectory` is used."""
    monitor: Monitor = Monitor()
    """How clusters are watched."""
    routing: Routing = Routing()
    """Deadlines, forwarded headers towards clusters, default group."""
    extra_whitelist_paths: tuple[Pattern, ...] = ()
    """More paths to pass to clusters: each must match the whole path."""
    additional_statement_paths: Annotated[tuple[Text, ...], AfterValidator(statement_paths)] = ()
    """More paths that work like `/v1/statement`."""
    include_cluster_host_in_response: Flag = False
    """Whether answers carry a cookie `trinoClusterHost` with the cluster's host."""
    proxy_response_configuration: ProxyResponse = ProxyResponse()
    """Upstream's limit on answers."""
    database_cache: DatabaseCache = DatabaseCache()
    """Upstream's cache of the list of clusters."""
    cluster_stats_configuration: ClusterStats = ClusterStats()
    """Which way clusters are asked how they are."""
    backend_state: BackendState | None = None
    """Credentials of the monitors that log in to clusters."""
    state_directory: Location | None = None
    """Where the gateway keeps what must survive a restart. Beside this file unless written; where that directory is
    read-only, `$XDG_STATE_HOME/warren` or `~/.local/state/warren`."""
    trusted_proxies: tuple[Network, ...] = EVERYWHERE
    """Networks whose forwarded headers are believed when `http-server.process-forwarded` is true."""
    admin_allow_from: tuple[Network, ...] = EVERYWHERE
    """Networks that may use the management API."""
    shutdown_delay: Annotated[Seconds, Field(ge=0)] = 5.0
    """How long connections are still taken after SIGTERM, so that load balancers can notice."""
    drain_timeout: Annotated[Seconds, Field(ge=0)] = 30.0
    """How long running requests may take to end after that."""
    instance_name: Annotated[Text, Field(min_length=1, max_length=255), AfterValidator(told(plain_name))] | None = None
    """The name of this instance in errors, logs and `Via`. The host's name unless written."""
    workers: Annotated[
        Workers, BeforeValidator(told(workers_of)), Kind(f"integer, 1 to {MOST_WORKERS}, or `{AUTO}`")
    ] = 1
    """How many processes serve on this host; `auto`: one for each usable core. `warren serve --workers` wins."""
    proxy_tls: ProxyTls = ProxyTls()
    """TLS towards clusters."""
    memory: Memory = Memory()
    """Where running queries live, in this process."""
    valkey_configuration: ValkeyConfiguration = ValkeyConfiguration()
    """The distributed cache: where running queries live, for all instances."""
    search: Search = Search()
    """Asking all clusters for a query that this instance does not know."""
    routing_rules: RoutingRules = RoutingRules()
    """Rules that choose the routing group of a statement."""
    request_analyzer_config: Analyzer = Analyzer()
    """What is found out about a statement before it is routed."""
    limits: Limits = Limits()
    """Bounds on what clients can make an instance hold."""


def state_directory(settings: Settings, *, beside: Path | None, environment: Mapping[str, str]) -> Path:
    """Where the gateway keeps its files; not created here.

    `beside` is the directory of the configuration file, None when there is no file.
    """
    if settings.state_directory is not None:
        return settings.state_directory
    if beside is not None and os.access(beside, os.W_OK | os.X_OK):
        return beside
    # The standard says that a relative path in this variable is to be ignored.
    said = Path(environment.get("XDG_STATE_HOME", ""))
    return (said if said.is_absolute() else Path.home() / ".local" / "state") / "warren"
