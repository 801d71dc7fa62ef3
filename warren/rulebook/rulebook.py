"""The rules file, kept ready: looked at four times a second, used as soon as it is right, the last good one until then."""

import asyncio
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from warren.current import Current
from warren.errors import Problem, SettingsError
from warren.routing.rules.rule import RuleSet
from warren.rulebook.reading import LARGEST_FILE, problems_in_words, read_rules

log = structlog.get_logger()

LOOK_SECONDS = 0.25
"""A file that has changed is read when it stayed the same from one look to the next: editors write in several steps."""
NAMED_BY = "routingRules.rulesConfigPath"
LAST_GOOD = "rules-last-good.yaml"
WIDEST_CHARACTER = 4

Signature = tuple[int, int, int, int]
"""What tells one state of a file from another, without reading it."""
UNREAD: Signature = (-1, -1, -1, -1)
"""Of no file: whatever is there is still to be read."""


class FileUnreadable(SettingsError):
    """The file's text is not to be had at this moment: that may change although the file does not."""


@dataclass(slots=True)
class RulebookCounts:
    """What became of the file's changes."""

    used: int = 0
    refused: int = 0


class Rulebook:
    """The rules that are in force, in `current`; always a whole set, and one that was right.

    The last good text is also kept in the state directory, so that an instance that starts while somebody's typing
    error is in the file serves all the same.
    """

    def __init__(self, path: Path, *, state: Path, analyses: bool, unix: Callable[[], float]) -> None:
        """Reads the file. Raises SettingsError when neither it nor the last good copy can be used."""
        self._path = path
        self._copy = state / LAST_GOOD
        self._analyses = analyses
        self._unix = unix
        self._seen: Signature | None = None
        self._read: Signature | None = None
        self._text: str | None = None
        self.counts = RulebookCounts()
        self.error = ""
        """What is wrong with the file as it is now; empty when it is in force."""
        self.since = unix()
        """Unix time at which the rules that are in force were read."""
        self.current = Current(self._first())

    @property
    def state(self) -> Mapping[str, object]:
        """For people."""
        return {
            "file": str(self._path),
            "rules": len(self.current.value.rules),
            "inForceSince": round(self.since, 3),
            "error": self.error,
        }

    async def run(self) -> None:
        """Keep up with the file, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            signature = await asyncio.to_thread(_signature, self._path)
            settled, self._seen = signature == self._seen, signature
            if settled and signature != self._read:
                await self._look(signature)

    async def _look(self, signature: Signature | None) -> None:
        """Read the file and use it, or say what is wrong with it."""
        try:
            text, rules = await asyncio.to_thread(self._load)
        except FileUnreadable as error:
            self._read = UNREAD
            if problems_in_words(error.problems) != self.error:  # else it was said; the next look tries again
                self._refuse(error)
            return
        except SettingsError as error:
            self._read = signature
            self._refuse(error)
            return
        if await asyncio.to_thread(_signature, self._path) != signature:
            return  # it was being written while it was read: look again
        self._read = signature
        was_wrong, self.error = self.error, ""
        if text == self._text:
            if was_wrong:
                log.info("rules_mended", file=str(self._path), rules=len(rules.rules))
            return
        self.current.swap(rules)
        self._text, self.since = text, self._unix()
        self.counts.used += 1
        log.info("rules_in_force", file=str(self._path), rules=len(rules.rules))
        await asyncio.to_thread(self._keep, text)

    def _refuse(self, error: SettingsError) -> None:
        self.error = problems_in_words(error.problems)
        self.counts.refused += 1
        log.error("rules_refused", file=str(self._path), problem=self.error, in_force_since=round(self.since, 3))

    def _first(self) -> RuleSet:
        self._seen = self._read = _signature(self._path)
        try:
            self._text, rules = self._load()
        except SettingsError as error:
            if isinstance(error, FileUnreadable):
                self._read = UNREAD
            return self._last_good(error)
        self._keep(self._text)
        log.info("rules_in_force", file=str(self._path), rules=len(rules.rules))
        return rules

    def _last_good(self, error: SettingsError) -> RuleSet:
        """The rules of before the file was broken. Raises the error when there are none."""
        try:
            self._text = read_text(self._copy)
            rules = read_rules(self._text, analyses=self._analyses)
        except SettingsError:
            raise error from None
        with suppress(OSError):  # another process may replace it at this moment
            self.since = self._copy.stat().st_mtime
        self._refuse(error)
        return rules

    def _load(self) -> tuple[str, RuleSet]:
        text = read_text(self._path, key=NAMED_BY)
        return text, rules_in(text, self._path, analyses=self._analyses)

    def _keep(self, text: str) -> None:
        """Other processes, in other containers too, may do the same at the same time: each renames a file of its own."""
        fresh = self._copy.with_name(f"{LAST_GOOD}.{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._copy)
        except OSError as error:
            log.warning("rules_not_kept", file=str(self._copy), because=error.strerror)
            with suppress(OSError):
                fresh.unlink(missing_ok=True)


def rules_in(text: str, path: Path, *, analyses: bool) -> RuleSet:
    """The rules of a file. Raises SettingsError, whose problems name the file."""
    try:
        return read_rules(text, analyses=analyses)
    except SettingsError as error:
        raise SettingsError(tuple(replace(each, file=path.name) for each in error.problems)) from None


def read_text(path: Path, *, key: str = "") -> str:
    """Raises FileUnreadable when the file cannot be read, SettingsError when it is no text of a sensible size.

    `key` is the one that names the file, if any.
    """
    try:
        content = _content(path)
        if len(content) > LARGEST_FILE * WIDEST_CHARACTER:
            raise SettingsError((Problem(key, None, str(path), f"the file is larger than {LARGEST_FILE} characters"),))
        return content.decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FileUnreadable((Problem(key, None, str(path), f"the rules file cannot be read: {reason}"),)) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError((Problem("", line, str(path), "the rules file is not text in UTF-8"),)) from None


def _content(path: Path) -> bytes:
    """One byte more than a file may have tells that it has too many. Raises OSError."""
    # Whatever it is, opening it must not hang us; a pipe that nobody writes to would look like a file without rules.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is no ordinary file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST_FILE * WIDEST_CHARACTER + 1)
    finally:
        os.close(descriptor)


def _signature(path: Path) -> Signature | None:
    """None when there is no such file; links are followed, since Kubernetes changes where they lead."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino
