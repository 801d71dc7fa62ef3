"""Where our reading of a statement and Trino's differ."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from tests.protocol.sql_oracle.oracle import Answer, Oracle, Question
from warren.facts import QueryProperties
from warren.protocol.ids import as_query_id
from warren.protocol.sql.analysis import analyse

Differences = Mapping[str, tuple[Any, Any]]
"""By what differs: ours, and Trino's."""

NOT_PARSED: Differences = {}
SESSIONS = (("DefaultCatalog", "default_schema"), ("lake", None), (None, None))
"""Catalog and schema of the session: names are completed by them, or cannot be."""


def differences(ours: QueryProperties, trinos: Answer) -> Differences:
    """Empty when they agree, and when Trino does not parse the statement: then nothing can be wrong about it.

    A kill_query of what is shaped like no query's id kills nothing for us, as it does for Trino.
    """
    if trinos.error is not None:
        return NOT_PARSED
    pairs = {
        "query type": (ours.query_type, trinos.query_type),
        "resource group type": (ours.resource_group_query_type, trinos.resource_group_query_type),
        "parsing successful": (ours.is_query_parsing_successful, trinos.incomplete is None),
        "tables": (sorted(ours.tables), sorted(trinos.tables)),
        "catalogs": (sorted(ours.catalogs), sorted(trinos.catalogs)),
        "schemas": (sorted(ours.schemas), sorted(trinos.schemas)),
        "catalog schemas": (sorted(ours.catalog_schemas), sorted(trinos.catalog_schemas)),
        "kills": (ours.query_id, as_query_id(trinos.kills or "")),
    }
    return {what: pair for what, pair in pairs.items() if pair[0] != pair[1]}


def in_each_session(statements: Sequence[str]) -> list[Question]:
    return [Question(sql, catalog=catalog, schema=schema) for sql in statements for catalog, schema in SESSIONS]


def in_some_session(statements: Sequence[str]) -> list[Question]:
    """Each statement once, the sessions in turn: most often the first, which completes every name."""
    turns = (SESSIONS[0], SESSIONS[0], *SESSIONS)
    return [
        Question(sql, catalog=catalog, schema=schema)
        for sql, (catalog, schema) in zip(statements, cycle(turns), strict=False)
    ]


def disagreements(oracle: Oracle, questions: Sequence[Question]) -> dict[Question, Differences]:
    """Ours may raise nothing, whatever the statement: it would be raised here."""
    found = {}
    for question, answer in zip(questions, oracle.ask(questions), strict=True):
        ours = analyse(question.sql, catalog=question.catalog, schema=question.schema)
        if differing := differences(ours, answer):
            found[question] = differing
    return found
