"""Who asks, as far as the request tells: nothing is verified, so it serves for routing and history and for nothing else."""

import re
from base64 import b64decode
from typing import Final

import orjson

from warren.protocol.headers import AUTHORIZATION, LONGEST_SHOWN, USER, Fields, first

LONGEST_TOKEN: Final = 16 * 1024
"""Bytes of credentials that are looked at; what is longer is no token."""

COOKIE: Final = b"cookie"
TOKEN_COOKIES: Final = (b"Trino-UI-Token", b"__Secure-Trino-ID-Token")
"""Trino's own names for the tokens of its web interface, in the order in which they are asked."""

_BEARER_TOKEN: Final = re.compile(rb"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750, 2.1."""


def user_of(fields: Fields, *, claim: str) -> str:
    """The user's name, at most LONGEST_SHOWN characters; empty when the request does not tell.

    X-Trino-User, else the name of Basic authorization, else that claim of a bearer token, else that of a token cookie.
    """
    return user_of_credentials(fields, claim=claim) or user_of_cookies(fields, claim=claim)


def user_of_credentials(fields: Fields, *, claim: str) -> str:
    """The same without cookies."""
    return (
        _shown(first(fields, USER) or b"")
        or _shown(_basic_user(_credentials(fields, b"basic")))
        or _claimed(_credentials(fields, b"bearer"), claim)
    )


def user_of_cookies(fields: Fields, *, claim: str) -> str:
    """The same of cookies alone."""
    if COOKIE not in fields:
        return ""
    cookies: dict[bytes, bytes] = {}
    for value in fields[COOKIE]:
        for cookie in value.split(b";"):
            name, _, token = cookie.partition(b"=")
            cookies.setdefault(name.strip(), token.strip().strip(b'"'))
    return next((user for name in TOKEN_COOKIES if (user := _claimed(cookies.get(name, b""), claim))), "")


def bearer_token(fields: Fields) -> str | None:
    """The token of the request's bearer authorization, whatever its kind; None when there is none that may be one."""
    token = _credentials(fields, b"bearer")
    return token.decode("ascii") if _BEARER_TOKEN.fullmatch(token) else None


def _credentials(fields: Fields, scheme: bytes) -> bytes:
    """What follows the scheme in `Authorization`; empty when that has another scheme, or is too long."""
    authorization = first(fields, AUTHORIZATION) or b""
    if len(authorization) > LONGEST_TOKEN + len(scheme) + 1:
        return b""
    named, _, credentials = authorization.strip().partition(b" ")
    return credentials.strip() if named.lower() == scheme else b""


def _basic_user(credentials: bytes) -> bytes:
    name, colon, _ = _decoded(credentials).partition(b":")
    return name if colon else b""


def _claimed(token: bytes, claim: str) -> str:
    """The claim of a JSON Web Token, when it is a text that says something; else empty."""
    parts = token.split(b".", 3)
    if len(token) > LONGEST_TOKEN or len(parts) != 3:
        return ""
    try:
        payload = orjson.loads(_decoded(parts[1], b"-_"))
    except orjson.JSONDecodeError:
        return ""
    said = payload.get(claim) if isinstance(payload, dict) else None
    return said.strip()[:LONGEST_SHOWN] if isinstance(said, str) else ""


def _decoded(text: bytes, others: bytes | None = None) -> bytes:
    """The bytes behind Base64, of which the padding may be missing; empty when it is none."""
    try:
        return b64decode(text + b"=" * (-len(text) % 4), others, validate=True)
    except ValueError:
        return b""


def _shown(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()[:LONGEST_SHOWN]
