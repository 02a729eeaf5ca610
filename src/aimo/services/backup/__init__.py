"""Backups of a whole installation in an open format, and their restoration (docs/backup.md)."""
