"""Asks why: `POST /trino-gateway/api/explain` describes a request and is told what would become of it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from warren.admin.answers import BadJson, body_of, json_answer

MOST_HEADERS = 200
LONGEST_SQL = 1_000_000


class Described(BaseModel):
    """A request in JSON; everything may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sql: Annotated[str, Field(max_length=LONGEST_SQL)] = ""
    headers: Annotated[dict[str, str | list[str]], Field(max_length=MOST_HEADERS)] = Field(default_factory=dict)
    method: str = "POST"
    path: str = "/v1/statement"
    query: str | None = None
    clientAddress: str = "127.0.0.1"  # as it stands in JSON


Explain = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Answers what would become of a request: `sql`, `headers` by lower-case name, `method`, `path`, `query`, `client_address`."""


class Explaining:
    """One endpoint."""

    def __init__(self, explain: Explain) -> None:
        self._explain = explain

    async def explain(self, request: Request) -> Response:
        try:
            described = Described.model_validate_json(await body_of(request) or b"{}")
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the body"
            raise BadJson(f"{where}: {first['msg']}") from None
        return json_answer(await self._explain(as_question(described)))


def as_question(described: Described) -> dict[str, Any]:
    """Headers in one form, whatever the case of their names, and with one value or several."""
    headers: dict[str, list[str]] = {}
    for name, values in described.headers.items():
        headers.setdefault(name.lower(), []).extend([values] if isinstance(values, str) else values)
    return {
        "sql": described.sql,
        "headers": {name: values for name, values in headers.items() if values},
        "method": described.method,
        "path": described.path,
        "query": described.query,
        "client_address": described.clientAddress,
    }
