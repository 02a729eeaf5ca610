"""Name outbox entries and the time of a push's next attempt as the code does."""

from __future__ import annotations

from aimo.db.migrations import steps

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    """Rename the outbox's table, its key and the deliveries' time, with the indexes on them."""
    steps.rename_table("vector_outbox", "outbox_entries")
    steps.rename_column("outbox_entries", "mark_id", "entry_id")
    steps.drop_index("ix_vector_outbox_next_try_at_mark_id", "outbox_entries")
    steps.create_index("ix_outbox_entries_next_try_at_entry_id", "outbox_entries", ["next_try_at", "entry_id"])
    steps.drop_index("ix_vector_outbox_entity_id", "outbox_entries")
    steps.create_index("ix_outbox_entries_entity_id", "outbox_entries", ["entity_id"])
    steps.rename_column("push_deliveries", "next_look_at", "retry_at")
    steps.drop_index("ix_push_deliveries_state_next_look_at", "push_deliveries")
    steps.create_index("ix_push_deliveries_state_retry_at", "push_deliveries", ["state", "retry_at"])
