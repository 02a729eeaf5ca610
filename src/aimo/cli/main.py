"""The command ``aimo``."""

from __future__ import annotations

import sys
from typing import NoReturn

from cyclopts import App

from aimo.cli import data, serve, sync
from aimo.errors import ConfigurationError

app = App(name="aimo", help="A self-hosted memo server that finds memos by words and by meaning.")
app.command(serve.serve)
app.command(data.migrate)
app.command(data.seed)
app.command(data.db_app)
app.command(sync.app)


def main() -> NoReturn:
    """Run the command line; what cannot work is said in one line, without a trace."""
    try:
        app()
    except ConfigurationError as error:
        print(f"aimo: {error}", file=sys.stderr)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
