"""What a cluster's URLs may be: a table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warren.clusters.urls import check_external_url, check_label, check_proxy_to
from warren.model import ClusterUrl

GOOD = [
    ("http://blue", "http://blue"),
    ("http://blue:8080", "http://blue:8080"),
    ("https://blue.example.com:8443/", "https://blue.example.com:8443"),
    ("https://blue/trino", "https://blue/trino"),
    ("https://blue/a/b/", "https://blue/a/b"),
    ("https://blue/a%2Fb;v=1/~x@y", "https://blue/a%2Fb;v=1/~x@y"),
    ("HTTPS://Blue", "https://Blue"),
    ("http://trino_1:8080", "http://trino_1:8080"),
    ("http://10.0.0.7:8080", "http://10.0.0.7:8080"),
    ("http://[::1]", "http://[::1]"),
    ("http://[2001:db8::7]:8080/x/", "http://[2001:db8::7]:8080/x"),
    ("http://blue:1", "http://blue:1"),
    ("http://blue:65535", "http://blue:65535"),
    ("http://h/" + "x" * 247, "http://h/" + "x" * 247),
    ("http://h/" + "x" * 247 + "/", "http://h/" + "x" * 247),
]
BAD = [
    ("", "does not begin with http:// or https://"),
    ("blue:8080", "does not begin with http:// or https://"),
    ("//blue", "does not begin with http:// or https://"),
    ("ftp://blue", "does not begin with http:// or https://"),
    ("javascript:alert(1)", "does not begin with http:// or https://"),
    ("file:///etc/passwd", "does not begin with http:// or https://"),
    (" http://blue", "does not begin with http:// or https://"),
    ("http://", "names no host"),
    ("http:///path", "names no host"),
    ("http://:8080", "names no host"),
    ("http://blue:", "has a colon but no port"),
    ("http://blue:0", "ports go from 1 to 65535"),
    ("http://blue:65536", "ports go from 1 to 65535"),
    ("http://blue:123456", "is not a URL"),
    ("http://blue:80a", "is not a URL"),
    ("http://blue:-1", "is not a URL"),
    ("http://ann@blue", "holds a user name or password"),
    ("http://ann:hush@blue", "holds a user name or password"),
    ("http://blue@evil@blue/", "holds a user name or password"),
    ("http://blue?x=1", "has a query or a fragment"),
    ("http://blue/?", "has a query or a fragment"),
    ("http://blue/#top", "has a query or a fragment"),
    ("http://blue/a b", "holds a blank or a control character"),
    ("http://blue\r\nHost: x", "holds a blank or a control character"),
    ("http://blue\n", "holds a blank or a control character"),
    ("http://blue\0", "holds a blank or a control character"),
    ("http://blue\x7f", "holds a blank or a control character"),
    ("http://bl\u00fcgel", "outside ASCII"),
    ("http://blue:\u0661", "outside ASCII"),
    ("http://blue\u2028", "outside ASCII"),
    ("http://blue\\evil", "is not a URL"),
    ("http://blue/%zz", "is not a URL"),
    ("http://blue/<x>", "is not a URL"),
    ("http://[::1", "is not a URL"),
    ("http://[fe80::1%25eth0]", "is not a URL"),
    ("http://[1.2.3.4]", "no valid IPv6 address"),
    ("http://[:::]", "no valid IPv6 address"),
    ("http://blue//", "more than one slash"),
    ("http://blue/a//", "more than one slash"),
    ("http://blue/a/../b", "dot segment"),
    ("http://blue/.", "dot segment"),
    ("http://blue/%2e%2E/b", "dot segment"),
    ("http://blue/..;x/b", "dot segment"),
    ("http://h/" + "x" * 248, "257 characters; at most 256"),
]


@pytest.mark.parametrize("check", [check_proxy_to, check_external_url])
@pytest.mark.parametrize(("text", "stored"), GOOD)
def test_a_url_is_stored_without_its_one_trailing_slash(check: type[str], text: str, stored: str) -> None:
    assert check(text) == stored


@pytest.mark.parametrize(("check", "key"), [(check_proxy_to, "proxyTo"), (check_external_url, "externalUrl")])
@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_a_url_that_cannot_be_used_is_refused_with_a_sentence(
    check: type[str], key: str, text: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=key) as caught:
        check(text)
    said = str(caught.value)
    assert sentence in said
    assert said.isascii()
    assert said.isprintable()
    assert "hush" not in said


@given(st.text(max_size=60) | st.from_regex(r"[a-zA-Z]{0,5}:?/{0,3}[a-z@:\[\]./?#%;0-9\\ ]{0,40}", fullmatch=True))
def test_any_text_is_refused_in_words_or_stays_the_same_when_checked_again(text: str) -> None:
    refused = ""
    try:
        stored = check_proxy_to(text)
    except ValueError as error:
        stored, refused = ClusterUrl("http://other"), str(error)
    assert refused.isprintable()
    assert check_proxy_to(stored) == stored
    assert not stored.endswith("/")
    assert stored.startswith(("http://", "https://"))


@pytest.mark.parametrize("text", ["blue", "a b", "表", "o'brien", "x" * 256])
def test_a_label_may_be_any_printable_text(text: str) -> None:
    assert check_label(text, "name") == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "is empty"), ("x" * 257, "257 characters"), ("a\nb", "control"), ("a\0", "control"), ("\ud800", "control")],
)
def test_a_label_that_cannot_be_stored_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^routingGroup .*{sentence}"):
        check_label(text, "routingGroup")
