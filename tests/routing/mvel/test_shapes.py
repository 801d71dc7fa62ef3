from warren.routing.mvel import tree
from warren.routing.mvel.shapes import parse_action, parse_condition, parse_condition_in_steps


def test_a_condition_is_a_tree_that_knows_where_its_parts_stand() -> None:
    header = tree.Call(0, 22, tree.Name(0, 7, "request"), "getHeader", 8, (tree.Literal(18, 21, "A"),), safe=False)
    assert parse_condition('request.getHeader("A") == null;') == tree.Binary(
        0, 30, "==", header, tree.Literal(26, 30, None)
    )


def test_chains_of_and_and_or_are_flat() -> None:
    found = parse_condition("a || b && c || d")
    assert isinstance(found, tree.Logical)
    assert [type(operand) for operand in found.operands] == [tree.Name, tree.Logical, tree.Name]


def test_an_action_is_a_row_of_statements() -> None:
    kinds = [type(statement) for statement in parse_action("x = 1; x += 2; if (x) {} foreach (y : z) {} return; q[0]")]
    assert kinds == [tree.Assign, tree.Assign, tree.If, tree.ForEach, tree.Return, tree.Evaluate]


def test_a_condition_in_steps_ends_with_what_answers() -> None:
    for text in ("x = 1; x == 1", "return true", "if (a) { true }", "foreach (y : z) {} true"):
        assert parse_condition_in_steps(text) is not None, text
    for text in ("a == b", 'source = "airflow"', "x == 1; x = 1", "", "foreach (y : z) {}"):
        assert parse_condition_in_steps(text) is None, text
