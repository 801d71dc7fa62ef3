"""Keys with two spellings: where the Java gateway's manual and its code disagree, both are understood."""

from typing import Any

from warren.errors import Problem
from warren.settings.reading.document import Document
from warren.settings.section import Written
from warren.settings.units import WrongValue, seconds

OTHER_SPELLINGS = {
    ("backendState", "xforwardedProtoHeader"): "xForwardedProtoHeader",
    ("requestAnalyzerConfig", "isClientsUseV2Format"): "clientsUseV2Format",
}
"""By section and spelling, the one that the models know."""

TIMEOUTS = {f"{name}TimeoutSeconds": f"monitor.http-client.{name}-timeout" for name in ("connect", "request", "idle")}
"""Keys of `monitor` that the manual has; the properties of `serverConfig` that they stand for."""

CACHE, OTHER_CACHE = "valkeyConfiguration", "distributedCacheConfiguration"
CACHE_DURATIONS = {"timeout": ("timeoutMs", 1000), "cacheTtl": ("cacheTtlSeconds", 1)}
"""Keys of the distributed cache's other spelling that are durations; their names here, and how many of them make a second."""
ONLY_HERE = frozenset({"timeoutMs", "cacheTtlSeconds", "healthCheckIntervalMs"})
"""Keys that the other spelling does not have."""


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
    if OTHER_CACHE in document.tree:
        move_cache(document)
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


def move_cache(document: Document) -> None:
    """`distributedCacheConfiguration` (upstream's pull request 877) is `valkeyConfiguration` with durations."""
    line = document.entries[OTHER_CACHE].line
    if document.tree.get(CACHE) is not None:
        del document.tree[OTHER_CACHE]
        document.problems.append(Problem(OTHER_CACHE, line, f"means the same as {CACHE}", "keep one of the two"))
        return
    section = document.tree.pop(OTHER_CACHE)
    if isinstance(section, dict):
        for key in ONLY_HERE & section.keys():
            document.problems.append(
                Problem(
                    f"{OTHER_CACHE}.{key}",
                    document.entries[f"{OTHER_CACHE}.{key}"].line,
                    "",
                    f"this spelling of the section has timeout and cacheTtl instead; or name the section {CACHE}",
                )
            )
            del section[key]
        section = {CACHE_DURATIONS[key][0] if key in CACHE_DURATIONS else key: value for key, value in section.items()}
        for key, (name, in_a_second) in CACHE_DURATIONS.items():
            if name in section:
                section[name] = in_units(document, f"{OTHER_CACHE}.{key}", section[name], in_a_second)
    document.tree[CACHE] = section
    for key, entry in list(document.entries.items()):
        if key.partition(".")[0] == OTHER_CACHE:
            name = key.removeprefix(OTHER_CACHE).removeprefix(".")
            name = CACHE_DURATIONS[name][0] if name in CACHE_DURATIONS else name
            document.entries[f"{CACHE}.{name}" if name else CACHE] = entry


def in_units(document: Document, key: str, value: Any, in_a_second: int) -> Any:
    """A duration as a whole number of what there are `in_a_second`."""
    if not isinstance(value, str):
        return value
    try:
        number = round(seconds(value) * in_a_second)
    except WrongValue as wrong:
        entry = document.entries[key]
        document.problems.append(Problem(key, entry.line, entry.shown, wrong.remedy))
        return None
    return Written(str(number), number)
