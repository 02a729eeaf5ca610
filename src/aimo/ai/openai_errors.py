"""Failures of an OpenAI-compatible provider: what they mean, and how they are reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import openai

from aimo import clock, metrics
from aimo.ai import provider_reasons, refusals
from aimo.errors import ProviderError

Failure = openai.OpenAIError | TimeoutError

# Refusals of what was sent; every other status may be repaired from outside (key, quota, model name, outage).
_CONTENT_REFUSED = frozenset({400, 413, 414, 415, 422})
_NO_QUOTA = "insufficient_quota"
_WORTH_REPEATING = frozenset({408, 429})

_MAX_RETRY_AFTER = 10.0
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the key and the address of a provider come from, so that errors name what to check."""

    key: str
    address: str

    def advice(self, status: int | None) -> str:
        """Return what to check after a refusal with this status; empty where the provider's reason must do."""
        if status == 401:
            return f"check {self.key}"
        if status == 403:
            return f"check {self.key} and what it may use"
        return f"check {self.address} and the model name" if status == 404 else ""


SETTINGS = Origin("OPENAI_API_KEY", "OPENAI_BASE_URL")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider answered instead of a result, whatever its status: an error in HTTP 200 counts as its code."""

    status: int | None
    codes: tuple[str, ...]
    said: str
    words: str
    """All that was said, for its meaning. It may hold anything, so it is never shown."""

    retry_after: float | None = None

    @property
    def meaning(self) -> str:
        """The words where they count, else nothing: a status may say more than any words."""
        return self.words if refusals.may_mean_anything(self.status) else ""

    @property
    def of_parameters(self) -> str:
        """The words where they may name a parameter, else nothing."""
        return self.words if refusals.may_name_a_parameter(self.status) else ""

    @property
    def is_unexplained(self) -> bool:
        """Whether what was sent is at fault in a way that the words do not tell."""
        return refusals.is_unexplained(self.words, self.status)

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed a moment later."""
        if self.status is None or _NO_QUOTA in self.codes:
            return False
        return self.status in _WORTH_REPEATING or self.status >= 500

    @property
    def is_of_content(self) -> bool:
        """Whether the status says that what was sent is at fault."""
        return self.status in _CONTENT_REFUSED

    def error(
        self, task: str, *, secrets: Sequence[str] = (), sent: Sequence[str] = (), origin: Origin = SETTINGS
    ) -> ProviderError:
        """Return what to report: status, codes and the provider's own reason, without ``secrets`` and texts ``sent``.

        An exception that holds more is raised ``from None``.
        """
        metrics.PROVIDER_ERRORS.labels(task.lower()).inc()
        codes = [code for code in self.codes if not any(secret and secret in code for secret in secrets)]
        details = ["an error" if self.status is None else f"HTTP {self.status}", *codes]
        reason = provider_reasons.shown(self.said, secrets=secrets, sent=sent)
        check = origin.advice(self.status)
        advice = f"; {check}" if check else ""
        if task == "Embedding" and self.status == 404:
            advice += "; for a provider without embeddings set EMBEDDER=local"
        told = f": {reason}" if reason else ""
        return ProviderError(
            f"{task}: the provider answered {', '.join(details)}{told}{advice}",
            retryable=not self.is_of_content,
            answered=True,
            status=self.status,
            reason=reason,
        )


def refusal_of(error: Failure) -> Refusal | None:
    """Return what the provider answered; None when it answered nothing that can be read."""
    if not isinstance(error, openai.APIStatusError):
        return None
    return _refusal(error.status_code, error.body, _retry_after(error))


def refusal_in(answer: object) -> Refusal | None:
    """Return the error object that came with HTTP 200; None when there is none."""
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if not isinstance(answer, dict):
        return None
    body = answer.get("error")
    has_result = answer.get("data") is not None or answer.get("choices") is not None
    if not body and (answer.get("object") == "error" or not has_result):
        body = answer if any(provider_reasons.messages(answer)) else None
    return _refusal(None, body, None) if body else None


def connection_error(error: Failure, task: str, origin: Origin = SETTINGS) -> ProviderError:
    """Return what to report of a call that brought no answer."""
    metrics.PROVIDER_ERRORS.labels(task.lower()).inc()
    if isinstance(error, TimeoutError | openai.APITimeoutError):
        return ProviderError(f"{task}: the provider did not answer in time")
    if isinstance(error, openai.APIConnectionError):
        return ProviderError(f"{task}: the provider cannot be reached; check {origin.address}")
    return ProviderError(f"{task}: the provider's answer cannot be read")


def _refusal(status: int | None, body: object, retry_after: float | None) -> Refusal:
    inner = body.get("error") if isinstance(body, dict) and isinstance(body.get("error"), dict) else body
    fields = inner if isinstance(inner, dict) else {}
    if status is None:
        number = next((str(fields[key]) for key in ("code", "status") if key in fields), "")
        status = int(number) if re.fullmatch(r"[45]\d\d", number) else None
    codes = tuple(
        value
        for value in (fields.get("code"), fields.get("param"))
        if isinstance(value, str) and _IDENTIFIER.fullmatch(value) and "sk-" not in value
    )
    sentences = list(dict.fromkeys(filter(None, provider_reasons.messages(body))))
    said = "; ".join(sentences)
    words = " ".join([*sentences, *provider_reasons.names(body)])[:2000]
    return Refusal(status, codes, said, words, retry_after)


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Return seconds the provider asks to wait, at most ten; None when it names no moment to come."""
    value = error.response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,3})?", value):
        return min(float(value), _MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    seconds = moment.timestamp() - clock.now_ms() / 1000
    return min(seconds, _MAX_RETRY_AFTER) if seconds > 0 else None
