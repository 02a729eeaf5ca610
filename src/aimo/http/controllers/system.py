"""The server and its apps (docs/contract/system.md#versions)."""

from __future__ import annotations

from importlib.metadata import version

from litestar import Controller

from aimo.dto.base import UNSET, Envelope
from aimo.dto.system import AppVersions, OpenConfig, Version
from aimo.http.dependencies import Services, User
from aimo.http.output.envelope import ok
from aimo.http.routing import get


class SystemController(Controller):
    """Which releases there are."""

    path = "/api/v1/system"
    tags = ("System",)

    @get("/version", summary="Read the server's version")
    async def version(self, user: User) -> Envelope[Version]:
        """Return which release this server is."""
        return ok(Version(version=version("aimo")))

    @get("/app-versions", summary="Read the apps' newest versions")
    async def app_versions(self, services: Services, user: User) -> Envelope[AppVersions]:
        """Return the newest releases of the desktop and the Android app, as far as known."""
        return ok(await services.app_versions.latest())


class OpenSystemController(Controller):
    """What clients ask before anybody has logged in: landing page, login page, a desktop app that looks for updates."""

    path = "/api/v1/system/open"
    tags = ("System",)

    @get("/version", summary="Read the server's version without a token")
    async def version(self) -> Envelope[Version]:
        """Return which release this server is."""
        return ok(Version(version=version("aimo")))

    @get("/app-versions", summary="Read the apps' newest versions without a token")
    async def app_versions(self, services: Services) -> Envelope[AppVersions]:
        """Return the newest releases of the desktop and the Android app, as far as known."""
        return ok(await services.app_versions.latest())

    @get("/config", summary="Can one register?")
    async def config(self, services: Services) -> Envelope[OpenConfig]:
        """Return what a login page has to know."""
        return ok(
            OpenConfig(
                allow_registration=services.settings.allow_registration,
                needs_first_account=UNSET if await services.accounts.has_any() else True,
            )
        )
