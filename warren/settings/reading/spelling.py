"""Keys with two spellings: where the Java gateway's manual and its code disagree, both are understood."""

from typing import Any

from warren.errors import Problem
from warren.settings.reading.document import Document

OTHER_SPELLINGS = {
    ("backendState", "xforwardedProtoHeader"): "xForwardedProtoHeader",
    ("requestAnalyzerConfig", "isClientsUseV2Format"): "clientsUseV2Format",
}
"""By section and spelling, the one that the models know."""

TIMEOUTS = {f"{name}TimeoutSeconds": f"monitor.http-client.{name}-timeout" for name in ("connect", "request", "idle")}
"""Keys of `monitor` that the manual has; the properties of `serverConfig` that they stand for."""


def respell(document: Document) -> Document:
    """The same document with one spelling for everything; its problems grow where two contradict each other."""
    for (name, other), usual in OTHER_SPELLINGS.items():
        section = document.tree.get(name)
        if isinstance(section, dict) and other in section:
            move(document, (name, other), (name, usual))
    monitor = document.tree.get("monitor")
    for key, target in TIMEOUTS.items():
        if isinstance(monitor, dict) and key in monitor:
            move_timeout(document, key, target)
    return document


def move(document: Document, source: tuple[str, str], target: tuple[str, str]) -> None:
    value = document.tree[source[0]].pop(source[1])
    section = document.tree.setdefault(target[0], {})
    entry = document.entries[".".join(source)]
    if not isinstance(section, dict):
        return
    if target[1] in section:
        also = ".".join(target)
        document.problems.append(
            Problem(".".join(source), entry.line, f"means the same as {also}", "keep one of the two")
        )
        return
    section[target[1]] = value
    document.entries.setdefault(".".join(target), entry)


def move_timeout(document: Document, key: str, target: str) -> None:
    """A number of seconds becomes a duration, as the property wants it."""
    monitor: dict[str, Any] = document.tree["monitor"]
    if document.tree.get("serverConfig") is None:
        document.tree["serverConfig"] = {}
    value = monitor[key]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        monitor[key] = f"{value}s"
    move(document, ("monitor", key), ("serverConfig", target))
