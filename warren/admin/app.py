"""The gateway's own endpoints, put together: every path that is answered here and not by a cluster."""

from collections.abc import Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from warren.admin.answers import BadJson, json_answer, refusal
from warren.admin.entrance import LIVEZ, READYZ, Entrance, Network
from warren.admin.explaining import Explain, Explaining
from warren.admin.management import Management, Registry
from warren.admin.metrics import Metrics
from warren.admin.page import Page
from warren.admin.readiness import Probes, Readiness, Siblings
from warren.clusters.roster import Roster
from warren.current import Current
from warren.errors import StoreUnavailable

PAGE = "/trino-gateway"


def own_endpoints(
    *,
    instance: str,
    registry: Registry,
    roster: Current[Roster],
    readiness: Callable[[], Readiness],
    siblings: Siblings,
    metrics: Metrics,
    explain: Explain,
    allow_from: Sequence[Network],
) -> Entrance:
    """The ASGI app. `allow_from` are the networks of `adminAllowFrom`; `instance` is the name that refusals carry."""
    management = Management(registry, roster)
    refusals = _Refusals(instance)
    app = Starlette(
        routes=routes(
            management,
            Probes(readiness, siblings, allow_from),
            Page(instance, roster, readiness),
            metrics,
            Explaining(explain),
        ),
        exception_handlers={
            HTTPException: refusals.refused,
            StoreUnavailable: refusals.unavailable,
            BadJson: refusals.bad_json,
            Exception: refusals.failed,
        },
    )
    # A redirect would name this server as it sees itself; the entrance takes a trailing slash for none instead.
    app.router.redirect_slashes = False
    return Entrance(app, instance=instance, allow_from=allow_from)


def routes(management: Management, probes: Probes, page: Page, metrics: Metrics, explaining: Explaining) -> list[Route]:
    """All of them, in the order in which they are tried; `docs/api.md` has a section on each."""
    return [
        Route("/", _to_page),
        Route(PAGE, page.show),
        Route(LIVEZ, probes.livez),
        Route(READYZ, probes.readyz),
        Route("/trino-gateway/api/activeBackends", management.active_backends),
        Route("/trino-gateway/api/distributedCache", metrics.distributed_cache),
        Route("/trino-gateway/api/explain", explaining.explain, methods=["POST"]),
        Route("/metrics", metrics.show),
        Route("/gateway", management.gateway),
        Route("/gateway/backend/all", management.all_backends),
        Route("/gateway/backend/active", management.active_backends),
        Route("/gateway/backend/activate/{name:path}", management.activate, methods=["POST"]),
        Route("/gateway/backend/deactivate/{name:path}", management.deactivate, methods=["POST"]),
        Route("/gateway/backend/modify/add", management.add, methods=["POST"]),
        Route("/gateway/backend/modify/update", management.update, methods=["POST"]),
        Route("/gateway/backend/modify/delete", management.delete, methods=["POST"]),
        Route("/entity", management.entity_types_or_save, methods=["GET", "POST"]),
        Route("/entity/{type}", management.entities),
        Route("/api/public/backends", management.all_backends),
        Route("/api/public/backends/{name:path}/state", management.state),
        Route("/api/public/backends/{name:path}", management.backend),
    ]


async def _to_page(_request: Request) -> Response:
    return RedirectResponse(PAGE, 303)


class _Refusals:
    """What clients are told when an endpoint raises."""

    def __init__(self, instance: str) -> None:
        self._instance = instance

    async def refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        match error.status_code, error.detail:
            case 405, _:
                headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
                sentence = f"this path does not take the method {request.method!a}; it takes {headers['Allow']}"
            case 404, "Not Found":  # The router's words.
                sentence = "there is nothing at this path; docs/api.md lists what the gateway answers itself"
            case _, sentence:
                pass
        return self._refusal(request, error.status_code, sentence, headers)

    async def unavailable(self, request: Request, error: Exception) -> Response:
        sentence = f"the database did not take the change in time, so it may not have been made: {error}"
        return self._refusal(request, 503, sentence, {"Retry-After": "1"})

    async def bad_json(self, _request: Request, error: Exception) -> Response:
        # Always JSON, and in upstream's words for the code: clients look for it.
        return json_answer({"code": "JSON_PARSING_ERROR", "message": str(error)}, 400)

    async def failed(self, request: Request, _error: Exception) -> Response:
        """For a bug: the entrance logs it, the client learns nothing of it."""
        return self._refusal(request, 500, "the gateway failed to answer; its log says why", {})

    def _refusal(self, request: Request, status: int, sentence: str, headers: Mapping[str, str]) -> Response:
        accept = request.headers.get("accept", "")
        return refusal(status, sentence, instance=self._instance, accept=accept, headers=headers)
