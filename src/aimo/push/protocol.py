"""What a push channel promises; one screen, one module a kind of channel (docs/contract/providers.md#push-channels)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from aimo.inert_text import inert

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class PushMessage:
    """What is pushed: a title, and a text as HTML; ``url`` is where the server itself is, if it says so."""

    title: str
    html: str
    url: str = ""


class PushOutcome(Enum):
    """What is known of a message that did not get through."""

    REJECTED = "rejected"
    """Not delivered, and trying again would not help."""
    UNAVAILABLE = "unavailable"
    """Certainly not delivered; it may be tried again."""
    UNKNOWN = "unknown"
    """Perhaps delivered: it must not be tried again."""


class PushError(Exception):
    """A message that did not get through; the text is for the user."""

    def __init__(self, message: str, outcome: PushOutcome) -> None:
        self.outcome = outcome
        super().__init__(message)


class Channel(Protocol):
    """Delivers messages to one kind of target.

    The docstring of its class is for users: where messages go, then the fields that a rule names it by
    (``aimo push channels`` shows it).
    """

    def address(self, target: Mapping[str, object]) -> object:
        """Return the field of a channel that says where its messages go: two pushes to one address are one claim."""

    async def send(self, target: Mapping[str, object], message: PushMessage) -> None:
        """Deliver a message to a channel of a push rule, whose fields are as the user gave them.

        Raises:
            PushError: it did not get through, or that is not known.
        """


def refusal(kind: str, status: int, answer: str) -> PushError:
    """Return the error for an answer that is no success: ``{kind} channel error: {status} - {answer}``.

    A gateway that gives up (502, 504) or a service that fails half-way (500) may have delivered all the same; one
    that is busy (429, 503) has not.
    """
    if status in (429, 503):
        outcome = PushOutcome.UNAVAILABLE
    else:
        outcome = PushOutcome.REJECTED if 300 <= status < 500 else PushOutcome.UNKNOWN
    return PushError(f"{kind} channel error: {status} - {inert(answer[:_LONGEST_REASON])}", outcome)
