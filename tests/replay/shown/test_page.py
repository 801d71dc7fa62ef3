import re
from html.parser import HTMLParser

from tests.replay.made import report, some_statements, statement, terms
from warren.replay.shown.page import as_html

VOID = {"meta", "link", "br", "hr", "img", "input"}
DRAWN_ALONE = {"line", "path", "rect"}


class Reader(HTMLParser):
    """Every element is closed in its turn; text and attributes are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID | DRAWN_ALONE
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_it_is_well_formed_and_says_what_moves() -> None:
    reader = read(as_html(report(some_statements())))
    for words in ("4", "statements would move", "66.7 %", "cluster blue", "DROP TABLE a.b.c", "rule drops rejects it"):
        assert words in reader.text
    assert {"svg", "details", "table"} <= set(reader.seen)


def test_it_needs_nothing_from_elsewhere() -> None:
    page = as_html(report(some_statements()))
    reader = read(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form", "a"} & set(reader.seen)
    assert not {name for name, _ in reader.attributes} & {
        "src",
        "href",
        "srcset",
        "action",
        "style",
        "onclick",
        "onload",
    }
    assert not re.search(r"https?:|//\w|url\(|@import", page)
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in reader.attributes


def test_it_is_light_and_dark() -> None:
    assert "@media (prefers-color-scheme: dark)" in as_html(report(some_statements()))


def test_what_clients_send_stays_text() -> None:
    nasty = "</td></svg><script>alert(1)</script>\"'><img src=x onerror=y>&amp;"
    rules = f"name: |-\n  {nasty}\nwhen: {{clientTags: '<b>', headers: {{X-Mine: a}}}}\nthen: {{group: x}}\n"
    given = report(
        [statement(nasty, nasty, user=nasty, source=nasty, group=nasty)],
        terms(rules, before=f"name: |-\n  {nasty}\nwhen: {{sql: {{present: true}}}}\nthen: {{group: '<i>'}}\n"),
        source={"statements": nasty, "rules": nasty, "before": nasty, "bad": 1, "first_bad": (nasty,)},
    )
    reader = read(as_html(given))
    assert not {"script", "img", "b", "i"} & set(reader.seen)
    assert reader.text.count("<script>alert(1)</script>") >= 8


def test_nothing_is_said_to_be_nothing() -> None:
    reader = read(as_html(report([])))
    assert "There are no statements to replay." in reader.text
    assert "svg" not in reader.seen


def test_many_moves_are_cut_short() -> None:
    given = report([statement(f"q{n}", group=f"g{n}") for n in range(510)])
    assert "And 10 more kinds of moves, which the JSON has." in read(as_html(given)).text
