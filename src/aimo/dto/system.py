"""The server about itself."""

from __future__ import annotations

from typing import Literal

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class Health(Dto):
    """That the server is there."""

    status: Annotated[Literal["ok"], Meta(description="Always `ok`.")]
    version: Annotated[str | UnsetType, Meta(description="Version of the server, for operators only.")] = UNSET


class Pool(Dto):
    """Connections to the relational database."""

    open: Annotated[int, Meta(description="Connections that are open.")]
    in_use: Annotated[int, Meta(description="Connections that are lent out.")]
    limit: Annotated[int, Meta(description="Most connections that may be open.")]


class SyncState(Dto):
    """How far LanceDB lags behind the relational database."""

    writer: Annotated[bool, Meta(description="Whether this process is the one that writes to LanceDB.")]
    waiting: Annotated[int, Meta(description="Outbox entries that are still to be applied.")]
    oldest: Annotated[int | None, Meta(description="When the oldest of them was written, epoch milliseconds.")]


class Readiness(Dto):
    """Whether the server can do its work; operators also see with what."""

    status: Annotated[
        Literal["ready", "unavailable"],
        Meta(description="`ready`, or `unavailable` while the database does not answer."),
    ]
    database: Annotated[str | UnsetType, Meta(description="`mysql` or `sqlite`.")] = UNSET
    pool: Annotated[Pool | UnsetType, Meta(description="The connection pool's numbers.")] = UNSET
    sync: Annotated[
        SyncState | UnsetType | None, Meta(description="The state of the sync, null while the database is away.")
    ] = UNSET


class Version(Dto):
    """Which release this is."""

    version: Annotated[str, Meta(description="Version of the server.")]


class AppVersion(Dto):
    """The newest release of an app, or why it is not known."""

    version: Annotated[str | UnsetType, Meta(description="Its version without a leading `v`.")] = UNSET
    error: Annotated[str | UnsetType, Meta(description="Why the version is not known.")] = UNSET


class AppVersions(Dto):
    """The newest releases of the apps."""

    desktop: Annotated[AppVersion, Meta(description="The desktop app.")]
    apk: Annotated[AppVersion, Meta(description="The Android app.")]


class OpenConfig(Dto):
    """What a login page has to know."""

    allow_registration: Annotated[bool, Meta(description="Whether new accounts can be made.")]
    needs_first_account: Annotated[
        bool | UnsetType, Meta(description="True while nobody has an account; absent otherwise.")
    ] = UNSET
