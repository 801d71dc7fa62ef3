"""What a bench found, for people and for programs."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Figure, Medians

HEAD = ("figure", "Warren", "nginx", "Warren ÷ nginx", "goal", "met")


def machine() -> dict[str, str]:
    """What the figures depend on. No names of hosts or people."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(Path("/proc/cpuinfo").read_text()),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {version(platform.release())}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "nginx": _nginx_version(),
    }


def processor(cpuinfo: str) -> str:
    """The model in the text of /proc/cpuinfo; the machine's kind where the kernel does not tell, as on some ARM."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def version(release: str) -> str:
    """The numbers of a kernel's release, without what its builder added."""
    found = re.match(r"[0-9.]*[0-9]", release)
    return found[0] if found else release


def _nginx_version() -> str:
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, timeout=10, check=True).stderr
    return said.rpartition("/")[2].strip()


def as_markdown(figures: Sequence[Figure], facts: Mapping[str, str], *, run: str) -> str:
    """A table, and the machine below it; it reads well as plain text too. `run` says how it was measured."""
    rows = [HEAD, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, _line(["-" * width for width in widths], widths))
    said = "\n".join(f"- {name}: {value}" for name, value in {"run": run, **facts}.items())
    return "\n".join(lines) + f"\n\nMedians of alternating repetitions; goals from the design's numbers.\n\n{said}\n"


def _cells(figure: Figure) -> tuple[str, ...]:
    sort, found = figure.sort, figure.medians
    met = {True: "yes", False: "NO", None: ""}[figure.is_met]
    return (
        f"{sort.words} ({sort.unit})",
        f"{found.warren:,.{sort.digits}f}",
        "" if found.nginx is None else f"{found.nginx:,.{sort.digits}f}",
        _ratio(found),
        sort.goal.words if sort.goal else "",
        met,
    )


def _ratio(found: Medians) -> str:
    if found.nginx is None:
        return ""
    return "–" if found.ratio is None else f"{found.ratio:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def as_json(figures: Sequence[Figure], facts: Mapping[str, str], *, run: str) -> str:
    """Each ratio at the top as NAME_ratio_to_nginx, all else below `figures`; `nginx` is null for what it does not do."""
    ratios = {
        f"{figure.key}_ratio_to_nginx": figure.medians.ratio for figure in figures if figure.medians.nginx is not None
    }
    details = {
        str(figure.key): {
            "what": figure.sort.words,
            "unit": figure.sort.unit,
            "warren": figure.medians.warren,
            "nginx": figure.medians.nginx,
            "goal": figure.sort.goal.words if figure.sort.goal else None,
            "met": figure.is_met,
        }
        for figure in figures
    }
    document = {**ratios, "figures": details, "machine": dict(facts), "run": run}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
