"""``DATABASE_URL``: where MySQL is, in one line instead of five settings."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

_SCHEMES = ("mysql", "mariadb")
_EXAMPLE = "mysql://user:password@host:3306/database"
_OPTIONS = {
    "ssl-mode": "mysql_ssl_mode",
    "sslmode": "mysql_ssl_mode",
    "ssl-ca": "mysql_ssl_ca",
    "sslca": "mysql_ssl_ca",
}
# What other clients need to be told, and AIMO does by itself.
_IGNORED = ("charset", "encoding")


def settings_of(url: str) -> dict[str, str | int]:
    """Return the settings that the address of a database stands for, by the names of their fields.

    Parts are percent-encoded, as in every URL. ``ssl-mode`` and ``ssl-ca`` may follow as a query.

    Raises:
        ValueError: it is none of MySQL; the text does not hold the password.
    """
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] not in _SCHEMES or not rest:
        raise ValueError(f"must look like {_EXAMPLE}; without MySQL, rows live in the data folder")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"host and port cannot be read; it must look like {_EXAMPLE}") from None
    database = unquote(parts.path.removeprefix("/"))
    if not parts.hostname or not database:
        raise ValueError(f"must name a host and a database, like {_EXAMPLE}")
    found: dict[str, str | int] = {
        "mysql_host": parts.hostname,
        "mysql_port": port or 3306,
        "mysql_user": unquote(parts.username or "root"),
        "mysql_password": unquote(parts.password or ""),
        "mysql_database": database,
    }
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _IGNORED:
            continue
        if name not in _OPTIONS:
            raise ValueError(f"{name} is no option of it; there are ssl-mode and ssl-ca")
        found[_OPTIONS[name]] = value
    return found
