"""All kinds of channels by the ``type`` that rules name them with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aimo.push.protocol import Channel, PushError, PushMessage, PushOutcome


class Channels:
    """Sends a message through any channel of a push rule."""

    def __init__(self, kinds: Mapping[str, Channel]) -> None:
        self._kinds = kinds

    async def send(self, target: Any, message: PushMessage) -> None:
        """Deliver a message to a channel as it is stored, which may be anything.

        Raises:
            PushError: it did not get through, or that is not known.
        """
        kind = target.get("type", "undefined") if isinstance(target, dict) else "undefined"
        channel = self._kinds.get(kind) if isinstance(kind, str) else None
        if channel is None:
            raise PushError(f"Unsupported channel type: {'null' if kind is None else kind}", PushOutcome.REJECTED)
        await channel.send(target, message)
