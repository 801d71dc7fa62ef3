"""The gateway in numbers: for Prometheus, and the part about memory also for people."""

from collections.abc import Callable, Mapping, Sequence
from itertools import filterfalse

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from warren.admin.answers import json_answer
from warren.admin.entrance import is_from_inside
from warren.admin.readiness import Siblings
from warren.model import SiblingAnswer
from warren.telemetry.exposition import form_for, slices
from warren.telemetry.lasting import lasts
from warren.telemetry.metrics import Metric, Sample
from warren.telemetry.summing import added, from_json, to_json
from warren.telemetry.told import TakeSamples, Telling

log = structlog.get_logger()

METRICS = "/metrics"
TOLD = "X-Warren-Told"
"""To another worker: the name of the file that has the counters of this answer as well."""


class Metrics:
    def __init__(
        self,
        samples: TakeSamples,
        cache_state: Callable[[], Mapping[str, object]],
        siblings: Siblings,
        told: Telling,
    ) -> None:
        """`cache_state` holds what JSON can hold."""
        self._samples = samples
        self._cache_state = cache_state
        self._siblings = siblings
        self._told = told

    async def show(self, request: Request) -> Response:
        """To another worker its own numbers, to everybody else those of all workers of this host together."""
        own = await self._told.tell(self._samples)
        if is_from_inside(request.headers):
            return Response(await to_json(own), media_type="application/json", headers={TOLD: self._told.name})
        together = await self._with_those_of(own, await self._siblings.ask(METRICS))
        form = form_for(request.headers.get("accept", ""))
        return StreamingResponse(slices(together, form), headers={"Content-Type": form.value, "Vary": "Accept"})

    async def distributed_cache(self, _request: Request) -> Response:
        return json_answer(self._cache_state())

    async def _with_those_of(self, own: Sequence[Sample], answers: Sequence[SiblingAnswer]) -> Sequence[Sample]:
        if not answers:
            return own
        by_worker = {answer.slot: await samples_of(answer) for answer in answers}
        by_worker[self._siblings.slot] = own
        up = [
            Sample(Metric.WORKER_UP, (str(slot),), int(samples is not None))
            for slot, samples in sorted(by_worker.items())
        ]
        files = {answer.slot: answer.told for answer in answers} | {self._siblings.slot: self._told.name}
        answered = {slot: samples for slot, samples in by_worker.items() if samples is not None}
        past = await self._told.past({files[slot] for slot in answered})
        told = {
            # Whoever has ended since it answered is in the past with all that it counted.
            str(slot): filterfalse(lasts, samples) if files[slot] in past.folded else samples
            for slot, samples in answered.items()
        }
        return [*await added({**told, "": past.samples}), *up]


async def samples_of(answer: SiblingAnswer) -> Sequence[Sample] | None:
    """What a sibling told; None when it did not answer, or nothing that can be read."""
    if answer.status != 200:
        return None
    try:
        return await from_json(answer.body)
    except ValueError as error:
        log.warning("worker_metrics_ignored", slot=answer.slot, because=str(error))
        return None
