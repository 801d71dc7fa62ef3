"""What rules may know of a request, taken from its exchange."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from warren.facts import RequestFacts, facts_of_head
from warren.wire.exchange import Exchange


def request_facts(exchange: Exchange) -> RequestFacts:
    """The request's head, as text."""
    path, question, query = exchange.target.decode("latin-1").partition("?")
    return facts_of_head(
        method=exchange.method.decode("ascii"),
        path=path,
        query=query if question else None,
        headers=texts(exchange.fields.named),
        remote_address=exchange.client.address(exchange).decode("ascii"),
        scheme=exchange.client.peer.scheme.decode("ascii"),
    )


def texts(named: Mapping[bytes, Sequence[bytes]]) -> dict[str, tuple[str, ...]]:
    """Fields as text: UTF-8, as Trino's clients send them."""
    return {
        name.decode("ascii", "replace"): (
            (values[0].decode("utf-8", "replace"),)  # as nearly always: a loop would cost half of all this
            if len(values) == 1
            else tuple(value.decode("utf-8", "replace") for value in values)
        )
        for name, values in named.items()
    }


def local_now(unix: float) -> datetime:
    """The moment, in the zone of this host."""
    return datetime.fromtimestamp(unix).astimezone()
