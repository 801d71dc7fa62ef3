"""The part of an instance that decides who runs what: rules or none, and what they may know. Built once, from the settings."""

import random
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from warren.drivers.http_service import KeptHttpClient
from warren.memory.recall import Recall
from warren.model import GroupName
from warren.protocol.paths import Paths
from warren.proxy.analysing import Analysing
from warren.proxy.deciding import ByHeader, ByRules, ByService, Deciding, DecidingCounts, Selector
from warren.proxy.kills import Kills
from warren.proxy.request_facts import local_now
from warren.routing.candidates import Clusters, FallbackPolicy
from warren.routing.rules.rule import RuleSet
from warren.rulebook.explaining import Explainer, Question
from warren.rulebook.rulebook import NAMED_BY, Rulebook, read_text, rules_in
from warren.rulebook.service import RulesService, ServiceTerms
from warren.rulebook.userinfo import NoUserInfo, UserInfo, WhoHolds
from warren.settings.root import STATEMENT, Settings
from warren.settings.rules import RulesType
from warren.tasks import supervised
from warren.watching import Watching
from warren.wiring import search_limits

CONNECT_SECONDS = 5.0
"""The deadlines of calls are shorter, most of the time."""


class Steering:
    """Rules, the service that is asked for rulings, and the one that knows tokens."""

    def __init__(
        self,
        settings: Settings,
        *,
        rulebook: Rulebook | None,
        recall: Recall,
        watching: Watching,
        probe_headers: Mapping[str, str],
    ) -> None:
        """Made inside the running loop."""
        self._settings = settings
        self._client: KeptHttpClient | None = None
        self.rulebook = rulebook
        """None without a rules file."""
        self.service: RulesService | None = None
        self.user_info: UserInfo | None = None
        counts = DecidingCounts()
        analyzer = settings.request_analyzer_config
        who_holds: WhoHolds = NoUserInfo()
        if analyzer.oauth_token_info_url is not None:
            who_holds = self.user_info = UserInfo(self._http(), analyzer.oauth_token_info_url, clock=time.monotonic)
        self.deciding = Deciding(
            selector=self._selector(counts),
            analysing=Analysing(max_body_size=analyzer.max_body_size, v2=analyzer.clients_use_v2_format),
            kills=Kills(
                recall,
                watching.roster,
                watching.http,
                headers=probe_headers,
                unreachable_for=watching.unreachable_for,
                limits=search_limits(settings),
            ),
            who_holds=who_holds,
            claim=analyzer.token_user_field,
            counts=counts,
        )
        self._explainer = explainer(
            settings,
            rules=self._rules,
            service=self.service,
            who_holds=who_holds,
            clusters=lambda: watching.roster.value,
        )

    def _http(self) -> KeptHttpClient:
        if self._client is None:
            self._client = KeptHttpClient(tls=None, connect_seconds=CONNECT_SECONDS)
        return self._client

    def _selector(self, counts: DecidingCounts) -> Selector:
        settings, rules = self._settings, self._settings.routing_rules
        default = GroupName(settings.routing.default_routing_group)
        header = ByHeader(default, counts)
        analyses = settings.request_analyzer_config.analyze_request
        if not rules.rules_engine_enabled:
            return header
        if rules.asks_a_service:
            self.service = RulesService(self._http(), terms_of(settings), clock=time.monotonic)
            return ByService(self.service, header, counts, analyses=analyses, default=default, unix=time.time)
        assert self.rulebook is not None, "the settings name a rules file"
        return ByRules(self.rulebook, header, counts, default=default, clock=time.monotonic, unix=time.time)

    def _rules(self) -> RuleSet | None:
        return self.rulebook.current.value if self.rulebook is not None else None

    def state(self) -> Mapping[str, object]:
        """How rules and service do, for people; nothing when there are none."""
        if self.rulebook is not None:
            return {"routingRules": self.rulebook.state}
        return {"rulesService": self.service.state()} if self.service is not None else {}

    async def explain(self, described: Mapping[str, Any]) -> Mapping[str, Any]:
        """What would become of such a request, and why: the fields of a Question."""
        return await self._explainer.explain(Question(**described))

    def loops(self) -> list[Coroutine[Any, Any, None]]:
        return [supervised(self.rulebook.run, name="rulebook")] if self.rulebook is not None else []

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


def fallback_policy(settings: Settings) -> FallbackPolicy:
    return FallbackPolicy(
        default=GroupName(settings.routing.default_routing_group), strict=settings.routing.strict_groups
    )


def explainer(
    settings: Settings,
    *,
    rules: Callable[[], RuleSet | None],
    service: RulesService | None,
    who_holds: WhoHolds,
    clusters: Callable[[], Clusters],
) -> Explainer:
    """Of a gateway with these settings."""
    analyzer = settings.request_analyzer_config
    return Explainer(
        rules=rules,
        service=service,
        who_holds=who_holds,
        classify=paths_of(settings).classify,
        clusters=clusters,
        policy=fallback_policy(settings),
        claim=analyzer.token_user_field,
        analyses=analyzer.analyze_request,
        max_body_size=analyzer.max_body_size,
        v2=analyzer.clients_use_v2_format,
        now=lambda: local_now(time.time()),
        chance=random.random,
    )


def paths_of(settings: Settings) -> Paths:
    """What is proxied, and what each path asks for."""
    return Paths((STATEMENT, *settings.additional_statement_paths), settings.extra_whitelist_paths)


def rulebook_of(settings: Settings, state: Path) -> Rulebook | None:
    """The rules file that the settings name, read. Raises SettingsError when it cannot be used, nor its last good copy."""
    path = rules_path(settings)
    if path is None:
        return None
    return Rulebook(path, state=state, analyses=settings.request_analyzer_config.analyze_request, unix=time.time)


def rules_path(settings: Settings) -> Path | None:
    """None when rules are off, or a service has them."""
    rules = settings.routing_rules
    return rules.rules_config_path if rules.rules_engine_enabled and rules.rules_type is RulesType.FILE else None


def rules_of(settings: Settings) -> RuleSet | None:
    """The rules of the file that the settings name; None when there is none. Raises SettingsError."""
    path = rules_path(settings)
    if path is None:
        return None
    return rules_in(read_text(path, key=NAMED_BY), path, analyses=settings.request_analyzer_config.analyze_request)


def terms_of(settings: Settings) -> ServiceTerms:
    service = settings.routing_rules.rules_external_configuration
    assert service.url_path is not None, "the settings refuse a service without a URL"
    return ServiceTerms(
        url=service.url_path,
        exclude_headers=frozenset(name.lower() for name in service.exclude_headers),
        propagate_errors=service.propagate_errors,
        timeout_seconds=service.timeout,
    )
