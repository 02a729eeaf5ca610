"""How failures of an OpenAI-compatible provider are reported, without its key and without anybody's text."""

from __future__ import annotations

import re

import openai

from aimo import metrics
from aimo.errors import ProviderError

Failure = openai.OpenAIError | TimeoutError

# Refusals of what was sent; every other status may be repaired from outside (key, quota, model name, outage).
CONTENT_REFUSED = frozenset({400, 413, 422})
_NO_QUOTA = "insufficient_quota"
_WORTH_REPEATING = frozenset({408, 429})

_LONGEST_RETRY_AFTER = 10.0
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
_ADVICE = {
    401: "check OPENAI_API_KEY",
    403: "check OPENAI_API_KEY and what it may use",
    404: "check OPENAI_BASE_URL and the model name",
}


def provider_error(error: Failure, task: str) -> ProviderError:
    """Return what to tell about a failed call. Built from status and error code alone.

    The provider's own sentence is left out: it may echo part of the key or of a memo. For the same
    reason the result is raised outside of the ``except`` block, or ``from None``.
    """
    metrics.PROVIDER_ERRORS.labels(task.lower()).inc()
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return ProviderError(f"{task}: the provider did not answer in time")
    if isinstance(error, openai.APIConnectionError):
        return ProviderError(f"{task}: the provider cannot be reached; check OPENAI_BASE_URL")
    status = status_of(error)
    if status is None:
        return ProviderError(f"{task}: the provider's answer cannot be read")
    details = [f"HTTP {status}", *_identifiers(error)]
    advice = f"; {_ADVICE[status]}" if status in _ADVICE else ""
    return ProviderError(
        f"{task}: the provider answered {', '.join(details)}{advice}", retryable=status not in CONTENT_REFUSED
    )


def status_of(error: Failure) -> int | None:
    """Return the HTTP status, or None when there was no answer."""
    return error.status_code if isinstance(error, openai.APIStatusError) else None


def is_transient(error: Failure, *, conflict: bool) -> bool:
    """Return whether the same call may succeed a moment later; ``conflict`` is what that means for HTTP 409."""
    if isinstance(error, TimeoutError | openai.APIConnectionError):
        return True
    if not isinstance(error, openai.APIStatusError) or error.code == _NO_QUOTA:
        return False
    status = error.status_code
    return status in _WORTH_REPEATING or status >= 500 or (conflict and status == 409)


def retry_after(error: Failure) -> float | None:
    """Return seconds the provider asks to wait, at most ten; None when it does not say in plain seconds."""
    if not isinstance(error, openai.APIStatusError):
        return None
    value = error.response.headers.get("retry-after", "")
    return min(float(value), _LONGEST_RETRY_AFTER) if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", value) else None


def _identifiers(error: Failure) -> list[str]:
    if not isinstance(error, openai.APIError):
        return []
    named = [error.code, error.param]
    return [name for name in named if isinstance(name, str) and _IDENTIFIER.fullmatch(name) and "sk-" not in name]
