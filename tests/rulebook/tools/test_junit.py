"""JUnit XML, as a reader of XML finds it."""

from xml.etree import ElementTree

from warren.rulebook.tools.examples import Described, Example
from warren.rulebook.tools.junit import junit_of
from warren.rulebook.tools.trying import Outcome


def test_each_test_is_a_case_and_failures_say_what_came() -> None:
    outcomes = [
        Outcome(Example("good <one>", 1, Described(), {}), ""),
        Outcome(Example('bad \x01 "one"', 2, Described(), {}), "expected & got", ("a <b>", "c")),
    ]
    root = ElementTree.fromstring(junit_of(outcomes, suite="rules.yaml"))
    assert root.attrib == {"name": "rules.yaml", "tests": "2", "failures": "1"}
    good, bad = root.findall("testcase")
    assert (good.get("name"), good.get("classname"), list(good)) == ("good <one>", "rules.yaml", [])
    assert bad.get("name") == 'bad ? "one"'
    (failure,) = bad
    assert (failure.tag, failure.get("message"), failure.text) == ("failure", "expected & got", "a <b>\nc")
