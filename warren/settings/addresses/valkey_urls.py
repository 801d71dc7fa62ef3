"""Where a Valkey server is, as people write it: URLs, hosts and `host:port`. Text in, values out."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote

from pydantic import SecretStr

from warren.settings.addresses.authority import host_and_port
from warren.settings.units import WrongValue

PORT = 6379
SENTINEL_PORT = 26379
LONGEST_HOST = 253
MOST_DATABASES = 2**31 - 1
"""The server counts them in an int."""

NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
LOOKS_LIKE_AN_ADDRESS = re.compile(r"[0-9.]+", re.ASCII)
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")

SCHEMES = {"valkey": False, "redis": False, "valkeys": True, "rediss": True}
"""Whether each means TLS."""
SYNTAX = (
    "write valkey://user:password@host:6379/0, or valkeys:// for TLS (redis:// and rediss:// mean the same); "
    "Sentinel and Cluster have keys of their own"
)
ESCAPES = (
    "in user and password write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25, "
    "or write host, username and password in keys of their own instead of the URL"
)
NO_SOCKETS = "a socket in the file system is not offered: let the server listen on a port, and write valkey://host:port"

Address = tuple[str, int]
"""Host, without brackets, and port."""


@dataclass(frozen=True, slots=True)
class ValkeyUrl:
    """What a URL says."""

    tls: bool
    address: Address
    username: str | None
    password: SecretStr | None
    database: int


def valkey_url(text: str) -> ValkeyUrl:
    """Raises WrongValue, which never quotes the URL: there may be a password in it."""
    scheme, separator, rest = text.partition("://")
    if scheme.lower() == "unix":
        raise WrongValue(NO_SOCKETS)
    if not separator or (tls := SCHEMES.get(scheme.lower())) is None:
        raise WrongValue(SYNTAX)
    login, _, place = rest.rpartition("@")
    if set("/?#@") & set(login):
        raise WrongValue(ESCAPES)
    if set("?#") & set(place):
        raise WrongValue("the URL takes no options: use the other keys")
    place, _, database = place.partition("/")
    username, password = credentials(login)
    return ValkeyUrl(tls, address(place, PORT), username, password, database_number(database))


def credentials(login: str) -> tuple[str | None, SecretStr | None]:
    username, colon, password = (unescaped(part) for part in login.partition(":"))
    if username and not password:
        raise WrongValue("the URL names a user without a password: write user:password@, or :password@ without a user")
    return username or None, SecretStr(password) if colon and password else None


def unescaped(text: str) -> str:
    """Raises WrongValue for escapes that are none."""
    try:
        if BAD_ESCAPE.search(text) is None:
            return unquote(text, errors="strict")
    except UnicodeDecodeError:
        pass
    raise WrongValue("user and password are percent-encoded UTF-8: write % itself as %25")


def database_number(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST_DATABASES):
        raise WrongValue("what follows the host and / is the number of the database, such as /0")
    return int(text)


def address(text: str, default_port: int) -> Address:
    """The host and the port of `host:port` or `[IPv6]:port`. Raises WrongValue."""
    refuse_url(text)
    written, port = host_and_port(text)
    return host(f"[{written}]" if text.startswith("[") else written), port or default_port


def host(text: str) -> str:
    """A name or an address, an IPv6 one with or without brackets. Raises WrongValue."""
    refuse_url(text)
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        found = ip_address(bare)
    except ValueError:
        found = None
    if found is not None and (found.version == 6 or bare == text):
        return bare
    if not NAME.fullmatch(text) or LOOKS_LIKE_AN_ADDRESS.fullmatch(text) or len(text) > LONGEST_HOST:
        raise WrongValue("a host is a name or an IP address, nothing else")
    return text


def refuse_url(text: str) -> None:
    """What is found is not quoted: there may be a password in it."""
    if "/" in text or "@" in text:
        raise WrongValue("write the host alone; a URL is written as `url`", found="a URL")


def is_loopback(name: str) -> bool:
    """Whether what is sent there stays on this machine, as far as the name alone can tell."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name.lower().rstrip(".") == "localhost"
