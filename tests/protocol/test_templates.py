import pytest
from hypothesis import given
from hypothesis import strategies as st

from warren.protocol.templates import LONGEST_SHOWN, path_template

Q = "20200416_160256_03078_6b4yt"


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("/v1/statement", "/v1/statement"),
        (f"/v1/statement/queued/{Q}/yslug/1", "/v1/statement/queued/{queryId}/{slug}/{token}"),
        (
            f"/v1/statement/executing/{Q}/yslug/1368?maxWait=1s",
            "/v1/statement/executing/{queryId}/{slug}/{token}?{query}",
        ),
        (
            f"/v1/statement/executing/partialCancel/{Q}/0/yslug/1",
            "/v1/statement/executing/partialCancel/{queryId}/{stage}/{slug}/{token}",
        ),
        (f"/custom/statement/executing/{Q}/yslug/1", "/custom/statement/executing/{queryId}/{slug}/{token}"),
        (f"/v1/statement/executing/{Q}/yslug/1/more", "/v1/statement/executing/{queryId}/{...}/{...}/{...}"),
        ("/v1/statement/executing/not-an-id/yslug/1", "/v1/statement/executing/{...}/{...}/{...}"),
        (f"/v1/Statement/{Q}/yslug", "/v1/Statement/{queryId}/{...}"),
        (f"/v1/query/{Q}", "/v1/query/{queryId}"),
        (f"/v1/query/{Q}/killed", "/v1/query/{queryId}/killed"),
        (f"/ui/api/query/{Q}", "/ui/api/query/{queryId}"),
        ("/v1/spooled/download/secret=", "/v1/spooled/download/{identifier}"),
        ("/v1/spooled/ack/secret=", "/v1/spooled/ack/{identifier}"),
        ("/v1/%73pooled;x/download/secret=", "/v1/spooled/download/{identifier}"),
        ("/oauth2/token/initiate/secret", "/oauth2/token/initiate/{...}"),
        ("/oauth2/token/secret", "/oauth2/token/{...}"),
        ("/oauth2/callback?code=secret&state=secret", "/oauth2/callback?{query}"),
        ("/ui/assets/app.js", "/ui/assets/app.js"),
        ("/ui/x;jsessionid=secret", "/ui/x"),
        ("/lost/eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.secret", "/lost/{...}"),
        ("/", "/"),
        ("http://user:secret@trino/", "{...}"),
        ("", "{...}"),
        ("/a\r\nb\x1b[31m%0a\u2028é\\", r"/a\r\nb\x1b[31m\n\u2028\xe9\\"),
    ],
)
def test_a_log_shows_the_shape_and_no_secret(target: str, shown: str) -> None:
    assert path_template(target) == shown


@given(st.text(max_size=400) | st.lists(st.sampled_from(["/", "a" * 30, "\n", "%0a", "\ud800"])).map("".join))
def test_whatever_is_sent_a_log_gets_one_short_printable_line(text: str) -> None:
    for target in (text, f"/{text}", f"/{text}?{text}"):
        shown = path_template(target)
        assert len(shown) <= LONGEST_SHOWN
        assert shown.isascii()
        assert shown.isprintable()
