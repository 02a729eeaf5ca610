"""The command ``aimo``."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import NoReturn

from cyclopts import App

from aimo.errors import ConfigurationError
from aimo.processor import require_instructions
from aimo.vectors.errors import VectorStoreError
from aimo.writable import REFUSALS, refusal

# What the engines' modules make while they are imported lives as long as the process; looking through it again and
# again, as the default of 700 new objects asks for, takes a sixth of the time to start. A server's workers import this
# module first, too.
gc.set_threshold(20_000, 20, 50)

app = App(
    name="aimo",
    help="A self-hosted memo server that finds memos by words and by meaning.",
    help_epilogue="`aimo COMMAND --help` explains a command. Settings: the environment or `.env`.",
)

# By path, so that a command imports only what it needs: the engines take seconds. Their lines are here for the same
# reason; a test compares them with the first lines of the commands' own docstrings.
COMMANDS = {
    "serve": ("aimo.cli.serve:serve", "Run the server until it is stopped."),
    "migrate": ("aimo.cli.database:migrate", "Bring the database's schema to this release."),
    "migrate-data": (
        "aimo.cli.migrate_data:migrate_data",
        "Move a database of the existing server into this one, and prove that it arrived.",
    ),
    "db": ("aimo.cli.database:db_app", "Look into the relational database."),
    "seed": ("aimo.cli.database:seed", "Create a demo user with memos, tags, categories and relations."),
    "openapi": ("aimo.cli.openapi:openapi", "Write the OpenAPI document of the API."),
    "sync": ("aimo.cli.sync:app", "See and steer how LanceDB follows the relational database."),
    "doctor": ("aimo.cli.doctor:doctor", "Check that both stores agree and nothing is lost."),
    "check": ("aimo.cli.check:app", "Try what the settings name, and say what works."),
    "export": ("aimo.cli.export:export", "Write all memos and attachments of one user into a zip."),
    "backup": ("aimo.cli.backup:backup", "Write rows, attachments and embedding caches into one file."),
    "restore": ("aimo.cli.backup:restore", "Bring a backup into an empty installation."),
    "push": ("aimo.cli.push:app", "Send what is due, and see what became of it."),
    "token": ("aimo.cli.token:app", "Manage users' personal access tokens."),
    "models": ("aimo.cli.models:app", "Look after the keys of users' models."),
    "attachments": ("aimo.cli.attachments:app", "Move stored files between local disk, S3 and OSS."),
}
for name, (target, line) in COMMANDS.items():
    app.command(target, name=name, help=line)
app.register_install_completion_command(help="Install shell completion for bash, zsh or fish.")


def main() -> NoReturn:
    """Run the command line; what cannot work is said in one line, without a trace.

    Whatever a command writes, and the processes that it starts, is for its own user alone.
    """
    os.umask(0o077)
    try:
        require_instructions()
        app()
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        print(f"aimo: {told}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


def _told(error: Exception) -> str | None:
    """Return the line to say of an error; None where it is a fault of ours, and its trace is of use."""
    if isinstance(error, ConfigurationError | VectorStoreError):
        return str(error)
    if isinstance(error, OSError) and isinstance(error.filename, str) and error.errno in REFUSALS:
        return refusal(Path(error.filename), error)
    # Only a command that has loaded it can fail for the database.
    if database := sys.modules.get("aimo.db.failure_log"):
        told: str | None = database.told_in_a_line(error)
        return told and f"The database cannot be used: {told}"
    return None


if __name__ == "__main__":
    main()
