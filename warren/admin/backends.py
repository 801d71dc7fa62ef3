"""A cluster as the management API reads and writes it: upstream's BackendConfig, property for property."""

from typing import Annotated

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from warren.admin.answers import BadJson
from warren.clusters.urls import check_external_url, check_label, check_proxy_to
from warren.model import Cluster, ClusterName, GroupName

DEFAULT_GROUP = "adhoc"

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
"""Upstream's reader takes these texts for booleans, and scripts have come to rely on it."""


def _boolean(value: object) -> object:
    return _BOOLEANS.get(value, value) if isinstance(value, str) else value


class Backend(BaseModel):
    """What a client sends. Unknown properties are ignored, as upstream does."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", alias_generator=to_camel)

    name: str
    proxy_to: str
    external_url: str | None = None
    """Absent, null or empty: the same as `proxyTo`."""
    active: Annotated[bool, BeforeValidator(_boolean)] = True
    routing_group: str = DEFAULT_GROUP

    def cluster(self) -> Cluster:
        """The cluster to store. Raises HTTPException 400 with a sentence when it cannot be one."""
        try:
            return Cluster(
                name=ClusterName(check_label(self.name, "name")),
                proxy_to=check_proxy_to(self.proxy_to),
                external_url=check_external_url(self.external_url or self.proxy_to),
                group=GroupName(check_label(self.routing_group, "routingGroup")),
                active=self.active,
            )
        except ValueError as error:
            raise HTTPException(400, str(error)) from error

    def echo(self) -> dict[str, object]:
        """As it was sent, with the defaults filled in. Upstream's answer to a change: a trailing slash stays."""
        return _written(self.active, self.routing_group, self.external_url or self.proxy_to, self.name, self.proxy_to)


class StrictBackend(Backend):
    """As `POST /entity` reads it: an unknown property is an error."""

    model_config = ConfigDict(extra="forbid")


def backend_json(cluster: Cluster) -> dict[str, object]:
    return _written(cluster.active, cluster.group, cluster.external_url, cluster.name, cluster.proxy_to)


def _written(active: bool, group: str, external_url: str, name: str, proxy_to: str) -> dict[str, object]:
    """Upstream's order of properties: some scripts compare texts."""
    return {"active": active, "routingGroup": group, "externalUrl": external_url, "name": name, "proxyTo": proxy_to}


def read_backend(body: bytes, shape: type[Backend]) -> Backend:
    """Raises BadJson with everything that is wrong."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"the body is not JSON: {error}" if body else "the body is empty") from error
    if not isinstance(value, dict):
        raise BadJson(f"expected a JSON object with name and proxyTo, found {str(orjson.dumps(value), 'utf-8')[:80]}")
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise BadJson("; ".join(_sentence(problem) for problem in problems[:10])) from error


def _sentence(problem: ErrorDetails) -> str:
    key = ".".join(str(step) for step in problem["loc"])[:80]
    match problem["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            known = ", ".join(str(field.alias) for field in Backend.model_fields.values())
            return f"{key!a} is not a property of a cluster; known are {known}"
        case _:
            wish = problem["msg"].replace("Input should be ", "expected ", 1)
            return f"{key}: {wish}, found {str(problem['input'])[:80]!a}"
