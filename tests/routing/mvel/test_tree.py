import dataclasses

import pytest

from warren.routing.mvel import tree
from warren.routing.mvel.shapes import parse_condition


def test_trees_are_values() -> None:
    one, other = parse_condition("a.b(1)"), parse_condition("a.b(1)")
    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.offset = 5  # type: ignore[misc] # that it is frozen is what is tested


def test_every_node_knows_where_it_stands() -> None:
    nodes = [kind for kind in vars(tree).values() if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    assert len(nodes) > 20
    assert all([field.name for field in dataclasses.fields(kind)][:2] == ["offset", "end"] for kind in nodes)
