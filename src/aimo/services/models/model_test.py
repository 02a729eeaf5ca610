"""What is said to a model that is tried, and what is shown of what came of it."""

from __future__ import annotations

from typing import Final

from aimo.ai.chat import Prompt
from aimo.errors import Code, ProviderError
from aimo.inert_text import inert
from aimo.services.utf16_text import cut

FAILED_CODE: Final = Code.EXTERNAL_SERVICE_ERROR
TEST: Final = Prompt(system="Answer in one short sentence.", user="Hello! Reply with: OK")

_LONGEST_REPLY = 500


def shown_reply(reply: str) -> str:
    """Return what a model said, cut and inert; that it said nothing where it did."""
    return cut(inert(reply.strip()), _LONGEST_REPLY) or "No response"


def failure_text(error: ProviderError) -> str:
    """Return why a model did not answer: the provider's status and reason, without keys and in one line."""
    if error.status is not None:
        return f"API request failed: {error.status} - {error.reason or 'no reason given'}"
    if error.answered and error.reason:
        return error.reason
    return f"API request failed: {error}"
