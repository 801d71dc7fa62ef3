import pytest

from warren.model import ClusterUrl
from warren.protocol.answers.cookies import cluster_host_line


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://trino1:8080", b"Set-Cookie: trinoClusterHost=trino1\r\n"),
        ("https://trino.example.org/some/prefix", b"Set-Cookie: trinoClusterHost=trino.example.org\r\n"),
        ("http://[::1]:8080", b"Set-Cookie: trinoClusterHost=[::1]\r\n"),
        ("http://10.0.0.1", b"Set-Cookie: trinoClusterHost=10.0.0.1\r\n"),
        ("http://b\u00fccher", b""),
        ("http://a;b", b""),
        ("nonsense", b""),
    ],
)
def test_the_cookie_names_the_clusters_host_and_nothing_else(url: str, line: bytes) -> None:
    assert cluster_host_line(ClusterUrl(url)) == line
