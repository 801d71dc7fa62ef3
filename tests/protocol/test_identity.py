import base64
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warren.protocol.headers import LONGEST_SHOWN
from warren.protocol.identity import LONGEST_TOKEN, bearer_token, user_of

Pairs = list[tuple[bytes, bytes]]


def named(pairs: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        fields.setdefault(name.lower(), []).append(value)
    return fields


def basic(credentials: bytes) -> tuple[bytes, bytes]:
    return b"Authorization", b"Basic " + b64encode(credentials)


def jwt(payload: bytes) -> bytes:
    return b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"none"}', payload, b"signature"))


def token(**claims: Any) -> bytes:
    return jwt(orjson.dumps(claims))


def bearer(credentials: bytes) -> tuple[bytes, bytes]:
    return b"Authorization", b"Bearer " + credentials


def cookie(text: bytes) -> tuple[bytes, bytes]:
    return b"Cookie", text


ALICE = token(sub="alice")
BOB = token(sub="bob")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ([], ""),
        ([(b"X-Trino-User", b"alice")], "alice"),
        ([(b"x-trino-USER", b" alice ")], "alice"),
        ([(b"X-Trino-User", b"alice"), (b"X-Trino-User", b"bob")], "alice"),
        ([(b"X-Trino-User", b"\xff")], "�"),
        ([(b"X-Trino-User", b"a" * 9999)], "a" * LONGEST_SHOWN),
        ([basic(b"bob:secret"), (b"X-Trino-User", b"alice")], "alice"),
        ([(b"X-Trino-User", b""), basic(b"bob:secret")], "bob"),
        ([(b"X-Trino-User", b" "), bearer(BOB)], "bob"),
    ],
)
def test_who_the_header_names_asks(fields: Pairs, name: str) -> None:
    assert user_of(named(fields), claim="sub") == name


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ([basic(b"trino_user:don't care")], "trino_user"),
        ([basic(b"user:pass:with:colons")], "user"),
        ([basic(b"user:")], "user"),
        ([basic(b" user : x")], "user"),
        ([basic(b":secret")], ""),
        ([basic("zoë:x".encode())], "zoë"),
        ([basic(b"\xff:x")], "�"),
        ([basic(b"a" * 9999 + b":x")], "a" * LONGEST_SHOWN),
        ([(b"Authorization", b"bAsIc   " + b64encode(b"bob:x") + b" ")], "bob"),
        ([(b"Authorization", b"Basic " + b64encode(b"bob:xy").rstrip(b"="))], "bob"),
        ([basic(b"no colon")], ""),
        ([(b"Authorization", b"Basic !!!")], ""),
        ([(b"Authorization", b"Basic Y")], ""),
        ([(b"Authorization", b"Basic")], ""),
        ([(b"Authorization", b"")], ""),
        ([(b"Authorization", b"Basic \xff\xff")], ""),
        ([(b"Authorization", b"X-Basic " + b64encode(b"bob:x"))], ""),
        ([(b"Authorization", b"Bearer " + b64encode(b"bob:x"))], ""),
        ([basic(b"bob:" + b"x" * LONGEST_TOKEN)], ""),
        ([basic(b"no colon"), cookie(b"Trino-UI-Token=" + ALICE)], "alice"),
    ],
)
def test_the_name_before_the_password_asks(fields: Pairs, name: str) -> None:
    assert user_of(named(fields), claim="sub") == name


@pytest.mark.parametrize(
    ("credentials", "name"),
    [
        (ALICE, "alice"),
        (ALICE.rsplit(b".", 1)[0] + b".", "alice"),  # unsigned
        (token(sub=" zoë "), "zoë"),
        (token(sub="a" * 9999), "a" * LONGEST_SHOWN),
        (token(sub="subjects?>~~"), "subjects?>~~"),  # - and _ in its Base64
        (b".".join([ALICE.split(b".")[0], b64encode(b'{"sub":"a"}'), b""]), "a"),  # padded
        (token(sub=None), ""),
        (token(sub=5), ""),
        (token(sub=["alice"]), ""),
        (token(sub={"name": "alice"}), ""),
        (token(sub=True), ""),
        (token(sub=""), ""),
        (token(sub=" "), ""),
        (token(name="alice"), ""),
        (jwt(b'["sub"]'), ""),
        (jwt(b'"sub"'), ""),
        (jwt(b"null"), ""),
        (jwt(b""), ""),
        (jwt(b"\xff"), ""),
        (jwt(b'{"sub":"\\ud800"}'), ""),
        (jwt(b"[" * 5000), ""),
        (jwt(b'{"sub":"a"'), ""),
        (b"opaque", ""),
        (b"", ""),
        (b"..", ""),
        (b"a.b", ""),
        (ALICE + b".more", ""),
        (b"!." + ALICE.split(b".")[1] + b".!", "alice"),  # only the middle is read
        (ALICE.replace(b".", b".!", 1), ""),
        (token(sub="alice", filler="x" * LONGEST_TOKEN), ""),
    ],
)
def test_the_claim_of_a_token_asks_if_it_is_a_text(credentials: bytes, name: str) -> None:
    assert user_of(named([bearer(credentials)]), claim="sub") == name
    assert user_of(named([cookie(b"Trino-UI-Token=" + credentials)]), claim="sub") == name


def test_the_claim_is_the_one_of_that_name() -> None:
    fields = named([bearer(token(sub="alice", username="trino"))])
    assert user_of(fields, claim="username") == "trino"
    assert user_of(fields, claim="preferred_username") == ""


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ([cookie(b"Trino-UI-Token=" + ALICE)], "alice"),
        ([cookie(b"__Secure-Trino-ID-Token=" + BOB)], "bob"),
        ([cookie(b"__Secure-Trino-ID-Token=" + BOB + b"; Trino-UI-Token=" + ALICE)], "alice"),
        ([cookie(b"Trino-UI-Token=opaque; __Secure-Trino-ID-Token=" + BOB)], "bob"),
        ([cookie(b"a=b; ;=; x"), cookie(b" Trino-UI-Token = " + ALICE + b" ;c=d")], "alice"),
        ([cookie(b'Trino-UI-Token="' + ALICE + b'"')], "alice"),
        ([cookie(b"Trino-UI-Token=" + ALICE + b"; Trino-UI-Token=" + BOB)], "alice"),
        ([cookie(b"trino-ui-token=" + ALICE)], ""),
        ([cookie(b"X-Trino-UI-Token=" + ALICE)], ""),
        ([cookie(b"")], ""),
        ([bearer(BOB), cookie(b"Trino-UI-Token=" + ALICE)], "bob"),
        ([bearer(b"opaque"), cookie(b"Trino-UI-Token=" + ALICE)], "alice"),
        ([(b"Authorization", b"Negotiate abc"), cookie(b"Trino-UI-Token=" + ALICE)], "alice"),
    ],
)
def test_tokens_of_the_web_interface_come_last(fields: Pairs, name: str) -> None:
    assert user_of(named(fields), claim="sub") == name


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"Bearer abc", "abc"),
        (b"bEARER   abc ", "abc"),
        (b"Bearer a-b._~+/c==", "a-b._~+/c=="),
        (b"Bearer " + ALICE, ALICE.decode()),
        (b"Bearer " + b"a" * LONGEST_TOKEN, "a" * LONGEST_TOKEN),
        (b"Bearer " + b"a" * (LONGEST_TOKEN + 1), None),
        (b"Bearer", None),
        (b"Bearer ", None),
        (b"Bearer a b", None),
        (b"Bearer a,b", None),
        (b"Bearer \xff", None),
        (b"Bearer a\r\nb", None),
        (b"Bearer abc\n", "abc"),
        (b"Basic abc", None),
        (b"abc", None),
        (b"", None),
    ],
)
def test_a_token_to_ask_about_is_one_that_can_be_sent(value: bytes, found: str | None) -> None:
    assert bearer_token(named([(b"Authorization", value)])) == found


def test_without_authorization_there_is_no_token() -> None:
    assert bearer_token({}) is None
    assert bearer_token(named([cookie(b"Trino-UI-Token=" + ALICE)])) is None


# --- whatever is sent

claims = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
payloads = (
    st.dictionaries(st.sampled_from(["sub", "a"]), claims).map(orjson.dumps)
    | claims.map(orjson.dumps)
    | st.binary(max_size=60)
)
tokens = payloads.map(jwt) | st.binary(max_size=60) | st.lists(st.binary(max_size=20), max_size=5).map(b".".join)
schemes = st.sampled_from([b"Basic ", b"bearer ", b"Bearer", b"Negotiate ", b""])
names = st.sampled_from([b"X-Trino-User", b"Authorization", b"Cookie"])
values = (
    st.binary(max_size=60)
    | st.builds(bytes.__add__, schemes, tokens | st.binary(max_size=60).map(base64.b64encode))
    | st.builds(bytes.__add__, st.sampled_from([b"Trino-UI-Token=", b"a;__Secure-Trino-ID-Token="]), tokens)
)
heads = st.lists(st.tuples(names, values), max_size=5)


def check_whatever_is_sent(pairs: Pairs) -> None:
    fields = named(pairs)
    user = user_of(fields, claim="sub")
    assert len(user) <= LONGEST_SHOWN
    assert user.encode().decode() == user, "it can be written"
    found = bearer_token(fields)
    assert found is None or (found.isascii() and found.isprintable() and " " not in found)


@pytest.mark.slow
@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(heads)
def test_whatever_is_sent_there_is_a_user_or_none(pairs: Pairs) -> None:
    check_whatever_is_sent(pairs)


@pytest.mark.soak
@pytest.mark.timeout(600)
@settings(max_examples=20_000, deadline=None, database=None)
@given(heads)
def test_whatever_is_sent_at_length(pairs: Pairs) -> None:
    check_whatever_is_sent(pairs)
