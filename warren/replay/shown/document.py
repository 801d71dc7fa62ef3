"""A report as JSON: everything that is in it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from warren.replay.report import Move, Report, RuleCount
from warren.replay.statement import HOUR_MS, Kind, Place
from warren.replay.tally import Load


def as_json(report: Report) -> bytes:
    tally, source = report.tally, report.source
    document = {
        "statementsFrom": source.statements,
        "rules": source.rules,
        "before": source.before,
        "from": None if tally.first is None else iso(tally.first),
        "to": None if tally.last is None else iso(tally.last),
        "statements": tally.statements,
        "moved": tally.moved,
        "notRecorded": tally.unknown,
        "notUnderstood": tally.not_understood,
        "kills": tally.kills,
        "withoutTime": tally.without_time,
        "ruleFailures": sum(tally.failed.values()),
        "badLines": source.bad,
        "firstBadLines": source.first_bad,
        "limit": source.limited,
        "notes": report.notes,
        "moves": [_move(move) for move in report.moves],
        "byRule": [_rule(rule) for rule in report.rules],
        "noRuleDecided": report.default_decided,
        "load": [
            {"place": _place(place), "hour": iso(hour * HOUR_MS), **_load(load, with_seconds=tally.has_seconds)}
            for place, hours in report.loads.items()
            for hour, load in hours.items()
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n"


def _move(move: Move) -> Mapping[str, Any]:
    return {
        "from": _place(move.before),
        "to": _place(move.after),
        "count": move.count,
        "rule": move.rule,
        "ruleBefore": move.rule_before,
        "because": move.because,
        "examples": [
            {"id": each.name, "time": iso(each.when), "user": each.user, "source": each.source, "sql": each.sql}
            for each in move.examples
        ],
    }


def _rule(rule: RuleCount) -> Mapping[str, Any]:
    return {
        "name": rule.name,
        "line": rule.line,
        "applied": rule.applied,
        "decided": rule.decided,
        "moved": rule.moved,
        "failed": rule.failed,
        "looksAtWhatIsNotKnown": rule.unseen,
    }


def _load(load: Load, *, with_seconds: bool) -> Mapping[str, Any]:
    statements: dict[str, Any] = {"before": load.before, "after": load.after}
    if with_seconds:
        statements |= {
            "wallSecondsBefore": round(load.seconds_before, 3),
            "wallSecondsAfter": round(load.seconds_after, 3),
        }
    return statements


def _place(place: Place) -> Mapping[str, Any]:
    if place.kind in {Kind.GROUP, Kind.CLUSTER}:
        return {place.kind.value: place.name}
    return {place.kind.value: True}


def iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds").replace("+00:00", "Z")
