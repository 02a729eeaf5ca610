"""``aimo check``: try what the settings name."""

from __future__ import annotations

import asyncio
import sys

from cyclopts import App
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aimo import config, log
from aimo.runtime.provider_checks import ProviderCheck, check_providers

app = App(name="check", help="Try what the settings name, and say what works.")
console = Console()


@app.command
def providers() -> None:
    """Try each configured provider once; exit with 1 when something does not work.

    A few short calls are made, which providers charge for. Nothing is read from the database or stored.
    """
    settings = config.load()
    log.configure(settings)
    checks = asyncio.run(check_providers(settings))
    _show(checks)
    if any(check.works is False for check in checks):
        sys.exit(1)


def _show(checks: list[ProviderCheck]) -> None:
    table = Table("what", "provider", "result", "details")
    for check in checks:
        result = {True: "works", False: "FAILS", None: "not tried"}[check.works]
        table.add_row(check.name, Text(check.provider), result, Text(check.details))
    console.print(table, width=None if console.is_terminal else 250)
