"""``aimo token``: personal access tokens of users (docs/contract/access-tokens.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from aimo.cli.prepared_settings import prepared_settings
from aimo.clock import to_datetime
from aimo.db import migrate
from aimo.db.connection import Database
from aimo.dto.access_tokens import AccessToken, AccessTokenBody, AccessTokenCreated
from aimo.errors import AimoError, ConfigurationError
from aimo.services.accounts.access_tokens import DEFAULT_DAYS, AccessTokenService
from aimo.services.accounts.lookup import require_uid
from aimo.services.accounts.token_scopes import PRESETS

app = App(name="token", help="Manage users' personal access tokens.")
T = TypeVar("T")

console = Console()
# The value of a new token is all that goes to standard output, so that a script can keep it.
notes = Console(stderr=True)

_User = Annotated[str, Parameter(help="E-mail of the user.")]


@app.command
def create(
    email: _User,
    *,
    name: Annotated[str, Parameter(help="What the token is for.")],
    scopes: Annotated[
        str, Parameter(help="`read`, `write`, `full`, or scopes with commas between them, such as `memos:read,ai`.")
    ] = "read",
    days: Annotated[int, Parameter(help="How many days it is valid; 0 for ever.")] = DEFAULT_DAYS,
) -> None:
    """Create a token and print its value, which cannot be read again."""
    chosen = list(PRESETS[scopes]) if scopes in PRESETS else [scope.strip() for scope in scopes.split(",")]
    body = AccessTokenBody(name=name, scopes=chosen, expires_in_days=days or None)

    async def work(tokens: AccessTokenService, uid: str) -> AccessTokenCreated:
        return await tokens.create(uid, body)

    created = _run(email, work)
    notes.print(f"Created {created.token.id}: {_described(created.token)}.", markup=False)
    print(created.value)


@app.command(name="list")
def show(email: _User) -> None:
    """List a user's tokens; their values are not stored."""

    async def work(tokens: AccessTokenService, uid: str) -> list[AccessToken]:
        return await tokens.all(uid)

    table = Table("id", "name", "scopes", "created", "expires", "last used")
    for token in _run(email, work):
        times = (token.created_at, token.expires_at, token.last_used_at)
        table.add_row(token.id, token.name, " ".join(token.scopes), *(_moment(time) for time in times))
    console.print(table)


@app.command
def revoke(email: _User, token_id: Annotated[str, Parameter(help="Id of the token, as `list` shows it.")]) -> None:
    """Revoke a token; every process refuses it from now on."""

    async def work(tokens: AccessTokenService, uid: str) -> None:
        await tokens.revoke(uid, token_id)

    _run(email, work)
    console.print(f"Revoked {token_id}.", markup=False)


def _run(email: str, work: Callable[[AccessTokenService, str], Awaitable[T]]) -> T:
    settings = prepared_settings(rows_only=True)

    async def main() -> T:
        database = await Database.open(settings)
        try:
            await migrate.prepare(database, settings)
            return await work(AccessTokenService(database), await require_uid(database, email))
        finally:
            await database.close()

    try:
        return asyncio.run(main())
    except AimoError as error:
        raise ConfigurationError(f"{error.message}.") from error


def _described(token: AccessToken) -> str:
    until = "for ever" if token.expires_at is None else f"until {_moment(token.expires_at)}"
    return f"{' '.join(token.scopes)}, {until}"


def _moment(time: int | None) -> str:
    return "-" if time is None else f"{to_datetime(time):%Y-%m-%d %H:%M} UTC"
