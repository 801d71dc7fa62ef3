"""Keys with two spellings: where the Java gateway's manual and its code disagree, both are understood."""

from typing import Any

from warren.errors import Problem
from warren.settings.reading.document import Document
from warren.settings.units import WrongValue, whole

OTHER_SPELLINGS = {
    ("backendState", "xforwardedProtoHeader"): "xForwardedProtoHeader",
    ("requestAnalyzerConfig", "isClientsUseV2Format"): "clientsUseV2Format",
}
"""By section and spelling, the one that the models know."""

TIMEOUTS = {f"{name}TimeoutSeconds": f"monitor.http-client.{name}-timeout" for name in ("connect", "request", "idle")}
"""Keys of `monitor` that the manual has; the properties of `serverConfig` that they stand for."""

CACHE, OTHER_CACHE = "valkeyConfiguration", "distributedCacheConfiguration"
DURATIONS = {"timeout": ("timeoutMs", "ms"), "cacheTtl": ("cacheTtlSeconds", "s")}
"""Keys of the distributed cache that are durations in the other spelling, and the unit that the usual one counts in."""


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
    respell_cache(document)
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


def respell_cache(document: Document) -> None:
    """A whole section under another name; messages go on naming it, and its keys, as the file does."""
    section = document.tree.pop(OTHER_CACHE, None)
    if section is None:
        return
    if document.tree.get(CACHE) is not None:
        line = document.entries[OTHER_CACHE].line
        document.problems.append(Problem(OTHER_CACHE, line, f"means the same as {CACHE}", "keep one of the two"))
        return
    document.tree[CACHE] = section
    document.spelled[CACHE] = OTHER_CACHE
    for path, entry in list(document.entries.items()):
        if f"{path}.".startswith(f"{OTHER_CACHE}."):
            document.entries[f"{CACHE}{path.removeprefix(OTHER_CACHE)}"] = entry
    for key, (target, unit) in DURATIONS.items():
        if isinstance(section, dict) and key in section:
            count(document, key, target, unit)


def count(document: Document, key: str, target: str, unit: str) -> None:
    """A duration becomes a number, as the usual spelling wants it."""
    section: dict[str, Any] = document.tree[CACHE]
    value, entry, name = section.pop(key), document.entries[f"{CACHE}.{key}"], document.name(f"{CACHE}.{key}")
    if value is None:
        return
    if target in section:
        also = document.name(f"{CACHE}.{target}")
        document.problems.append(Problem(name, entry.line, f"means the same as {also}", "keep one of the two"))
        return
    try:
        section[target] = whole(value if isinstance(value, str) else "", unit)
    except WrongValue as wrong:
        if not entry.missing:
            document.problems.append(Problem(name, entry.line, entry.shown, wrong.remedy))
        return
    document.entries[f"{CACHE}.{target}"] = entry
    document.spelled[f"{CACHE}.{target}"] = name
