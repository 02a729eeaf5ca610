"""What a database says of its own schema, as rows that can be compared."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

_MARIADB = {
    "tables": "SELECT table_name, engine, table_collation, row_format FROM information_schema.tables "
    "WHERE table_schema = DATABASE()",
    "columns": "SELECT table_name, column_name, column_type, is_nullable, column_default, character_set_name, "
    "collation_name, extra, column_key FROM information_schema.columns WHERE table_schema = DATABASE()",
    "indexes": "SELECT table_name, index_name, seq_in_index, column_name, non_unique, sub_part, index_type "
    "FROM information_schema.statistics WHERE table_schema = DATABASE()",
    "foreign keys": "SELECT k.table_name, k.constraint_name, k.column_name, k.referenced_table_name, "
    "k.referenced_column_name, r.delete_rule, r.update_rule FROM information_schema.key_column_usage k "
    "JOIN information_schema.referential_constraints r "
    "ON r.constraint_schema = k.table_schema AND r.constraint_name = k.constraint_name "
    "AND r.table_name = k.table_name WHERE k.table_schema = DATABASE()",
    "checks": "SELECT t.table_name, t.constraint_name, c.check_clause FROM information_schema.table_constraints t "
    "JOIN information_schema.check_constraints c ON c.constraint_schema = t.constraint_schema "
    "AND c.constraint_name = t.constraint_name WHERE t.constraint_type = 'CHECK' AND t.table_schema = DATABASE()",
}
_SQLITE = {
    "columns": "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value, c.pk, m.sql LIKE '%AUTOINCREMENT%' "
    "FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
    "indexes": 'SELECT m.name, i.name, i."unique", c.seqno, c.name FROM sqlite_master m, pragma_index_list(m.name) i, '
    "pragma_index_info(i.name) c WHERE m.type = 'table'",
    "foreign keys": 'SELECT m.name, f."table", f."from", f."to", f.on_delete, f.on_update '
    "FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
}


def schema_facts(connection: Connection) -> dict[str, set[tuple[Any, ...]]]:
    """Columns, defaults, collations, keys and indexes of every table but Alembic's own."""
    queries = _SQLITE if connection.dialect.name == "sqlite" else _MARIADB
    return {
        what: {tuple(row) for row in connection.execute(text(query)) if row[0] != "alembic_version"}
        for what, query in queries.items()
    }
