"""Keeps LanceDB in step with the relational database, whatever dies in between.

A change writes a outbox entry in its own transaction. Applying an entry reads the row as it is *now* and
makes LanceDB agree, so entries may be applied twice, late or out of order.
"""
