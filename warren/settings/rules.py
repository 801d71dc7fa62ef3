"""The sections that choose who runs a statement: rules, and what may be known of it."""

from enum import Enum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from warren.settings.section import Flag, Inert, Kind, Location, Seconds, Section, Text, Whole, refused, told
from warren.settings.units import WrongValue


class RulesType(Enum):
    """Where rules are."""

    FILE = "FILE"
    EXTERNAL = "EXTERNAL"


def rules_type_of(value: Any, _: ValidationInfo) -> Any:
    if isinstance(value, RulesType):
        return value
    if not isinstance(value, str) or value not in RulesType.__members__:
        raise WrongValue("write FILE or EXTERNAL")
    return RulesType(value)


def http_url(url: str, _: ValidationInfo) -> str:
    """A URL that can be asked, without a fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WrongValue("not a URL", found="a text that is no URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or not url.isascii():
        raise WrongValue("write a whole URL, such as http://rules.example:8090/group", found=f"scheme {parts.scheme!r}")
    if parts.fragment or not url.isprintable() or " " in url:
        raise WrongValue("write the URL without a fragment, blanks and control characters", found="such a URL")
    return url


def plain_url(url: str, info: ValidationInfo) -> str:
    """A URL that names no user: the token of whom it is asked about is its authorization."""
    if urlsplit(http_url(url, info)).username is not None:
        raise WrongValue("write the URL without user and password", found="a URL with a user")
    return url


Url = Annotated[Text, AfterValidator(told(http_url))]


class ExternalRules(Section):
    """A service that says which group shall take a request."""

    url_path: Url | None = None
    """The URL to ask, whole, with scheme and host."""
    exclude_headers: tuple[Text, ...] = ()
    """Headers that are neither sent to the service nor taken from it; their case does not matter."""
    propagate_errors: Flag = False
    """Whether a statement that the service finds errors in is answered 400 with them."""
    timeout: Annotated[Seconds, Field(gt=0, le=10)] = 1.0
    """How long an answer may take, of the time that a statement has in all. After that the group header decides, else the
    default group."""


class RoutingRules(Section):
    """The rules engine."""

    rules_engine_enabled: Flag = False
    """Whether rules choose the routing group. Without them the header `X-Trino-Routing-Group` does."""
    rules_type: Annotated[
        RulesType, BeforeValidator(told(rules_type_of)), Kind("`FILE` or `EXTERNAL`", lambda kind: kind.value)
    ] = RulesType.FILE
    """`FILE` reads rules from `rulesConfigPath`; `EXTERNAL` asks a service."""
    rules_config_path: Location | None = None
    """The rules file."""
    rules_refresh_period: Annotated[
        Seconds, Field(ge=0), Inert("a rules file that has changed is in force within a second")
    ] = 60.0
    """How often upstream reads the file."""
    rules_external_configuration: ExternalRules = ExternalRules()
    """The rules service."""

    @property
    def asks_a_service(self) -> bool:
        return self.rules_engine_enabled and self.rules_type is RulesType.EXTERNAL

    @model_validator(mode="after")
    def has_a_source(self) -> "RoutingRules":
        if not self.rules_engine_enabled:
            return self
        if self.rules_type is RulesType.FILE and self.rules_config_path is None:
            raise refused(WrongValue("the rules engine is on: write rulesConfigPath, the path of the rules file"))
        if self.rules_type is RulesType.EXTERNAL and self.rules_external_configuration.url_path is None:
            raise refused(WrongValue("rulesType is EXTERNAL: write rulesExternalConfiguration.urlPath, the URL to ask"))
        return self


class Analyzer(Section):
    """What is found out about a statement before it is routed."""

    analyze_request: Flag = False
    """Whether statements are analysed, and rules may look at what they say: `trinoQueryProperties`, `trinoRequestUser`."""
    max_body_size: Annotated[Whole, Field(ge=1, le=100_000_000)] = 1_000_000
    """Characters of a statement beyond which it is not analysed, and rules are told so."""
    clients_use_v2_format: Annotated[Flag, Field(alias="clientsUseV2Format")] = False
    """Whether clients may send a statement as JSON with `query` and `preparedStatements`."""
    token_user_field: Annotated[Text, Field(min_length=1)] = "email"  # noqa: S105 # the name of a claim
    """The claim of a JWT that names its user."""
    oauth_token_info_url: Annotated[Text, AfterValidator(told(plain_url))] | None = None
    """The OpenID UserInfo endpoint, asked about tokens that tell no user."""
