import pytest

from warren.model import QueryId
from warren.protocol.answers.verdicts import denies, proves
from warren.protocol.asked import Asked, Follow, FollowKind, Other, Own, Spooled, SpooledAction, Submit

Q = QueryId("20200416_160256_03078_6b4yt")
STATEMENT = Follow(Q, True, FollowKind.STATEMENT)
QUERY = Follow(Q, True, FollowKind.QUERY)
DOWNLOAD = Spooled("abc=", SpooledAction.DOWNLOAD)
ACK = Spooled("abc=", SpooledAction.ACK)

EVERY_STATUS = range(100, 600)
SUCCESS = set(range(200, 300))


@pytest.mark.parametrize(
    ("asked", "method", "proof", "denial"),
    [
        (STATEMENT, "GET", SUCCESS | {410}, {404}),
        (STATEMENT, "HEAD", SUCCESS | {410}, {404}),
        (STATEMENT, "DELETE", SUCCESS | {410}, {404}),
        (QUERY, "GET", SUCCESS, {410}),
        (QUERY, "HEAD", SUCCESS, {410}),
        (QUERY, "PUT", SUCCESS | {409}, {410}),
        (QUERY, "DELETE", set(), set()),
        (DOWNLOAD, "GET", SUCCESS | set(range(300, 400)), {404, 500}),
        (ACK, "GET", SUCCESS, {404, 500}),
        (Follow(Q, False, FollowKind.STATEMENT), "POST", set(), set()),
        (Follow(Q, False, FollowKind.QUERY), "POST", set(), set()),
        (Follow(Q, False, FollowKind.MENTIONED), "GET", set(), set()),
        (Submit(), "POST", set(), set()),
        (Other(), "GET", set(), set()),
        (Own(), "GET", set(), set()),
    ],
)
def test_which_answers_say_who_owns_a_query(asked: Asked, method: str, proof: set[int], denial: set[int]) -> None:
    assert {status for status in EVERY_STATUS if proves(asked, method, status)} == proof
    assert {status for status in EVERY_STATUS if denies(asked, method, status)} == denial
