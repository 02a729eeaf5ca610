"""Everything of one user, to take away (docs/export.md)."""
