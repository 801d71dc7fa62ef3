"""Real MVEL answers what we answer: every example that is not marked as ours, and what both refuse."""

import base64
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.routing.mvel import running
from tests.routing.mvel.offered import examples
from warren.routing.mvel.compile import MvelError, RuleFailed

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

VERSION = "2.5.2.Final"
HERE = Path(__file__).parent
CACHE = HERE.parent.parent.parent / ".cache" / f"mvel-{VERSION}"
JAR = f"mvel2-{VERSION}.jar"
COMPARED = (
    *(
        "STRING",
        "PATTERNS",
        "LIST",
        "ARRAY",
        "SET",
        "MAP",
        "ENTRY",
        "NUMBER",
        "BOOLEAN",
        "OPTIONAL",
        "BUILDER",
        "STATICS",
    ),
    *("NEW", "OPERATORS", "STATEMENTS"),
)
REFUSED = (
    '"abc".contains(null)',
    '"a5".contains(5)',
    '"abc".substring(5)',
    '"abc".nobody()',
    '"abc".nobody',
    '"abc"[5]',
    "[1, 2].get(5)",
    '["a": 1].b',
    "state.nobody",
    "x = null; x.length()",
    "x = null; x && true",
    "x = null; !x",
    'x = "a"; x < 1',
    "null ? 1 : 2",
    '"a" ? 1 : 2',
    'true && "x"',
    '!"true"',
    "1 % 0",
    "Optional.of(null)",
    "Optional.empty().get()",
    'Integer.parseInt("x")',
    'foreach (i : ["a": 1]) { i }',
    "foreach (i : null) { i }",
    "nobody == 5",
    "new HashSet<String>()",
    '"a" ~= "["',
    '!"abc" contains "a"',
    r'"\x"',
    "08",
    "01.5",
    "new TreeSet([1, true])",
    r'"a" ~= "[\\\\[]"',
    '"a" ~= "[a[]"',
    r'"a" ~= "[\\101]"',
)

OPERANDS = (
    *("1", "2", "-3", "1.5", "2.0", "10L", '"a"', '"5"', '""', '" "', "true", "false", "null", '"true"'),
    *("[1]", '["a"]', '["a": 1]', "Optional.of(1)", "new HashSet([1])"),
)
OPERATORS = ("==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "%", "contains", "~=", "or")
OTHERWISE = {
    'x = "5"; y = "5"; x - y',  # a double there
    'x = "5"; y = "5"; x * y',
    'x = "5"; y = "5"; x % y',
    'x = ""; y = ""; x or y',  # null there, of two empty texts
    'x = null; y = ""; x or y',
    "x = null; y = null; x ~= y",  # true there, of all nulls only this
}


@pytest.fixture(scope="module")
def mvel() -> Path:
    maven = shutil.which("mvn")
    if shutil.which("java") is None or maven is None:
        pytest.fail("Java and Maven are needed, for instance: apt-get install default-jdk maven")
    if not (CACHE / JAR).exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [maven, "--batch-mode", "--quiet", "dependency:copy", f"-Dartifact=org.mvel:mvel2:{VERSION}"]
        subprocess.run([*command, f"-DoutputDirectory={CACHE}"], cwd=CACHE, check=True, timeout=300)
    return CACHE / JAR


def answers_of(mvel: Path, texts: Sequence[str]) -> list[str | None]:
    """None where MVEL failed."""
    lines = "".join(f"{base64.b64encode(text.encode()).decode()}\n" for text in texts)
    done = subprocess.run(
        ["java", "-cp", mvel, HERE / "Answers.java"],
        input=lines,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith(("=", "!"))]
    return [base64.b64decode(line[1:]).decode() if line[0] == "=" else None for line in found]


def test_mvel_answers_what_we_answer(mvel: Path) -> None:
    wanted = [example for name in COMPARED for example in getattr(examples, name)]
    found = answers_of(mvel, [text for text, _ in wanted])
    assert [(*pair, answer) for pair, answer in zip(wanted, found, strict=True) if pair[1] != answer] == []


def test_mvel_refuses_what_we_refuse(mvel: Path) -> None:
    found = answers_of(mvel, REFUSED)
    assert [text for text, answer in zip(REFUSED, found, strict=True) if answer is not None] == []
    for text in REFUSED:
        with pytest.raises((MvelError, RuleFailed)):
            running.action(text)


def test_every_operator_with_every_pair_of_values_answers_the_same(mvel: Path) -> None:
    """Where both answer: what makes no sense here fails, and is often null or false there."""
    texts = [
        f"x = {left}; y = {right}; x {operator} y" for left in OPERANDS for right in OPERANDS for operator in OPERATORS
    ]
    differing = {
        text
        for text, answer in zip(texts, answers_of(mvel, texts), strict=True)
        if answer is not None and (ours := answer_of(text)) is not None and ours != answer
    }
    assert differing == OTHERWISE


def answer_of(text: str) -> str | None:
    try:
        return running.shown(text)
    except (MvelError, RuleFailed):
        return None


def test_what_is_ours_is_not_in_mvel_or_differs_there(mvel: Path) -> None:
    """Else it belongs among the compared."""
    ours = examples.OPERATORS_OF_OURS + examples.BUILDER_OF_OURS
    found = answers_of(mvel, [text for text, _ in ours])
    assert [text for (text, answer), real in zip(ours, found, strict=True) if answer == real] == []
