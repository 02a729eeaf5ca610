"""Speech recognition (docs/contract/speech.md). Submitting answers with HTTP 202, also when it fails."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response
from litestar.exceptions import ClientException
from litestar.params import JSONBody

from aimo.ai.asr import SpeechTask
from aimo.dto.asr import AsrBody, AsrResult, AsrSubmitted, AsrTask
from aimo.dto.base import UNSET, Envelope
from aimo.errors import AimoError, Code
from aimo.http.cancel_on_disconnect import run_until_disconnect
from aimo.http.dependencies import AnyRequest, PathText, Services, User
from aimo.http.output.envelope import JSON, failure, ok
from aimo.http.routing import get, post
from aimo.services.recognition.asr import AsrService


def _refused(request: Request[Any, Any, Any], error: AimoError) -> Response[Envelope[None]]:
    return Response(failure(error), status_code=202, media_type=JSON)


def _invalid(request: Request[Any, Any, Any], error: ClientException) -> Response[Envelope[None]]:
    return _refused(request, AimoError(Code.PARAMS_ERROR))


_ACCEPTED: dict[str, Any] = {
    "status_code": 202,
    "exception_handlers": {AimoError: _refused, ClientException: _invalid},
}


class AsrController(Controller):
    """Turning recordings into text."""

    path = "/api/v1/asr"
    tags = ("ASR",)

    @post("/transcribe", summary="Begin to recognize speech", opt={"limited": True}, **_ACCEPTED)
    async def transcribe(self, data: JSONBody[AsrBody], services: Services, user: User) -> Envelope[AsrSubmitted]:
        """Begin a task for recordings that the provider can fetch."""
        task = await services.asr.submit(user.uid, data.file_urls, data.language_hints or ())
        return ok(AsrSubmitted(task_id=task.task_id, request_id=task.request_id, status=task.status))

    @get("/task/{task_id:str}", summary="Read about a task")
    async def task(self, task_id: PathText, services: Services, user: User) -> Envelope[AsrTask]:
        """Return a task as it is now."""
        task = await services.asr.task(user.uid, task_id)
        return ok(
            AsrTask(
                task_id=task.task_id,
                request_id=task.request_id,
                status=task.status,
                message=task.message or UNSET,
                completed_time=task.completed_at or UNSET,
            )
        )

    @get("/wait/{task_id:str}", summary="Wait for a task")
    async def wait(self, task_id: PathText, request: AnyRequest, services: Services, user: User) -> Envelope[AsrResult]:
        """Return what was recognized, once the task has ended; five minutes at most."""
        return ok(await run_until_disconnect(request, _waited(services.asr, user.uid, task_id)))

    @get("/result/{task_id:str}", summary="Read what was recognized")
    async def result(self, task_id: PathText, services: Services, user: User) -> Envelope[AsrResult]:
        """Return what was recognized; nothing while the task has not succeeded."""
        return ok(await _result(services.asr, await services.asr.task(user.uid, task_id)))

    @post("/transcribe-and-wait", summary="Recognize speech", opt={"limited": True}, **_ACCEPTED)
    async def transcribe_and_wait(
        self, data: JSONBody[AsrBody], request: AnyRequest, services: Services, user: User
    ) -> Envelope[AsrResult]:
        """Begin a task and wait for what is recognized; five minutes at most."""
        task = await services.asr.submit(user.uid, data.file_urls, data.language_hints or ())
        return ok(await run_until_disconnect(request, _waited(services.asr, user.uid, task.task_id)))


async def _waited(asr: AsrService, uid: str, task_id: str) -> AsrResult:
    return await _result(asr, await asr.wait(uid, task_id))


async def _result(asr: AsrService, task: SpeechTask) -> AsrResult:
    results = await asr.results(task)
    return AsrResult(results=results, status="SUCCEEDED" if results else "FAILED", request_id=task.request_id)
