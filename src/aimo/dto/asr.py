"""Speech recognition on the wire (docs/contract/speech.md)."""

from __future__ import annotations

from typing import Literal

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class AsrBody(Dto):
    """Recordings whose text is wanted."""

    file_urls: Annotated[object, Meta(description="A list of 1 to 100 URLs (http, https or oss).")] = None
    language_hints: Annotated[list[str] | None, Meta(description="Languages that may be spoken, such as `zh`.")] = None
    callback_url: Annotated[object, Meta(description="Accepted for compatibility; has no effect.")] = None


AsrStatus = Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]


class AsrSubmitted(Dto):
    """A task that was begun."""

    task_id: Annotated[str, Meta(description="Id of the task at the provider.")]
    request_id: Annotated[str, Meta(description="The provider's id of the request.")]
    status: Annotated[AsrStatus, Meta(description="How far it is.")]


class AsrTask(AsrSubmitted):
    """A task as it is now."""

    message: Annotated[str | UnsetType, Meta(description="Why it failed.")] = UNSET
    completed_time: Annotated[int | UnsetType, Meta(description="When it succeeded, epoch milliseconds.")] = UNSET


class AsrResult(Dto):
    """What was recognized."""

    results: Annotated[list[object], Meta(description="The provider's transcriptions, one a recording.")]
    status: Annotated[
        Literal["SUCCEEDED", "FAILED"], Meta(description="`SUCCEEDED` when there is a result, else `FAILED`.")
    ]
    request_id: Annotated[str, Meta(description="The provider's id of the request.")]
