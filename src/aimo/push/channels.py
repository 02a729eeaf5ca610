"""All kinds of channels by the ``type`` that rules name them with: a new kind is a module and its line here."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from aimo.config import Settings
from aimo.outbound import OutboundClient
from aimo.push.feishu import Feishu
from aimo.push.meow import Meow
from aimo.push.protocol import Channel, PushError, PushMessage, PushOutcome


def create_channels(settings: Settings) -> Channels:
    """Create every kind of channel from the settings."""
    return Channels(
        {
            "meow": Meow(settings.meow_base_url),
            "feishu": Feishu(OutboundClient(settings.outbound_allow)),
        }
    )


def channel_list(stored: object) -> list[object]:
    """Return the channels of a rule as it is stored, which may be anything: what is no list has none."""
    return stored if isinstance(stored, list) else []


class Channels:
    """Names the channels of a push rule, and sends messages through them."""

    def __init__(self, kinds: Mapping[str, Channel]) -> None:
        self._kinds = kinds

    def describe(self) -> dict[str, str]:
        """Return what each kind says of itself, by the ``type`` that rules name it with."""
        return {kind: inspect.getdoc(type(channel)) or "" for kind, channel in self._kinds.items()}

    async def send(self, target: object, message: PushMessage) -> None:
        """Deliver a message to a channel as it is stored, which may be anything.

        Raises:
            PushError: it did not get through, or that is not known.
        """
        channel = self._channel(target)
        if channel is None or not isinstance(target, dict):
            kind = target.get("type", "undefined") if isinstance(target, dict) else "undefined"
            raise PushError(f"Unsupported channel type: {'null' if kind is None else kind}", PushOutcome.REJECTED)
        await channel.send(target, message)

    def by_name(self, targets: object) -> dict[str, object]:
        """Return the channels of a rule by names that deliveries are claimed under; what is no list has none.

        A name depends on the kind and its `Channel.address` alone, so a channel that is edited or moved within its
        rule is not sent to twice; it does not tell the address. Two channels of one address are two messages.
        """
        named: dict[str, object] = {}
        numbers: Counter[str] = Counter()
        for target in channel_list(targets):
            channel = self._channel(target)
            kind = target.get("type") if isinstance(target, dict) else None
            address = channel.address(target) if channel and isinstance(target, dict) else target
            digest = sha256(msgspec.json.encode([kind, address], order="deterministic")).hexdigest()[:32]
            name = f"{kind if channel else 'other'}-{digest}"
            named[f"{name}-{numbers[name]}"] = target
            numbers[name] += 1
        return named

    def _channel(self, target: object) -> Channel | None:
        kind = target.get("type") if isinstance(target, dict) else None
        return self._kinds.get(kind) if isinstance(kind, str) else None
