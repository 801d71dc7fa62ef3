"""What the fields of a cluster may hold: one check for the API, the rows of the database and the snapshot on disk."""

import ipaddress
import re
import unicodedata

from warren.model import ClusterUrl

LONGEST = 256
"""Characters that each text column of `gateway_backend` takes."""

_URL = re.compile(
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?P<host>[A-Za-z0-9._-]+|\[(?P<ipv6>[0-9A-Fa-f:.]+)\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*)"
)

_DOT_SEGMENT = re.compile(r"/(?:\.|%2[Ee]){1,2}(?:[/;]|$)")


def check_proxy_to(text: str) -> ClusterUrl:
    """The URL in the form that is stored: scheme in lower case, without its one trailing slash.

    Checking what was checked changes nothing. Raises ValueError with a sentence for people.
    """
    return ClusterUrl(_checked(text, "proxyTo"))


def check_external_url(text: str) -> str:
    """The same rules as for `proxyTo`: this URL becomes a link in people's browsers."""
    return _checked(text, "externalUrl")


def check_label(text: str, key: str) -> str:
    """A cluster's name or its group: any printable text that the column takes. Raises ValueError with a sentence."""
    if not text:
        raise ValueError(f"{key} is empty")
    if len(text) > LONGEST:
        raise ValueError(f"{key} has {len(text)} characters; at most {LONGEST} can be stored")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise ValueError(f"{key} {text!a} holds a control character")
    return text


def _checked(text: str, key: str) -> str:
    # One slash, as a Java gateway does when it stores a row.
    url = text.removesuffix("/")
    if len(url) > LONGEST:
        raise ValueError(f"{key} has {len(url)} characters; at most {LONGEST} can be stored")
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError(f"{key} {_without_user(text)!a} {_what_is_wrong(text)}")
    if found["port"] is not None and not 1 <= int(found["port"]) <= 65535:
        raise ValueError(f"{key} {text!a} has port {found['port']}; ports go from 1 to 65535")
    if found["ipv6"] is not None and not _is_ipv6(found["ipv6"]):
        raise ValueError(f"{key} {text!a} has no valid IPv6 address between its brackets")
    if _DOT_SEGMENT.search(found["path"]):
        raise ValueError(f"{key} {text!a} has a dot segment in its path")
    if found["path"].endswith("/"):
        raise ValueError(f"{key} {text!a} ends with more than one slash")
    return found["scheme"].lower() + url[len(found["scheme"]) :]


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _what_is_wrong(url: str) -> str:
    """Why `_URL` did not match, in the words that help most."""
    scheme, separator, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    for is_wrong, sentence in (
        (not separator or scheme.lower() not in {"http", "https"}, "does not begin with http:// or https://"),
        ("@" in authority, "holds a user name or password; Warren passes on those of the client"),
        ("?" in rest or "#" in rest, "has a query or a fragment; only a path is allowed"),
        (not url.isascii(), "holds a character outside ASCII; write host names in their ASCII form"),
        (not url.isprintable() or " " in url, "holds a blank or a control character"),
        (not authority or authority.startswith(":"), "names no host"),
        (authority.endswith(":"), "has a colon but no port"),
    ):
        if is_wrong:
            return sentence
    return "is not a URL of the form http://host:port/path"


def _without_user(text: str) -> str:
    """The text with user and password hidden: it goes into messages and logs."""
    return re.sub(r"//[^/?#]*@", "//***@", text)[: 2 * LONGEST]
