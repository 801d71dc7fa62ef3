"""Writes what became of tests as JUnit XML, which systems for continuous integration show."""

import re
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree

from warren.rulebook.tools.trying import Outcome

FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


def junit_of(outcomes: Sequence[Outcome], *, suite: str) -> str:
    failed = sum(bool(outcome.because) for outcome in outcomes)
    root = ElementTree.Element("testsuite", name=_text(suite), tests=str(len(outcomes)), failures=str(failed))
    for outcome in outcomes:
        case = ElementTree.SubElement(root, "testcase", classname=_text(suite), name=_text(outcome.example.name))
        if outcome.because:
            failure = ElementTree.SubElement(case, "failure", message=_text(outcome.because))
            failure.text = _text("\n".join(outcome.details))
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _text(text: str) -> str:
    return FORBIDDEN.sub("?", text)
