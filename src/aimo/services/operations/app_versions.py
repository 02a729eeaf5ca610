"""The newest releases of the apps (docs/contract/system.md#versions, docs/contract/providers.md#github)."""

from __future__ import annotations

import asyncio
import time

from aimo.ai.json_client import JsonClient
from aimo.dto.system import AppVersion, AppVersions
from aimo.errors import ProviderError

DESKTOP, APK = "ximing/aimo", "ximing/aimo-app"

_SECONDS = 8.0
_KEPT_SECONDS = 3600.0
_HEADERS = {"Accept": "application/vnd.github.v3+json", "User-Agent": "AIMO-App/1.0"}
_REFUSALS = {404: "No releases found for {repo}", 403: "GitHub API rate limit exceeded"}


class AppVersionService:
    """Looks releases up and remembers what it found for an hour; failures are not remembered."""

    def __init__(self, base_url: str, *, seconds: float = _SECONDS) -> None:
        # A repository that was renamed is found by its old name through a redirect.
        self._calls = JsonClient(base_url, seconds=seconds, headers=_HEADERS, follow_redirects=True)
        self._known: dict[str, tuple[float, str]] = {}

    async def latest(self) -> AppVersions:
        """Return the newest version of both apps, or why it is not known."""
        desktop, apk = await asyncio.gather(self._one(DESKTOP), self._one(APK))
        return AppVersions(desktop=desktop, apk=apk)

    async def close(self) -> None:
        """Release connections."""
        await self._calls.close()

    async def _one(self, repo: str) -> AppVersion:
        until, version = self._known.get(repo, (0.0, ""))
        if time.monotonic() < until:
            return AppVersion(version=version)
        try:
            version = await self._look_up(repo)
        except ProviderError as error:
            return AppVersion(error=str(error))
        self._known[repo] = (time.monotonic() + _KEPT_SECONDS, version)
        return AppVersion(version=version)

    async def _look_up(self, repo: str) -> str:
        reply = await self._calls.get(f"/repos/{repo}/releases/latest")
        if not reply.ok:
            text = _REFUSALS.get(reply.status, f"GitHub API error: {reply.status} {reply.reason}")
            raise ProviderError(text.format(repo=repo))
        tag = reply.json.get("tag_name")
        if not isinstance(tag, str) or not tag:
            raise ProviderError("Invalid response from GitHub API")
        return tag.removeprefix("v")
