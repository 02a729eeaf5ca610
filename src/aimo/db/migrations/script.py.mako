"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aimo.db import types
from aimo.db.migrations import steps
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """One DDL statement, through a guarded step; split the rest into revisions of their own."""
    ${upgrades if upgrades else "pass"}
