"""Ways to choose the routing group of a statement. Each answers with its reason."""

from warren.model import Decision, GroupName
from warren.routing.words import shown


def by_group_header(value: str | None, *, default: GroupName) -> Decision:
    """The group that the client names in `X-Trino-Routing-Group`; the default group when it names none."""
    if value is None or not value.strip():
        return Decision(default, f"no X-Trino-Routing-Group header, so default group {shown(default)}")
    group = GroupName(value.strip())
    return Decision(group, f"header X-Trino-Routing-Group says {shown(group)}")
