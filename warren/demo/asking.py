"""What the demo asks its gateways, as any client would: by HTTP, and by nothing else."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from warren.demo.processes import DemoFailed

ASK_SECONDS: Final = 30.0

KNOWN_FROM: Final = (
    ("in_process", "hits", "its own memory (L1)"),
    ("in_process", "hitsByCoordinatorId", "the coordinator id"),
    ("valkey", "hits", "Valkey (L2)"),
    ("history", "hits", "the database (L3)"),
)
"""By tier and count, what a person calls it."""
ASKED: Final = "asking the clusters"


@dataclass(frozen=True, slots=True)
class Gateway:
    """One instance, by its address."""

    name: str
    url: str

    def tiers(self) -> Mapping[str, Mapping[str, Any]]:
        """What each tier has been asked so far."""
        found: Mapping[str, Mapping[str, Any]] = self._memory()["tiers"]
        return found

    def cache_is(self, state: str) -> bool:
        """Whether the breaker before the distributed cache is `open` or `closed`."""
        return {server["breaker"] for server in self._memory()["distributedCache"]["servers"]} == {state}

    def _memory(self) -> Any:
        request = urllib.request.Request(  # noqa: S310 - http on loopback
            f"{self.url}/trino-gateway/readyz", headers={"Accept": "application/json"}
        )
        return fetch(request)["details"]


@dataclass(frozen=True, slots=True)
class Answered:
    """One request about a query, which instance answered it, and how that one knew the cluster."""

    what: str
    gateway: Gateway
    known_from: str


def followed(query: Mapping[str, Any], gateways: tuple[Gateway, Gateway]) -> tuple[list[Answered], list[list[Any]]]:
    """Follow a query to its end, each request at the other instance than the one before; who knew it how, and its rows."""
    page, answers, rows = query, list[Answered](), list[list[Any]]()
    number = 0
    while "nextUri" in page:
        number += 1
        gateway = gateways[number % 2]
        before = gateway.tiers()
        page = fetch(moved(page["nextUri"], gateway.url))
        answers.append(Answered(f"poll {number}", gateway, known_from(before, gateway.tiers())))
        if "error" in page:
            raise DemoFailed(f"the query failed: {page['error']['message']}")
        rows.extend(page.get("data", []))
    return answers, rows


def known_from(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> str:
    """Which tier has answered between the two looks."""
    for tier, count, words in KNOWN_FROM:
        if tier in after and after[tier][count] > before[tier][count]:
            return words
    return ASKED


def moved(url: str, to: str) -> str:
    """The same request at another instance."""
    return f"{to}/{url.split('/', 3)[3]}"


def submit(gateway: Gateway, sql: str) -> Any:
    return send(f"{gateway.url}/v1/statement", sql)


def send(url: str, body: object) -> Any:
    is_text = isinstance(body, str)
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    headers = (
        {"X-Trino-User": "demo", "X-Trino-Source": "warren-demo"} if is_text else {"Content-Type": "application/json"}
    )
    return fetch(urllib.request.Request(url, data=data, headers=headers))  # noqa: S310 - http on loopback


def is_answered(url: str) -> bool:
    try:
        fetch(url)
    except (DemoFailed, OSError, ValueError):
        return False
    return True


def fetch(url: str | urllib.request.Request) -> Any:
    """The answer's body, as JSON when it is that. Raises DemoFailed."""
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS) as answer:  # noqa: S310 - http on loopback
            body = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
    except urllib.error.HTTPError as error:
        said = error.read(500).decode("utf-8", "replace").strip()
        raise DemoFailed(f"{error.url} answered {error.code}: {said}") from error
    except OSError as error:
        address = url if isinstance(url, str) else url.full_url
        raise DemoFailed(f"{address} gave no answer: {getattr(error, 'reason', error)}") from error
    return json.loads(body) if is_json else body
