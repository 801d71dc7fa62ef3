import pytest

from warren.model import QueryId
from warren.protocol.asked import Follow, FollowKind, Own, Spooled, SpooledAction, Submit


def test_what_is_asked_is_a_value() -> None:
    query_id = QueryId("20200416_160256_03078_6b4yt")
    follow = Follow(query_id, True, FollowKind.QUERY)
    assert {follow, Follow(query_id, True, FollowKind.QUERY), Submit(), Submit(), Own()} == {follow, Submit(), Own()}


@pytest.mark.parametrize("action", ["download", "ack"])
def test_spooled_actions_are_called_as_in_the_path(action: str) -> None:
    assert Spooled("abc=", SpooledAction(action)).action.value == action
