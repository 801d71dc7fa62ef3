"""What an action in MVEL puts into `result`, when that is all it does and the texts stand there."""

from typing import Final

from warren.routing.mvel import tree
from warren.routing.mvel.shapes import parse_action
from warren.routing.rules.made import THEN
from warren.routing.rules.rule import LONGEST_MESSAGE, LONGEST_NAME, REJECT, STOP
from warren.routing.words import shown
from warren.rulebook.tools.comparing import Kept

KEYS: Final = {result: key for key, result in THEN.items()} | {STOP: STOP}
"""By key of the result the key below `then`."""
CONSTANT: Final = ("FileBasedRoutingGroupSelector", "RESULTS_ROUTING_GROUP_KEY", "routingGroup")


def then_of(actions: list[str]) -> dict[str, str | bool]:
    """What stands below `then` in place of these actions, which compile. Raises Kept."""
    then: dict[str, str | bool] = {}
    for text in actions:
        for statement in parse_action(text):
            put = _put(statement)
            if put is None:
                raise Kept(f"its action does more than put a text: `{shown(' '.join(text.split()))}`")
            key, value = _checked(*put)
            if key in then:
                raise Kept(f"its actions put {key} twice")
            then[key] = value
    if not then:
        raise Kept("it does nothing")
    return then


def _put(statement: tree.Statement) -> tuple[str, str | bool] | None:
    """Key and value; None for anything else."""
    match statement:
        case tree.Evaluate(
            value=tree.Call(target=tree.Name(name="result"), name="put", arguments=(key, tree.Literal(value=value)))
        ):
            return _pair(_key(key), value)
        case tree.Assign(
            target=tree.Index(target=tree.Name(name="result"), key=key), operator="", value=tree.Literal(value=value)
        ):
            return _pair(_key(key), value)
    return None


def _pair(key: str | None, value: object) -> tuple[str, str | bool] | None:
    return (key, value) if key is not None and isinstance(value, str | bool) else None


def _key(node: tree.Expression) -> str | None:
    match node:
        case tree.Literal(value=str(key)):
            return key
        case tree.Property(target=tree.Name(name=owner) | tree.ClassPath(name=owner), name=name):
            return CONSTANT[2] if (owner, name) == CONSTANT[:2] else None
    return None


def _checked(key: str, value: str | bool) -> tuple[str, str | bool]:
    """Raises Kept for what cannot stand below `then`."""
    if key not in KEYS:
        raise Kept(f"it puts {shown(key)}, which only MVEL reads")
    if (key == STOP) is not isinstance(value, bool):
        raise Kept(f"it puts {shown(str(value))} for {key}")
    limit = LONGEST_MESSAGE if key == REJECT else LONGEST_NAME
    if isinstance(value, str) and (not value.strip() or len(value) > limit):
        raise Kept(f"it puts a text for {key} that is blank, or too long")
    return KEYS[key], value
