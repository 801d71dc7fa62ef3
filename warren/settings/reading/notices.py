"""What an operator should know about a file that can be used: what has no effect, and what is open."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

from warren.settings.describe import key_of
from warren.settings.root import Settings
from warren.settings.section import Inert, Network, Section
from warren.settings.server import ForwardedMode


def notices(
    settings: Settings, *, inert: Sequence[str], flaws: Mapping[str, str], later: Sequence[str]
) -> tuple[str, ...]:
    """`inert` and `flaws` are properties of `serverConfig`, `later` sections of later versions."""
    found: list[str] = []
    if inert:
        found.append(f"serverConfig: accepted without effect: {', '.join(inert)}")
    if later:
        found.append(f"not offered in this version, and off or only about the web UI: {', '.join(later)}")
    reasons: dict[str, list[str]] = {}
    for key, reason in [*((f"serverConfig.{key}", flaws[key]) for key in flaws), *without_effect(settings)]:
        reasons.setdefault(reason, []).append(key)
    found += [f"{', '.join(keys)}: no effect, since {reason}" for reason, keys in reasons.items()]
    return (*found, *unused_options(settings), *cache(settings), *rules(settings), *open_doors(settings))


def without_effect(section: Section, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Key and reason of everything that was written and changes nothing."""
    for name, info in type(section).model_fields.items():
        if name not in section.model_fields_set:
            continue
        key = f"{prefix}{key_of(name, info)}"
        reason = next((mark.reason for mark in info.metadata if isinstance(mark, Inert)), None)
        if reason is not None:
            yield key, reason
        elif isinstance(value := getattr(section, name), Section):
            yield from without_effect(value, f"{key}.")


def unused_options(settings: Settings) -> Iterator[str]:
    if settings.data_store is not None and (names := settings.data_store.database(Path()).without_effect):
        yield f"dataStore: accepted without effect for this database: {', '.join(names)}"


def cache(settings: Settings) -> Iterator[str]:
    """What is unwise about a distributed cache that is on."""
    section = settings.valkey_configuration
    if not section.enabled:
        return
    if section.server.shows_passwords:
        yield "valkeyConfiguration: the password crosses the network in the clear: write tls, or a url with valkeys://"
    if 0 < section.timeout_ms < section.request_budget_ms:
        yield (
            f"valkeyConfiguration.requestBudgetMs is {section.request_budget_ms}, and a call ends after timeoutMs, "
            f"{section.timeout_ms}: write a timeoutMs that is not below the budget"
        )
    if settings.data_store is None:
        yield (
            "valkeyConfiguration is enabled and there is no dataStore: each instance has its list of clusters in an SQLite "
            "file of its own, and what another one adds is unknown to it: give all instances one database"
        )


def rules(settings: Settings) -> Iterator[str]:
    """A rules service that may leave its statements no time."""
    asked, statement = settings.routing_rules.rules_external_configuration, settings.routing.statement_timeout
    if settings.routing_rules.asks_a_service and asked.timeout >= statement:
        yield (
            f"routingRules.rulesExternalConfiguration.timeout, {asked.timeout:g} s, is not below routing.statementTimeout, "
            f"{statement:g} s: while the service is silent no cluster has time to take a statement: write a shorter one"
        )


def open_doors(settings: Settings) -> Iterator[str]:
    """What anyone can do who reaches the port."""
    believes_all = settings.server.forwarded is ForwardedMode.ACCEPT and is_everywhere(settings.trusted_proxies)
    is_narrowed = bool(settings.admin_allow_from) and not is_everywhere(settings.admin_allow_from)
    # On a loopback address, too: a load balancer on this host passes on what its clients claim.
    if believes_all and is_narrowed:
        yield (
            "adminAllowFrom keeps nobody out: http-server.process-forwarded is true and trustedProxies is everything, "
            "so any client can claim an allowed address in X-Forwarded-For: "
            "list your load balancers, and no others, in trustedProxies"
        )
    bound = settings.server.bind_ip
    if bound is not None and ip_address(bound).is_loopback:
        return
    if is_everywhere(settings.admin_allow_from):
        yield (
            "the management API is open to everyone who can reach the port: "
            "list the networks that may use it in adminAllowFrom"
        )
    if believes_all and not is_narrowed:
        yield (
            "http-server.process-forwarded is true, so any client can name itself in X-Forwarded-For: "
            "list your load balancers in trustedProxies"
        )


def is_everywhere(networks: Sequence[Network]) -> bool:
    """Whether everybody is in them; those of IPv4 are enough for that."""
    return any(network.prefixlen == 0 for network in networks)
