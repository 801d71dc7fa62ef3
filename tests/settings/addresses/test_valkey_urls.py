"""Where a Valkey server is, in all the ways that people write it."""

import pytest

from warren.settings.addresses.valkey_urls import Address, address, host, is_loopback, valkey_url
from warren.settings.units import WrongValue


@pytest.mark.parametrize(
    ("text", "tls", "where", "username", "password", "database"),
    [
        ("valkey://h", False, ("h", 6379), None, None, 0),
        ("redis://h/", False, ("h", 6379), None, None, 0),
        ("valkeys://h:7000", True, ("h", 7000), None, None, 0),
        ("rediss://h:7000/3", True, ("h", 7000), None, None, 3),
        ("VALKEYS://h", True, ("h", 6379), None, None, 0),
        ("valkey://:pw@h", False, ("h", 6379), None, "pw", 0),
        ("valkey://me:pw@h:1/2147483647", False, ("h", 1), "me", "pw", 2147483647),
        ("valkey://m%40e:p%2Fw%3A%25%20:x@h", False, ("h", 6379), "m@e", "p/w:% :x", 0),
        ("valkey://:p%C3%A4@h", False, ("h", 6379), None, "pä", 0),
        ("valkey://:p+w@h", False, ("h", 6379), None, "p+w", 0),
        ("valkey://:@h", False, ("h", 6379), None, None, 0),
        ("valkey://me:pw@[2001:db8::1]:7000/1", False, ("2001:db8::1", 7000), "me", "pw", 1),
        ("valkey://[::1]", False, ("::1", 6379), None, None, 0),
    ],
)
def test_a_url_says_all_of_it(
    text: str, tls: bool, where: Address, username: str | None, password: str | None, *, database: int
) -> None:
    url = valkey_url(text)
    assert (url.tls, url.address, url.username, url.database) == (tls, where, username, database)
    assert (url.password.get_secret_value() if url.password else None) == password
    assert "pw" not in repr(url)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "write valkey://"),
        ("h:6379", "write valkey://"),
        ("http://hunter2@h", "write valkey://"),
        ("redis+sentinel://hunter2@h", "Sentinel and Cluster have keys of their own"),
        ("unix:///tmp/hunter2", "a socket in the file system is not offered"),
        ("valkey://hunter2@h", "a user without a password"),
        ("valkey://u:@h", "a user without a password"),
        ("valkey://u:hunter2@x@h", "@ as %40"),
        ("valkey://u:hunter2%@h", "% itself as %25"),
        ("valkey://u:hunter2%zz@h", "% itself as %25"),
        ("valkey://u:hunter2%ff@h", "percent-encoded UTF-8"),
        ("valkey://u:hunter2/x@h:6379/0", "/ as %2F"),
        ("valkey://u/hunter2@h", "/ as %2F"),
        ("valkey://u:hunter2?x@h", "? as %3F"),
        ("valkey://u:1/hunter2@h", "or write host, username and password in keys of their own"),
        ("valkey://h/x", "number of the database"),
        ("valkey://h/0/1", "number of the database"),
        ("valkey://h/-1", "number of the database"),
        ("valkey://h/2147483648", "number of the database"),
        ("valkey://h/١", "number of the database"),
        ("valkey://h?db=hunter2", "no options"),
        ("valkey://u:hunter2#@h", "# as %23"),
        ("valkey://", "a host is"),
        ("valkey://:6379", "a host is"),
        ("valkey://h h", "a host is"),
        ("valkey://h\n", "a host is"),
        ("valkey://h:0", "the port is a number"),
        ("valkey://h:65536", "the port is a number"),
        ("valkey://::1", "[address]:port"),
        ("valkey://[::1", "[address]:port"),
    ],
)
def test_a_url_that_is_none_is_refused_in_words_and_never_quoted(text: str, remedy: str) -> None:
    with pytest.raises(WrongValue) as refused:
        valkey_url(text)
    assert remedy in refused.value.remedy
    assert "hunter2" not in refused.value.remedy
    assert refused.value.found is None


@pytest.mark.parametrize(
    ("text", "where"),
    [("a", ("a", 26379)), ("a_b.c-d:1", ("a_b.c-d", 1)), ("10.0.0.1:2", ("10.0.0.1", 2)), ("[::1]:3", ("::1", 3))],
)
def test_a_node_is_host_and_port_or_the_host_alone(text: str, where: Address) -> None:
    assert address(text, 26379) == where


@pytest.mark.parametrize("text", ["", ":1", "a:b", "a b:1", "::1", "[a]:1", "[10.0.0.1]:1", "10.0.0:1", "a,b", "*:1"])
def test_anything_else_is_no_node(text: str) -> None:
    with pytest.raises(WrongValue):
        address(text, 6379)


@pytest.mark.parametrize(
    ("text", "found"), [("::1", "::1"), ("[::1]", "::1"), ("a.b", "a.b"), ("127.0.0.1", "127.0.0.1")]
)
def test_a_host_that_stands_alone_needs_no_brackets(text: str, found: str) -> None:
    assert host(text) == found


@pytest.mark.parametrize("text", ["", "a:1", "a b", "1.2.3.256", "a" * 254, "ä", "a\n", "[a]"])
def test_anything_else_is_no_host(text: str) -> None:
    with pytest.raises(WrongValue):
        host(text)


@pytest.mark.parametrize("text", ["valkey://u:hunter2@h", "hunter2@h", "hunter2/h:1"])
def test_a_url_in_the_place_of_a_host_is_not_quoted(text: str) -> None:
    for read in (host, lambda text: address(text, 6379)):
        with pytest.raises(WrongValue) as refused:
            read(text)
        assert refused.value.found == "a URL"


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("localhost", True),
        ("LocalHost.", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("valkey", False),
        ("10.0.0.1", False),
    ],
)
def test_what_is_sent_to_loopback_stays_here(name: str, stays: bool) -> None:
    assert is_loopback(name) == stays
