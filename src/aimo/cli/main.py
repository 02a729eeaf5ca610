"""The command ``aimo``."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from cyclopts import App

from aimo.errors import ConfigurationError
from aimo.vectors.errors import VectorStoreError

# What the engines' modules make while they are imported lives as long as the process; looking through it again and
# again, as the default of 700 new objects asks for, takes a sixth of the time to start. A server's workers import this
# module first, too.
gc.set_threshold(20_000, 20, 50)

app = App(name="aimo", help="A self-hosted memo server that finds memos by words and by meaning.")

# By name, so that a command imports only what it needs: the engines take seconds.
app.command("aimo.cli.serve:serve")
app.command("aimo.cli.database:migrate")
app.command("aimo.cli.migrate_data:migrate_data")
app.command("aimo.cli.database:db_app", name="db")
app.command("aimo.cli.database:seed")
app.command("aimo.cli.openapi:openapi")
app.command("aimo.cli.sync:app", name="sync")
app.command("aimo.cli.doctor:doctor")
app.command("aimo.cli.backup:backup")
app.command("aimo.cli.backup:restore")
app.command("aimo.cli.push:app", name="push")
app.command("aimo.cli.attachments:app", name="attachments")


def main() -> NoReturn:
    """Run the command line; what cannot work is said in one line, without a trace.

    Whatever a command writes, and the processes that it starts, is for its own user alone.
    """
    os.umask(0o077)
    try:
        app()
    except (ConfigurationError, VectorStoreError) as error:
        print(f"aimo: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
