"""What all sections have in common: strict, frozen, camelCase in the file, and the types that a value can have."""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from warren.settings.units import WrongValue, duration_text, seconds, size, size_text

NOT_PEM = (
    "not PEM; Java key stores (JKS, PKCS#12) cannot be read: convert it, "
    "for instance with `openssl pkcs12 -in store.p12 -out key.pem`"
)
LARGEST_PEM = 1024**2


class Section(BaseModel):
    """A part of the file. In Python its fields have snake_case names, in the file camelCase ones and no others."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="before")
    @classmethod
    def nothing_is_the_default(cls, data: Any) -> Any:
        """A key with nothing after it is as good as not written; a key that nobody knows stays to be refused."""
        if not isinstance(data, dict):
            return data
        known = {info.alias or name for name, info in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


@dataclass(frozen=True, slots=True)
class Inert:
    """Marks a key that is accepted, because existing files have it, and changes nothing here."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What the documentation calls a type of value, and how it writes one."""

    name: str
    write: Callable[[Any], str] = str


class Written(str):
    """A plain YAML scalar: as text what stands in the file, as `value` what YAML 1.1 makes of it.

    Both are needed: `password: 0123` means that text, as it does to the Java gateway, and `port: 0x1F` a number.
    """

    __slots__ = ("value",)
    value: Any

    def __new__(cls, text: str, value: Any) -> "Written":
        written = super().__new__(cls, text)
        written.value = value
        return written


def told(check: Callable[..., Any]) -> Callable[..., Any]:
    """Lets the problem that a check raises reach the loader with its remedy and what was found kept apart."""

    def checked(value: Any, info: ValidationInfo) -> Any:
        try:
            return check(value, info)
        except WrongValue as wrong:
            raise refused(wrong) from None

    return checked


def refused(wrong: WrongValue) -> PydanticCustomError:
    return PydanticCustomError("wrong_value", "{remedy}", {"remedy": wrong.remedy, "found": wrong.found})


def refused_at(problems: Iterable[tuple[tuple[int | str, ...], WrongValue]]) -> ValidationError:
    """What a section raises about several of its keys, each named by its path in the section, as the file has it."""
    return ValidationError.from_exception_data(
        "section", [InitErrorDetails(type=refused(wrong), loc=key, input=None) for key, wrong in problems]
    )


def number_of(value: Any, _: ValidationInfo | None) -> Any:
    if isinstance(value, Written) and isinstance(value.value, int | float) and not isinstance(value.value, bool):
        return value.value
    return value


def seconds_of(value: Any, _: ValidationInfo) -> Any:
    return seconds(value) if isinstance(value, str) else value


def bytes_of(value: Any, _: ValidationInfo) -> Any:
    return size(value) if isinstance(value, str) else value


def path_of(value: Any, info: ValidationInfo) -> Any:
    """Relative paths start where the file is: what a gateway reads must not depend on where it was started."""
    if not isinstance(value, str):
        return value
    if not value or "\0" in value:
        raise WrongValue("write the path of a file or directory")
    directory: Path | None = (info.context or {}).get("directory")
    return directory / value if directory is not None else Path(value)


def check_pem(path: Path) -> None:
    """Raises WrongValue for a file that cannot be read or holds no PEM; that its content fits is seen by TLS itself."""
    try:
        with path.open("rb") as file:
            beginning = file.read(LARGEST_PEM)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise WrongValue(f"the file cannot be read: {reason}", found=str(path)) from None
    if b"-----BEGIN " not in beginning:
        raise WrongValue(NOT_PEM, found=str(path))


def pem_of(path: Path, info: ValidationInfo) -> Path:
    if "directory" in (info.context or {}):
        check_pem(path)
    return path


def network_of(value: Any, _: ValidationInfo) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return ipaddress.ip_network(value)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise WrongValue("write an address or a network, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32") from None
    raise WrongValue(
        "the address has bits outside its network: write the network's first address", found=f"{value} (of {meant})"
    )


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A regular expression of the file, matched in time linear in the path's length."""

    text: str
    compiled: Any = field(repr=False, compare=False)

    def fullmatch(self, path: str) -> object | None:
        """The match, or None unless the whole path matches."""
        match: object | None = self.compiled.fullmatch(path)
        return match


def pattern_of(value: Any, _: ValidationInfo) -> Any:
    if not isinstance(value, str):
        return value
    options = re2.Options()
    options.log_errors = False
    try:
        return PathPattern(str(value), re2.compile(value, options))
    except re2.error:
        raise WrongValue(
            "not a regular expression that runs in linear time (RE2 syntax: no look-ahead, look-behind or back-references)"
        ) from None


Flag = Annotated[bool, Kind("boolean", lambda value: "true" if value else "false")]
Whole = Annotated[int, BeforeValidator(told(number_of)), Kind("integer")]
Real = Annotated[float, BeforeValidator(told(number_of)), Field(allow_inf_nan=False), Kind("number")]
Seconds = Annotated[
    float, BeforeValidator(told(seconds_of)), Field(allow_inf_nan=False), Kind("duration", duration_text)
]
Bytes = Annotated[int, BeforeValidator(told(bytes_of)), Kind("size", size_text)]
Text = Annotated[str, Kind("text")]
Secret = Annotated[SecretStr, Kind("secret text")]
Location = Annotated[Path, BeforeValidator(told(path_of)), Kind("path")]
PemFile = Annotated[Location, AfterValidator(told(pem_of))]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(told(network_of)), Kind("network")]
Pattern = Annotated[
    PathPattern,
    BeforeValidator(told(pattern_of)),
    PlainSerializer(lambda pattern: pattern.text),
    Kind("regular expression"),
]

EVERYWHERE: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = (
    ipaddress.IPv4Network("0.0.0.0/0"),
    ipaddress.IPv6Network("::/0"),
)
