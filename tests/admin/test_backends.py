import pytest
from starlette.exceptions import HTTPException

from tests.admin.own import cluster
from warren.admin.answers import BadJson
from warren.admin.backends import Backend, StrictBackend, backend_json, read_backend


def test_the_defaults_are_upstreams() -> None:
    backend = read_backend(b'{"name": "a", "proxyTo": "http://a:8080"}', Backend)
    assert backend.cluster() == cluster("a")
    assert list(backend.echo().items()) == [
        ("active", True),
        ("routingGroup", "adhoc"),
        ("externalUrl", "http://a:8080"),
        ("name", "a"),
        ("proxyTo", "http://a:8080"),
    ]


def test_what_is_stored_is_normal_and_what_is_echoed_is_as_sent() -> None:
    backend = read_backend(b'{"name": "a", "proxyTo": "http://a:8080/"}', Backend)
    assert backend.cluster() == cluster("a")
    assert backend.echo()["proxyTo"] == "http://a:8080/"


@pytest.mark.parametrize("external", [b"null", b'""'])
def test_no_external_url_is_the_same_as_proxy_to(external: bytes) -> None:
    backend = read_backend(b'{"name": "a", "proxyTo": "http://a:8080", "externalUrl": %b}' % external, Backend)
    assert backend.cluster().external_url == "http://a:8080"


@pytest.mark.parametrize(
    ("active", "expected"),
    [("true", True), ("false", False), ('"true"', True), ('"False"', False), ('"TRUE"', True), ('"FALSE"', False)],
)
def test_active_may_be_a_boolean_or_its_name(active: str, expected: bool) -> None:
    backend = read_backend(f'{{"name": "a", "proxyTo": "http://a", "active": {active}}}'.encode(), Backend)
    assert backend.active is expected


def test_unknown_properties_are_ignored_or_refused_as_the_shape_says() -> None:
    body = b'{"name": "a", "proxyTo": "http://a", "foo": 1, "proxy_to": "http://b"}'
    assert read_backend(body, Backend).proxy_to == "http://a"
    with pytest.raises(BadJson, match="'foo' is not a property of a cluster; known are name, proxyTo"):
        read_backend(body, StrictBackend)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty"),
        (b"{", "not JSON"),
        (b'{"name": "a"} x', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"null", "expected a JSON object with name and proxyTo, found null"),
        (b"[]", "found []"),
        (b'"a"', "found"),
        (b"{}", "name is missing; proxyTo is missing"),
        (b'{"name": "a"}', "proxyTo is missing"),
        (b'{"name": null, "proxyTo": "http://a"}', "name: expected a valid string, found 'None'"),
        (b'{"name": "a", "proxyTo": 5}', "proxyTo: expected a valid string, found '5'"),
        (b'{"name": "a", "proxyTo": "http://a", "active": "maybe"}', "active: expected a valid boolean, found 'maybe'"),
        (b'{"name": "a", "proxyTo": "http://a", "active": 1}', "active: expected a valid boolean, found '1'"),
        (b'{"name": "a", "proxyTo": "http://a", "active": null}', "active: expected a valid boolean"),
        (b'{"name": "a", "proxyTo": "http://a", "routingGroup": []}', "routingGroup: expected a valid string"),
    ],
)
@pytest.mark.parametrize("shape", [Backend, StrictBackend])
def test_a_body_of_another_shape_is_refused_with_reasons(shape: type[Backend], body: bytes, says: str) -> None:
    with pytest.raises(BadJson) as refused:
        read_backend(body, shape)
    assert says in str(refused.value)


def test_reasons_stay_short_whatever_is_sent() -> None:
    with pytest.raises(BadJson) as refused:
        read_backend(b'{"name": [%b], "%b": 1}' % (b"1," * 5000 + b"1", b"k" * 5000), StrictBackend)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    ("name", "proxy_to", "external", "group", "says"),
    [
        ("", "http://a", None, "adhoc", "name"),
        ("a\n", "http://a", None, "adhoc", "name"),
        ("a" * 300, "http://a", None, "adhoc", "256"),
        ("a", "not a url", None, "adhoc", "proxyTo"),
        ("a", "ftp://a", None, "adhoc", "http://"),
        ("a", "http://a", "javascript:alert(1)", "adhoc", "externalUrl"),
        ("a", "http://a", None, "", "routingGroup"),
    ],
)
def test_a_cluster_that_cannot_be_stored_is_400(
    name: str, proxy_to: str, external: str | None, group: str, says: str
) -> None:
    with pytest.raises(HTTPException) as refused:
        Backend(name=name, proxyTo=proxy_to, externalUrl=external, routingGroup=group).cluster()
    assert refused.value.status_code == 400
    assert says in refused.value.detail


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(HTTPException) as refused:
        Backend(name="a", proxyTo="http://me:hunter2@a").cluster()
    assert "hunter2" not in refused.value.detail


def test_a_stored_cluster_is_written_in_upstreams_order() -> None:
    assert list(backend_json(cluster("a", active=False, group="etl", external="http://x"))) == [
        "active",
        "routingGroup",
        "externalUrl",
        "name",
        "proxyTo",
    ]
