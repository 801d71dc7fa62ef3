"""Every metric that there is, with its labels: the one table; and what a reading of them looks like."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from warren.telemetry.histogram import Distribution

WORKER: Final = "worker"
"""The label that tells workers apart, where their numbers must not be added."""


class Kind(Enum):
    """What can be done with the numbers of a family; by Prometheus's names."""

    COUNTER = "counter"
    """Only ever grows, until the process ends. Its name ends in `_total`."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    """Its bounds are `histogram.SECONDS`."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric by its full name."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    of_each: bool = False
    """What several workers say of it is not added: each has a line of its own, under the label WORKER."""


def _counter(name: str, help_text: str, *labels: str) -> Family:
    return Family(name, Kind.COUNTER, help_text, labels)


def _gauge(name: str, help_text: str, *labels: str, of_each: bool = False) -> Family:
    return Family(name, Kind.GAUGE, help_text, labels, of_each)


def _histogram(name: str, help_text: str, *labels: str) -> Family:
    return Family(name, Kind.HISTOGRAM, help_text, labels)


class Metric(Enum):
    """The table, in the order in which it is shown. `docs/operations.md` has a row for each.

    Labels have few values: clusters of the roster, tiers, Valkey servers, outcomes. Never users, query ids or URLs.
    """

    CLIENT_ANSWERS = _counter("warren_client_answers_total", "Answers to clients, by class of status", "status")
    CLIENT_ABANDONED = _counter("warren_client_abandoned_total", "Requests whose client left before an answer began")
    CLIENT_RECEIVED = _counter("warren_client_received_bytes_total", "Bytes received from clients, without TLS")
    CLIENT_SENT = _counter("warren_client_sent_bytes_total", "Bytes sent to clients, without TLS")
    CLIENT_CONNECTIONS = _gauge("warren_client_connections", "Open connections of clients")
    CLIENT_EXCHANGES = _gauge("warren_client_exchanges", "Requests that are being answered")
    CLIENT_REFUSED = _counter(
        "warren_client_connections_refused_total", "Connections of clients for which there was no room"
    )

    UPSTREAM_REQUESTS = _counter("warren_upstream_requests_total", "Requests sent to a cluster", "cluster")
    UPSTREAM_ANSWERS = _counter(
        "warren_upstream_answers_total", "Heads of answers from a cluster, by class of status", "cluster", "status"
    )
    UPSTREAM_ERRORS = _counter(
        "warren_upstream_errors_total", "Requests that a cluster did not answer, by what went wrong", "cluster", "error"
    )
    UPSTREAM_HEAD = _histogram(
        "warren_upstream_head_seconds", "From sending a request to the head of its answer", "cluster"
    )
    UPSTREAM_CONNECTIONS = _gauge("warren_upstream_connections", "Open connections to a cluster", "cluster")
    UPSTREAM_IDLE = _gauge("warren_upstream_connections_idle", "Those of them that carry no request", "cluster")
    UPSTREAM_WAITING = _gauge("warren_upstream_waiting", "Requests that wait for a connection to a cluster", "cluster")

    STATEMENTS = _counter("warren_statements_total", "Statements, by what became of them", "outcome")
    STATEMENT_TRIES = _counter("warren_statement_tries_total", "Clusters that were asked to take a statement")
    STATEMENT_SECONDS = _histogram("warren_statement_seconds", "From a statement's arrival to its first answer")

    DECISIONS = _counter("warren_decisions_total", "Requests whose routing group was decided, by what did it", "by")
    RULES = _gauge("warren_rules", "Rules in force", of_each=True)
    RULES_CURRENT = _gauge("warren_rules_current", "Whether the rules file as it is now is in force", of_each=True)
    RULES_CHANGES = _counter("warren_rules_changes_total", "Times that the rules file had changed", "outcome")
    RULES_SERVICE = _counter("warren_rules_service_total", "Requests that the rules service was to decide", "outcome")
    RULES_SERVICE_SECONDS = _histogram("warren_rules_service_seconds", "How long calls of the rules service took")
    RULES_SERVICE_OPEN = _gauge("warren_rules_service_open", "Whether the rules service is left alone", of_each=True)
    ANALYSED = _counter("warren_statements_analysed_total", "Statements whose SQL was read", "outcome")
    KILLS = _counter("warren_kills_total", "Statements that kill a query, by how its cluster became known", "by")
    USER_INFO = _counter("warren_user_info_total", "Tokens that the UserInfo endpoint was to explain", "outcome")

    OWNERS = _counter(
        "warren_owners_known_total", "Requests about queries whose owner became known, by what told it", "by"
    )
    SEARCHES_STARTED = _counter("warren_searches_started_total", "Times that all clusters were asked for an owner")
    SEARCHES = _counter("warren_searches_total", "Searches that ended, by what they found", "outcome")
    SEARCHES_RUNNING = _gauge("warren_searches_running", "Searches under way")
    BELIEVED = _counter(
        "warren_placements_believed_total", "Owners that a store named, by what the cluster itself said", "outcome"
    )
    CORRECTED = _counter("warren_placements_corrected_total", "Wrong owners in a store that were put right")

    TIER_REQUESTS = _counter("warren_memory_requests_total", "Lookups in a tier of memory", "tier")
    TIER_HITS = _counter("warren_memory_hits_total", "Lookups that found a placement", "tier")
    TIER_MISSES = _counter("warren_memory_misses_total", "Lookups that found none", "tier")
    TIER_REJECTED = _counter("warren_memory_rejected_total", "Found values that lead to no cluster of the list", "tier")
    TIER_ERRORS = _counter("warren_memory_errors_total", "Lookups that failed", "tier")
    TIER_WRITES = _counter("warren_memory_writes_total", "Writes to a tier", "tier")
    TIER_WRITE_ERRORS = _counter("warren_memory_write_errors_total", "Writes that failed; they are repeated", "tier")
    TIER_SECONDS = _histogram("warren_memory_lookup_seconds", "How long lookups in a tier took", "tier")
    MEMORY_ENTRIES = _gauge("warren_memory_entries", "Placements that are remembered in the process")
    MEMORY_EVICTED = _counter("warren_memory_evicted_total", "Placements in use that had to go for others")

    CACHE_BREAKER = _gauge(
        "warren_cache_breaker_open", "Whether a Valkey server is left alone (1)", "server", "breaker", of_each=True
    )
    CACHE_OPENED = _counter("warren_cache_breaker_opened_total", "How often that began", "server", "breaker")
    CACHE_CONNECTIONS = _gauge("warren_cache_connections", "Connections to a Valkey server", "server", "state")
    CACHE_WAITING = _gauge("warren_cache_writes_waiting", "Writes to Valkey that wait in the background")
    CACHE_DROPPED = _counter("warren_cache_writes_dropped_total", "Such writes that had to go for later ones")

    HISTORY_WAITING = _gauge("warren_history_waiting_rows", "Rows that wait for the database, by where", "where")
    HISTORY_WAITING_BYTES = _gauge("warren_history_waiting_bytes", "How much they take", "where")
    HISTORY_WRITTEN = _counter("warren_history_written_total", "Rows that the database took")
    HISTORY_BATCHES = _counter("warren_history_batches_total", "Batches of rows, by what became of them", "outcome")
    HISTORY_SPILLED = _counter("warren_history_spilled_total", "Rows that were put on disk meanwhile")
    HISTORY_REPLAYED = _counter("warren_history_replayed_total", "Rows that were written from there")
    HISTORY_ALTERED = _counter("warren_history_altered_total", "Rows that the database took in a milder form only")
    HISTORY_SET_ASIDE = _counter("warren_history_set_aside_total", "Rows that it took in no form")
    HISTORY_DROPPED = _counter(
        "warren_history_dropped_total", "Rows that are lost, by where there was no room", "where"
    )
    HISTORY_DAMAGED = _counter("warren_history_damaged_total", "Lines of files with rows that could not be read")
    HISTORY_TRIMMED = _counter("warren_history_trimmed_total", "Rows deleted because of their age")

    CLUSTER_ACTIVE = _gauge("warren_cluster_active", "Whether people let a cluster work (1)", "cluster", of_each=True)
    CLUSTER_STATUS = _gauge(
        "warren_cluster_status", "1 for the status that a cluster has, else 0", "cluster", "status", of_each=True
    )
    CLUSTER_PROBES = _counter("warren_cluster_probes_total", "Health checks of a cluster", "cluster")
    CLUSTER_PROBES_FAILED = _counter(
        "warren_cluster_probes_failed_total", "Health checks after which it was not well", "cluster"
    )

    DATABASE_REACHABLE = _gauge("warren_database_reachable", "Whether the database answers (1)", of_each=True)
    DATABASE_READ = _gauge(
        "warren_database_last_read_age_seconds", "Since the list of clusters was last read", of_each=True
    )

    WORKER_UP = _gauge("warren_worker_up", "Whether a worker of this host has answered (1)", "slot")
    # These names are those of Prometheus's own clients, which dashboards know.
    PROCESS_MEMORY = _gauge("process_resident_memory_bytes", "Resident memory of the process")
    PROCESS_DESCRIPTORS = _gauge("process_open_fds", "Open file descriptors")
    PROCESS_CPU = _counter("process_cpu_seconds_total", "Processor time that was used, in user and system mode")
    PROCESS_START = _gauge("process_start_time_seconds", "Unix time at which the process started", of_each=True)
    BUILD = _gauge("warren_build_info", "Always 1", "version", of_each=True)


@dataclass(frozen=True, slots=True)
class Sample:
    """One number, or one distribution, of a family."""

    metric: Metric
    labels: tuple[str, ...]
    """A value for each label of the family, in its order."""
    value: float | Distribution
    worker: str | None = None
    """Whose it is, when it stands among those of others and is not added to them."""
