"""Sections that this version does not offer: known, so that a file that asks for a lock never starts an open gateway."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from warren.settings.section import Flag, Kind, Seconds, Secret, Section, Text

Anything = Annotated[Any, Kind("anything")]


class GatewayCookie(Section):
    """The signed cookie that keeps a browser on one cluster."""

    enabled: Flag = False
    cookie_signing_secret: Secret | None = None


class OAuth2Cookie(Section):
    """Paths and lifetime of that cookie."""

    routing_paths: tuple[Text, ...] = ("/oauth2",)
    delete_paths: tuple[Text, ...] = ("/logout", "/oauth2/logout")
    lifetime: Seconds = 600.0


class Ui(Section):
    """Pages of the web UI."""

    disable_pages: tuple[Text, ...] | None = None


class Later(Section):
    """All of them. Those that are refused whenever they are present are not looked into."""

    authentication: Anything = None
    authorization: Anything = None
    preset_users: Anything = None
    page_permissions: dict[str, Text | None] | None = None
    gateway_cookie_configuration: GatewayCookie = GatewayCookie()
    oauth2_gateway_cookie_configuration: Annotated[OAuth2Cookie, Field(alias="oauth2GatewayCookieConfiguration")] = (
        OAuth2Cookie()
    )
    ui_configuration: Ui = Ui()
    modules: Anything = None
    managed_apps: Anything = None


NO_SIGN_IN = "sign-in is not offered in this version, so the gateway would be open: remove the section to accept that"
NO_ROLES = "roles are not offered in this version, so everybody would have them all: remove the section to accept that"
NO_JAVA = "Java classes cannot be loaded: remove the section"

SWITCHES: Mapping[str, tuple[Callable[[Later], bool], str, str]] = {
    "authentication": (lambda later: later.authentication is not None, "authentication", NO_SIGN_IN),
    "authorization": (lambda later: later.authorization is not None, "authorization", NO_ROLES),
    "presetUsers": (lambda later: bool(later.preset_users), "presetUsers", NO_SIGN_IN),
    "modules": (lambda later: bool(later.modules), "modules", NO_JAVA),
    "managedApps": (lambda later: bool(later.managed_apps), "managedApps", NO_JAVA),
    "gatewayCookieConfiguration": (
        lambda later: later.gateway_cookie_configuration.enabled,
        "gatewayCookieConfiguration.enabled",
        "routing cookies are not offered in this version. Write false to accept that",
    ),
}
"""By section: whether it is switched on, the key that does it, and what to do about it."""


def switched_on(later: Later) -> dict[str, str]:
    """By key the remedy, for every section that would guard, route or change what is done."""
    return {key: remedy for is_on, key, remedy in SWITCHES.values() if is_on(later)}
