"""What a cluster's answer says about who owns a query: proof, denial, or nothing."""

from warren.protocol.asked import Asked, Follow, FollowKind, Spooled, SpooledAction

GONE = 410
NOT_FOUND = 404
INTERNAL_SERVER_ERROR = 500
CONFLICT = 409


def proves(asked: Asked, method: str, status: int) -> bool:
    """Whether the answer shows that this cluster owns what was asked for. Only such an answer may be remembered."""
    match asked:
        case Follow(searchable=True, kind=FollowKind.STATEMENT):
            # 410: the slug was right and the page has been read already. A stranger says 404.
            return _is_success(status) or status == GONE
        case Follow(searchable=True, kind=FollowKind.QUERY):
            if method == "DELETE":
                return False  # 204 is Trino's answer for any id, known or not.
            # 409: a query that has ended cannot be killed, says the coordinator that ran it.
            return _is_success(status) or (method == "PUT" and status == CONFLICT)
        case Spooled(action=SpooledAction.DOWNLOAD):
            return _is_success(status) or 300 <= status < 400  # A redirect to the object store.
        case Spooled():
            return _is_success(status)
        case _:
            return False


def denies(asked: Asked, method: str, status: int) -> bool:
    """Whether the answer says that this cluster does not own what was asked for."""
    match asked:
        case Follow(searchable=True, kind=FollowKind.STATEMENT):
            return status == NOT_FOUND
        case Spooled():
            # Trino 476 answers 500 to an identifier that another cluster made: it cannot decode it.
            return status in {NOT_FOUND, INTERNAL_SERVER_ERROR}
        case Follow(searchable=True, kind=FollowKind.QUERY):
            return status == GONE and method != "DELETE"
        case _:
            return False


def _is_success(status: int) -> bool:
    return 200 <= status < 300
