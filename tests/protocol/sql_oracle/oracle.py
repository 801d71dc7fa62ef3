"""Trino's own parser, asked about SQL: Oracle.java in a child process, with what it needs found or fetched by Maven."""

import base64
import fcntl
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fixtures.trino_distribution import Missing

VERSION = "483"
"""The one that upstream's gateway parses with. The descriptor of 484 names a parent that is not on Maven Central (November 2026)."""
OLDEST_JDK = 25
"""What this version's classes are compiled for."""
SOURCE = Path(__file__).parent / "Oracle.java"
CACHE = Path(__file__).parents[3] / ".cache" / f"trino-parser-{VERSION}"
FETCH_SECONDS = 300
ANSWER_SECONDS = 300
"""For one batch, of any size that a test asks; thousands take seconds."""

POM = f"""\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>warren</groupId>
  <artifactId>oracle</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>io.trino</groupId><artifactId>trino-parser</artifactId><version>{VERSION}</version></dependency>
  </dependencies>
</project>
"""


@dataclass(frozen=True, slots=True)
class Question:
    sql: str
    catalog: str | None = None
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Trino's parser makes of a statement, in the words of QueryProperties."""

    error: str | None = None
    """Why it does not parse. All else is empty then."""
    query_type: str = ""
    resource_group_query_type: str = ""
    incomplete: str | None = None
    """Why its names cannot be completed. The sets are empty then."""
    tables: frozenset[tuple[str, ...]] = frozenset()
    catalogs: frozenset[str] = frozenset()
    schemas: frozenset[str] = frozenset()
    catalog_schemas: frozenset[str] = frozenset()
    kills: str | None = None


class Oracle:
    """The child process. A context manager: the child ends with the block."""

    def __init__(self) -> None:
        """Raises Missing without a JDK that is new enough, or when Maven is missing or cannot fetch the parser."""
        self._command = (str(java()), "-cp", class_path(), str(SOURCE))

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.communicate()

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """The answers, in order. Raises RuntimeError when the child ends, or takes too long and is ended."""
        assert self._child.stdin
        assert self._child.stdout
        too_late = threading.Timer(ANSWER_SECONDS, self._child.kill)
        # Written aside: a pipe holds 64 kB, and the child stops reading while nobody reads its answers.
        writing = threading.Thread(target=self._write, args=(questions,))
        too_late.start()
        writing.start()
        try:
            lines = [self._child.stdout.readline() for _ in questions]
        finally:
            too_late.cancel()
            writing.join()
        if not all(lines):
            assert self._child.stderr
            raise RuntimeError(f"the oracle ended: {self._child.stderr.read().decode()[-2000:]}")
        return [_answer(json.loads(line)) for line in lines]

    def _write(self, questions: Sequence[Question]) -> None:
        assert self._child.stdin
        try:
            self._child.stdin.write(b"".join(map(_line, questions)))
            self._child.stdin.flush()
        except BrokenPipeError:
            pass  # the child is gone; whoever reads its answers says so


def _line(question: Question) -> bytes:
    fields = (question.sql, question.catalog, question.schema)
    return b"\t".join(b"-" if field is None else base64.b64encode(field.encode()) for field in fields) + b"\n"


def _answer(said: dict[str, Any]) -> Answer:
    if "error" in said:
        return Answer(error=said["error"])
    return Answer(
        query_type=said["class"],
        resource_group_query_type=said["type"],
        incomplete=said.get("incomplete"),
        tables=frozenset(map(tuple, said.get("tables", ()))),
        catalogs=frozenset(said.get("catalogs", ())),
        schemas=frozenset(said.get("schemas", ())),
        catalog_schemas=frozenset(said.get("catalog_schemas", ())),
        kills=said.get("kills"),
    )


def java() -> Path:
    """The first `java` that is new enough and has a compiler: of JAVA_HOME, of the path, or where distributions put them."""
    candidates = [Path(os.environ["JAVA_HOME"]) / "bin/java"] if "JAVA_HOME" in os.environ else []
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path))
    candidates += sorted(Path("/usr/lib/jvm").glob("*/bin/java"), reverse=True)
    for candidate in candidates:
        if candidate.exists() and _major_version(candidate) >= OLDEST_JDK and candidate.with_name("javac").exists():
            return candidate
    tried = ", ".join(map(str, candidates)) or "none"
    raise Missing(f"Trino's parser {VERSION} needs a JDK {OLDEST_JDK} or newer; found: {tried}. Set JAVA_HOME")


def _major_version(candidate: Path) -> int:
    said = subprocess.run([candidate, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def class_path() -> str:
    """Trino's parser and what it needs, in Maven's own repository; a few seconds, the first time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / "class_path"
    with _alone():
        if not kept.exists() or not all(Path(jar).exists() for jar in kept.read_text().split(os.pathsep)):
            _fetch(kept)
        return kept.read_text()


def _fetch(kept: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Missing("Maven (mvn) is needed to fetch Trino's parser. Install it, for instance: apt-get install maven")
    (CACHE / "pom.xml").write_text(POM)
    written = CACHE / "class_path.incoming"
    command = [maven, "--batch-mode", "--quiet", "dependency:build-classpath", f"-Dmdep.outputFile={written}"]
    try:
        done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired as slow:
        raise Missing(f"Maven did not fetch Trino's parser within {FETCH_SECONDS} s") from slow
    if done.returncode != 0:
        raise Missing(f"Maven could not fetch Trino's parser: {(done.stdout + done.stderr)[-300:]}")
    written.rename(kept)


@contextmanager
def _alone() -> Iterator[None]:
    """One process at a time fills the cache; the others wait and then find it filled."""
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
