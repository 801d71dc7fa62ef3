"""The documentation as tests read it: pages, headings, links, fenced blocks, and the commands in those."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))

SHELLS = frozenset({"bash", "sh", "shell", "console"})
LANGUAGES = SHELLS | {"yaml", "json", "python", "properties", "text"}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: Path
    language: str
    text: str


def name_of(page: Path) -> str:
    """For the ids of tests."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[Block]:
    for language, text in _FENCE.findall(page.read_text()):
        yield Block(page, language, text)


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """What links to the page's headings end in."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def links(page: Path) -> Iterator[str]:
    """Targets of links within the project."""
    for target in _LINK.findall(prose(page)):
        if "://" not in target and not target.startswith("mailto:"):
            yield target


def commands(block: Block) -> Iterator[str]:
    """The commands of a shell block, continued lines joined. With `$ ` in front of some lines, the others are output."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if any(line.startswith(_PROMPT) for line in lines):
        lines = [line.removeprefix(_PROMPT) for line in lines if line.startswith(_PROMPT)]
    yield from (line.strip() for line in lines if line.strip() and not line.startswith("#"))
