"""A client's session, which Trino keeps in the client's own headers, and the statements that change it."""

import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from warren.simulator.sql.commands import (
    Deallocate,
    Prepare,
    ResetSession,
    SetSession,
    SetTimeZone,
    Transaction,
    Use,
)
from warren.simulator.sql.failures import Failure, Position
from warren.simulator.sql.metadata import SESSION_PROPERTIES

MOST_TRANSACTIONS = 10_000
TRANSACTION_IDLE_SECONDS = 300.0

_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?P<number>\d{1,9}(?:\.\d+)?)\s*(?P<unit>ns|us|ms|s|m|h|d)")

SessionCommand = Use | SetSession | ResetSession | Prepare | Deallocate | Transaction | SetTimeZone
Header = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the headers of a statement say about its session."""

    user: str
    source: str | None = None
    catalog: str | None = None
    schema: str | None = None
    transaction: str | None = None
    """A transaction id, `NONE` for a client that could have one, or nothing."""
    properties: Mapping[str, str] = field(default_factory=dict)
    prepared: Mapping[str, str] = field(default_factory=dict)
    parametric: bool = False
    """Whether the client understands `timestamp(6)`."""

    @property
    def in_transaction(self) -> bool:
        return self.transaction not in {None, "NONE"}


class Transactions:
    """The open transactions of one coordinator. Others' ids are unknown to it, as in Trino."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}

    def start(self) -> str:
        self._forget_idle()
        if len(self._used) >= MOST_TRANSACTIONS:
            raise Failure("GENERIC_INTERNAL_ERROR", f"more than {MOST_TRANSACTIONS} transactions are open")
        made = str(uuid.uuid4())
        self._used[made] = time.monotonic()
        return made

    def check(self, transaction: str) -> None:
        """Raise a Failure unless the transaction is open here; renews it."""
        self._forget_idle()
        if transaction not in self._used:
            raise Failure(
                "UNKNOWN_TRANSACTION",
                f"Unknown transaction ID: {transaction}. Possibly expired?"
                " Commands ignored until end of transaction block",
            )
        self._used[transaction] = time.monotonic()

    def end(self, transaction: str) -> None:
        self.check(transaction)
        self._used.pop(transaction, None)

    def open(self) -> list[str]:
        return list(self._used)

    def _forget_idle(self) -> None:
        oldest = time.monotonic() - TRANSACTION_IDLE_SECONDS
        for transaction in [t for t, used in list(self._used.items()) if used < oldest]:
            self._used.pop(transaction, None)


def run_time_limit(session: Session) -> float | None:
    """Seconds that the session gives a query, as JDBC's query time-out does; None without a limit."""
    found = _DURATION.fullmatch(session.properties.get("query_max_run_time", ""))
    return float(found["number"]) * _SECONDS[found["unit"]] if found else None


def check_session(session: Session, transactions: Transactions) -> None:
    """What Trino checks before it looks at a statement."""
    if session.in_transaction and session.transaction:
        transactions.check(session.transaction)
    for name in session.properties:
        if name not in SESSION_PROPERTIES:
            raise Failure("INVALID_SESSION_PROPERTY", f"Session property '{name}' does not exist")


def change(
    command: SessionCommand, session: Session, transactions: Transactions, schemas: frozenset[tuple[str, str]]
) -> tuple[str, tuple[Header, ...]]:
    """The update type, and the headers that tell the client its session has changed."""
    match command:
        case Use():
            return "USE", _use(command, session, schemas)
        case SetSession(name, value):
            _known_property(name)
            return "SET SESSION", (("X-Trino-Set-Session", f"{name}={quote_plus(value)}"),)
        case ResetSession(name):
            _known_property(name)
            return "RESET SESSION", (("X-Trino-Clear-Session", name),)
        case Prepare(name, sql):
            return "PREPARE", (("X-Trino-Added-Prepare", f"{quote_plus(name)}={quote_plus(sql)}"),)
        case Deallocate(name):
            if name not in session.prepared:
                raise Failure("NOT_FOUND", f"Prepared statement not found: {name}")
            return "DEALLOCATE", (("X-Trino-Deallocated-Prepare", quote_plus(name)),)
        case SetTimeZone():
            return "SET TIME ZONE", ()
        case Transaction(verb):
            return verb, _transaction(verb, session, transactions)


def _known_property(name: str) -> None:
    if name not in SESSION_PROPERTIES:
        raise Failure("INVALID_SESSION_PROPERTY", f"Session property '{name}' does not exist", Position(1, 1))


def _use(command: Use, session: Session, schemas: frozenset[tuple[str, str]]) -> tuple[Header, ...]:
    catalog = command.catalog or session.catalog
    if not catalog:
        message = "Catalog must be specified when session catalog is not set"
        raise Failure("MISSING_CATALOG_NAME", message, Position(1, 1))
    if not any(known == catalog for known, _ in schemas):
        raise Failure("CATALOG_NOT_FOUND", f"Catalog '{catalog}' not found")
    if (catalog, command.schema) not in schemas:
        raise Failure("NOT_FOUND", f"Schema does not exist: {catalog}.{command.schema}")
    set_catalog = (("X-Trino-Set-Catalog", catalog),) if command.catalog else ()
    return (*set_catalog, ("X-Trino-Set-Schema", command.schema))


def _transaction(verb: str, session: Session, transactions: Transactions) -> tuple[Header, ...]:
    if verb == "START TRANSACTION":
        if session.transaction is None:
            raise Failure("INCOMPATIBLE_CLIENT", "Client does not support transactions")
        if session.in_transaction:
            raise Failure("NOT_SUPPORTED", "Nested transactions not supported")
        return (("X-Trino-Started-Transaction-Id", transactions.start()),)
    if not session.in_transaction or session.transaction is None:
        raise Failure("NOT_IN_TRANSACTION", "No transaction in progress")
    transactions.end(session.transaction)
    return (("X-Trino-Clear-Transaction-Id", "true"),)
