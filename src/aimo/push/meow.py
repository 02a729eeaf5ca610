"""MeoW: pushes to phones by nickname (docs/contract/providers.md#push-channels)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from aimo.errors import ConfigurationError
from aimo.outbound import OutboundClient
from aimo.push.http_post import post
from aimo.push.plain_text import plain
from aimo.push.protocol import PushError, PushMessage, PushOutcome, refusal


class Meow:
    """A phone with MeoW, by nickname, through the service at ``MEOW_BASE_URL``.

    ``nickname``: whose phone. ``msgType``: ``text`` (default) or ``html``; ``htmlHeight``: its height in pixels.
    ``PUBLIC_URL``, if set, is sent along as the link to open.
    """

    def __init__(self, base_url: str) -> None:
        """``base_url`` is trusted wherever it is: whoever installs the server chose it.

        Raises:
            ConfigurationError: it is no URL.
        """
        host = urlsplit(base_url).hostname
        if not host:
            raise ConfigurationError("MEOW_BASE_URL must be a URL that starts with http:// or https://")
        self._base_url = base_url.rstrip("/")
        self._outbound = OutboundClient(host)

    def address(self, target: Mapping[str, object]) -> object:
        """Return the ``nickname``."""
        return target.get("nickname")

    async def send(self, target: Mapping[str, object], message: PushMessage) -> None:
        """POST to ``/{nickname}?msgType=…``, which shows HTML only when it is asked to."""
        nickname = str(target.get("nickname") or "").strip()
        if not nickname.strip("."):
            raise PushError("MeoW nickname is required", PushOutcome.REJECTED)
        as_html = target.get("msgType") == "html"
        params = {"msgType": "html" if as_html else "text"}
        height = target.get("htmlHeight")
        if as_html and isinstance(height, int | float) and height > 0:
            params["htmlHeight"] = str(int(height))
        body = {"title": message.title, "msg": message.html if as_html else plain(message.html)}
        if message.url:
            body["url"] = message.url
        answer = await post(self._outbound, f"{self._base_url}/{quote(nickname, safe='')}", json=body, params=params)
        if not 200 <= answer.status < 300:
            raise refusal("MeoW", answer.status, answer.text)
