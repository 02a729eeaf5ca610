"""Alembic's environment: it runs on the connection that `aimo.db.migrate` hands over."""

from __future__ import annotations

from alembic import context

from aimo.db.migrate import configure_options

connection = context.config.attributes["connection"]
context.configure(connection=connection, **configure_options(connection))
with context.begin_transaction():
    context.run_migrations()
