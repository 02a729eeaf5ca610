"""Feishu custom bots, reached by a webhook that the user gives (docs/contract/providers.md#push-channels)."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from aimo import clock
from aimo.outbound import Answer, OutboundClient
from aimo.push.http_post import post
from aimo.push.plain_text import cut, plain
from aimo.push.protocol import PushError, PushMessage, PushOutcome, refusal

# A bot takes 20 KB; the rest of the body is small.
_MOST_TEXT_BYTES = 18_000
_RATE_LIMITED = 11232


class Feishu:
    """The webhook of a Feishu custom bot.

    ``webhookUrl``: any address on the public internet. ``secret``: signs the messages, where the bot asks for it.
    Plain text, cut at 18,000 bytes: a bot takes 20 KB.
    """

    def __init__(self, outbound: OutboundClient) -> None:
        self._outbound = outbound

    def address(self, target: Mapping[str, object]) -> object:
        """Return the ``webhookUrl``."""
        return target.get("webhookUrl")

    async def send(self, target: Mapping[str, object], message: PushMessage) -> None:
        """POST title and plain text to the webhook, signed where there is a secret."""
        url, secret = target.get("webhookUrl"), target.get("secret")
        if not url or not isinstance(url, str):
            raise PushError("Feishu webhook URL is required", PushOutcome.REJECTED)
        text = cut(f"{message.title}\n{plain(message.html)}", _MOST_TEXT_BYTES)
        body: dict[str, object] = {"msg_type": "text", "content": {"text": text}}
        if secret and isinstance(secret, str):
            timestamp = str(clock.now_ms() // 1000)
            body |= {"timestamp": timestamp, "sign": sign(timestamp, secret)}
        _require_success(await post(self._outbound, url, json=body))


def sign(timestamp: str, secret: str) -> str:
    """Base64 of HMAC-SHA256 over nothing; the key is timestamp, newline, secret."""
    key = f"{timestamp}\n{secret}".encode("utf-8", "surrogatepass")
    return b64encode(hmac.digest(key, b"", sha256)).decode()


def _require_success(answer: Answer) -> None:
    """2xx with a JSON ``code`` of 0 or none."""
    try:
        reply = msgspec.json.decode(answer.body)
        text = msgspec.json.encode(reply).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise refusal("Feishu", answer.status, answer.text) from None
    code = reply.get("code") if isinstance(reply, dict) else None
    if not 200 <= answer.status < 300:
        raise refusal("Feishu", answer.status, text)
    if code not in (None, 0):
        error = refusal("Feishu", answer.status, text)
        error.outcome = PushOutcome.UNAVAILABLE if code == _RATE_LIMITED else PushOutcome.REJECTED
        raise error
