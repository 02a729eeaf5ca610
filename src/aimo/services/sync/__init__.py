"""Keeps LanceDB in step with the relational database, whatever dies in between.

A change writes a dirty mark in its own transaction. Applying a mark reads the row as it is *now* and
makes LanceDB agree, so marks may be applied twice, late or out of order.
"""
