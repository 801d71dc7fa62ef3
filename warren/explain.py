"""`warren explain`: asks the question of a configuration file, or of a gateway that runs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson

from warren.check import healths
from warren.clusters.roster import Roster
from warren.clusters.store import ClusterStore
from warren.drivers.http_service import KeptHttpClient
from warren.drivers.sql import Database
from warren.errors import ClusterFellSilent, ClusterMisbehaved, ClusterUnreachable, StoreUnavailable
from warren.model import ClusterName, Health
from warren.rulebook.explaining import Question
from warren.rulebook.service import RulesService
from warren.rulebook.userinfo import NoUserInfo, UserInfo
from warren.settings.root import Settings
from warren.settings.stores.jdbc import DatabaseUrl
from warren.steering import CONNECT_SECONDS, explainer, rules_of, terms_of

ASK_SECONDS = 30.0
EXPLAIN = "/trino-gateway/api/explain"


class CannotAsk(Exception):
    """The gateway did not answer the question. Its text is for people."""


async def of_configuration(
    settings: Settings, url: DatabaseUrl, question: Question, clock: Callable[[], float]
) -> tuple[Mapping[str, Any], str]:
    """What a gateway with these settings would do, and a note about its clusters; empty when there is nothing to say.

    Raises SettingsError for a rules file that cannot be used.
    """
    section = settings.routing_rules
    token_info = settings.request_analyzer_config.oauth_token_info_url
    rules, client = rules_of(settings), KeptHttpClient(tls=None, connect_seconds=CONNECT_SECONDS)
    service = RulesService(client, terms_of(settings), clock=clock) if section.asks_a_service else None
    who_holds = UserInfo(client, token_info, clock=clock) if token_info is not None else NoUserInfo()
    try:
        roster, note = await _roster(settings, url)
        asked = explainer(settings, rules=lambda: rules, service=service, who_holds=who_holds, clusters=lambda: roster)
        return await asked.explain(question), note
    finally:
        await client.aclose()


async def _roster(settings: Settings, url: DatabaseUrl) -> tuple[Roster, str]:
    if url.path is not None and not url.path.exists():
        return Roster(loaded=True), f"no clusters are known: the database {url.path} does not exist yet"
    database = Database(url)
    try:
        clusters = (await ClusterStore(database).read()).clusters
    except StoreUnavailable as error:
        return Roster(loaded=True), f"no clusters are known: {error}"
    finally:
        await database.close()
    known: dict[ClusterName, Health] = {
        cluster.name: health for cluster, health in zip(clusters, await healths(settings, clusters), strict=True)
    }
    return Roster(clusters=clusters, health=MappingProxyType(known), loaded=True), ""


async def of_gateway(url: str, question: Question) -> Mapping[str, Any]:
    """What a running gateway says. Raises CannotAsk."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CannotAsk(f"{url} is no address of a gateway: write one such as http://localhost:8080")
    client = KeptHttpClient(tls=None, connect_seconds=CONNECT_SECONDS)
    body = orjson.dumps(
        {
            "sql": question.sql,
            "headers": {name: list(values) for name, values in question.headers.items()},
            "method": question.method,
            "path": question.path,
            "query": question.query,
            "clientAddress": question.client_address,
        }
    )
    try:
        headers = [("Content-Type", "application/json"), ("Accept", "application/json")]
        answer = await client.post(f"{url.rstrip('/')}{EXPLAIN}", headers, body, deadline_seconds=ASK_SECONDS)
    except (ClusterUnreachable, ClusterFellSilent, ClusterMisbehaved) as error:
        raise CannotAsk(f"{url}: {error}") from error
    finally:
        await client.aclose()
    if answer.status != 200:
        raise CannotAsk(f"{url} answers {answer.status}: {answer.body[:500].decode('utf-8', 'replace')}")
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise CannotAsk(f"{url} answers something else than JSON: is it a Warren gateway?") from error
    if not isinstance(said, dict):
        raise CannotAsk(f"{url} answers something else: is it a Warren gateway?")
    return said


def in_words(answer: Mapping[str, Any]) -> Iterator[str]:
    """The answer in lines for a terminal."""
    yield f"user: {answer.get('user') or 'unknown'}"
    statement = answer.get("statement")
    if isinstance(statement, str):
        yield f"statement: {statement}"
    elif isinstance(statement, Mapping):
        yield from _statement(statement)
    if "kills" in answer:
        yield f"kills: {answer['kills']}"
    for rule in answer.get("rules", ()):
        yield from _rule(rule)
    if "service" in answer:
        yield f"rules service: {json.dumps(answer['service'], ensure_ascii=False)}"
    decision = answer.get("decision", {})
    if "rejected" in decision:
        yield f"rejected: {decision['rejected']} ({decision['because']})"
    elif decision.get("group") is not None:  # else nobody decides about it
        yield f"group: {decision['group']}, since {decision.get('because')}"
    for cluster in answer.get("clusters", ()):
        why = f": {cluster['why']}" if cluster["why"] else ""
        yield f"  {'can' if cluster['usable'] else 'cannot'} take it: {cluster['cluster']} of {cluster['group']}{why}"
    yield f"goes to: {answer.get('goesTo')}"


def _statement(statement: Mapping[str, Any]) -> Iterator[str]:
    kind = statement.get("queryType") or "unknown"
    yield f"statement: {kind}, for resource groups {statement.get('resourceGroupQueryType') or 'unknown'}"
    if statement.get("errorMessage"):
        yield f"  not understood: {statement['errorMessage']}"
    for what in ("tables", "catalogs", "schemas"):
        if names := statement.get(what):
            yield f"  {what}: {_listed(names)}"


def _rule(rule: Mapping[str, Any]) -> Iterator[str]:
    if rule.get("failed"):
        word = f"failed: {rule['failed']}"
    elif rule["applies"] is None:
        word = "not tried"
    else:
        word = "applies" if rule["applies"] else "does not apply"
    yield f"rule {rule['rule']} (line {rule['line']}) {word}"
    if rule["applies"] is not None or rule.get("failed"):
        yield f"  when {' '.join(str(rule['condition']).split())}"
    for seen in rule["saw"]:
        yield f"  saw {seen['what']}: {'nothing' if seen['value'] is None else _listed(seen['value'])}"
    for key, value in rule["put"].items():
        yield f"  put {key}: {value}"


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def question_of(
    *,
    sql: str,
    headers: Sequence[str],
    method: str,
    path: str,
    client_address: str,
    user: str | None,
    source: str | None,
) -> Question:
    """From the options of a command line. Raises ValueError for a header that is none."""
    named: dict[str, list[str]] = {}
    if user is not None:
        named["x-trino-user"] = [_whole(user)]
    if source is not None:
        named["x-trino-source"] = [_whole(source)]
    for header in map(_whole, headers):
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise ValueError(f"{header!r} is no header: write one such as 'X-Trino-Source: airflow'")
        named.setdefault(name.strip().lower(), []).append(value.strip())
    plain, question, query = _whole(path).partition("?")
    return Question(
        sql=_whole(sql),
        headers=named,
        method=method,
        path=plain,
        query=query if question else None,
        client_address=client_address,
    )


def _whole(text: str) -> str:
    """What a gateway makes of bytes that are no UTF-8; Python hands them on from the command line as halves of characters."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def text_from(path: Path | None, sql: str) -> str:
    """The statement; of a file when one is named."""
    return path.read_text("utf-8", errors="replace") if path is not None else sql
