"""Every setting of the server, in one typed class read from the environment and ``.env``.

Names and defaults are those of the existing server (docs/settings.md), so that an
installation keeps its files. A variable of the environment wins over ``.env``, that over
``.env.{NODE_ENV}``; an empty value counts as absent.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.sources import DotEnvSettingsSource

from aimo.database_url import settings_of
from aimo.errors import ConfigurationError
from aimo.file_settings import FileSettings
from aimo.listening import parse_database_host, parse_host
from aimo.origins import Origin, parse_origins
from aimo.provider_settings import ProviderSettings
from aimo.public_url import parse_public_url
from aimo.setting_doubts import doubts_about
from aimo.setting_errors import explain
from aimo.setting_types import (
    AnyCase,
    OnlyTrue,
    OnOff,
    TrueFalse,
    UnlessFalse,
    parse_networks,
    parse_zone,
)
from aimo.settings_file import SettingsFiles, require_readable
from aimo.user_limit_settings import UserLimitSettings

_ZERO = re.compile(r"[+-]?0+(\.0*)?", re.ASCII)


class Settings(UserLimitSettings, FileSettings, ProviderSettings, BaseSettings):
    """What can be configured. The variable of a field is its name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    _doubts: tuple[str, ...] = PrivateAttr(default=())

    # Core
    node_env: str = Field("development", description="`production` demands a JWT secret.")
    host: Annotated[str, AfterValidator(parse_host)] = Field(
        "127.0.0.1", description="Address to listen on; `0.0.0.0` for all interfaces, `::` for those of IPv6 as well."
    )
    port: int = Field(3000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Server processes; `aimo serve --workers` wins.")
    public_url: Annotated[str, AfterValidator(parse_public_url)] = Field(
        "",
        description="The URL under which clients reach the server; https adds HSTS. Its pages may use the cookie.",
    )
    aimo_data_dir: Path = Field(
        Path("data"),
        description="Folder of everything that is kept: `aimo.db`, `lancedb/`, `attachments/`, `jwt_secret`.",
    )
    aimo_web_dir: Path | None = Field(
        None, description="Folder of another built web client to serve; AIMO's own when unset."
    )
    aimo_web_inline_styles: TrueFalse = Field(
        False, description="`true` lets scripts of the client in `AIMO_WEB_DIR` add styles."
    )
    jwt_secret: SecretStr = Field(
        SecretStr(""),
        description=(
            "Key of the login tokens (HS256). Keep the old server's value and its tokens stay valid. "
            "Required in production; elsewhere one is generated and kept in the data folder."
        ),
    )
    ba_auth_enabled: OnlyTrue = Field(False, description="`true` opens the machine endpoints under `/ba`.")
    ba_auth_token: SecretStr = Field(SecretStr(""), description="Bearer token of the machine endpoints.")
    allow_registration: UnlessFalse = Field(True, description="`false` refuses new accounts.")
    max_body_size: int = Field(
        20 * 1024 * 1024, ge=1024, le=1 << 40, description="Largest request body in bytes, uploads excluded."
    )
    max_memo_size: int = Field(
        1024 * 1024,
        ge=1024,
        le=8 * 1024 * 1024,
        description="Largest content of a memo in bytes; larger ones of a migration stay, and can be edited down.",
    )
    trusted_proxies: str = Field(
        "",
        description="Comma list of addresses or networks whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.",
    )
    password_rules: OnOff = Field(
        True,
        description=(
            "New passwords must have 8 to 72 bytes and not be among the most common ones; `off` takes any, as the "
            "existing server did."
        ),
    )
    rate_limit: OnOff = Field(True, description="`off` lifts the limits on logins, password changes and registrations.")
    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="Bearer token for `/metrics`, always needed with `PUBLIC_URL`; else loopback may read it, too.",
    )
    outbound_allow: str = Field(
        "",
        description="Comma list of hosts or networks that user-given URLs may reach although they are private.",
    )
    cors_origin: str = Field(
        "",
        description="Comma list of origins besides the server's own whose pages may use the login cookie. All others "
        "may call with a bearer token.",
    )
    cors_credentials: OnlyTrue = Field(
        False, description="Accepted for compatibility; origins in `CORS_ORIGIN` may always send credentials."
    )
    locale_language: str = Field("zh-cn", description="Accepted for compatibility; has no effect.")
    locale_timezone: Annotated[str, AfterValidator(parse_zone)] = Field(
        "Asia/Shanghai", description="IANA zone that decides what `today` is and when scheduled work runs."
    )
    aimo_log_dir: Path | None = Field(
        None,
        description=(
            "Folder for JSON log files `YYYY-MM-DD.log`, kept for a week, and of the audit log; "
            "standard error only when unset."
        ),
    )
    aimo_audit_days: int = Field(
        90, ge=1, le=3650, description="For how many days the files `audit-YYYY-MM-DD.log` in `AIMO_LOG_DIR` are kept."
    )
    log_format: Annotated[Literal["auto", "console", "json"], AnyCase] = Field(
        "auto",
        description="Lines on standard error: for people (`console`), JSON, or by whether it is a terminal (`auto`).",
    )
    aimo_log_level: Annotated[Literal["trace", "debug", "info", "warn", "error"], AnyCase] = Field(
        "info", description="Least severe level that is logged."
    )

    # Relational database
    mysql_host: Annotated[str | None, AfterValidator(parse_database_host)] = Field(
        None,
        description="Host of MySQL or MariaDB. Setting it or `MYSQL_DATABASE` chooses MySQL instead of SQLite.",
    )
    mysql_port: int = Field(3306, ge=1, le=65535, description="Port of MySQL.")
    mysql_user: str = Field("root", description="User of MySQL.")
    mysql_password: SecretStr = Field(SecretStr(""), description="Password of MySQL.")
    mysql_database: str | None = Field(
        None, description="Database of MySQL; it must exist. `aimo` when only the host is set."
    )
    database_url: SecretStr | None = Field(
        None, description="`mysql://user:password@host:port/database`, percent-encoded; overrides the five above."
    )
    aimo_source_password: SecretStr = Field(
        SecretStr(""),
        description="Password of the MySQL database that `aimo migrate-data` reads, unless its address has it.",
    )
    mysql_ssl_mode: Annotated[Literal["disabled", "preferred", "required", "verify_ca", "verify_identity"], AnyCase] = (
        Field(
            "disabled",
            description="Whether connections to MySQL are encrypted, and what is checked of its certificate.",
        )
    )
    mysql_ssl_ca: Path | None = Field(
        None, description="File of certificates (PEM) to check MySQL's with; those of the system when unset."
    )
    mysql_connection_limit: int = Field(10, ge=2, le=1000, description="Most connections of the pool, per process.")
    mysql_driver: Annotated[Literal["asyncmy", "aiomysql"], AnyCase] = Field(
        "asyncmy", description="Python driver for MySQL."
    )
    database_idle_seconds: float = Field(
        600,
        gt=0,
        le=1_000_000_000,
        allow_inf_nan=False,
        description="Idle connections beyond two are closed after this time.",
    )
    auto_migrate: TrueFalse = Field(True, description="`false` leaves schema migrations to `aimo migrate`.")

    # LanceDB
    lancedb_storage_type: Annotated[Literal["local", "s3"], AnyCase] = Field(
        "local", description="Where the vectors are kept."
    )
    lancedb_path: Path | None = Field(
        None, description="Folder of the vectors; `lancedb` in the data folder when unset."
    )
    lancedb_s3_bucket: str = Field("", description="Bucket of the vectors; required for s3.")
    lancedb_s3_prefix: str = Field("lancedb", description="Prefix inside the bucket.")
    lancedb_s3_endpoint: str = Field(
        "", description="S3-compatible endpoint URL; addressed by path, Alibaba Cloud OSS with the bucket in its host."
    )
    aws_access_key_id: str = Field("", description="Access key for LanceDB on s3.")
    aws_secret_access_key: SecretStr = Field(SecretStr(""), description="Secret key for LanceDB on s3.")
    aws_region: str = Field("us-east-1", description="Region for LanceDB on s3.")
    embedding_cache_max_rows: int = Field(
        1_000_000,
        ge=0,
        le=1_000_000_000,
        description="Vectors that each embedding cache keeps, the newest ones; pruned at night. 0 keeps all.",
    )
    lancedb_version_retention_days: int = Field(
        7, ge=1, le=36_500, description="Age in days at which old table versions are removed."
    )
    db_optimization_cron: str = Field("0 2 * * *", description="When the nightly upkeep runs, in `LOCALE_TIMEZONE`.")

    # Memos in the trash
    trash_retention_days: int = Field(
        0, ge=0, le=36_500, description="Days after which memos in the trash are deleted for good; 0 keeps them."
    )

    # Exports that are made by themselves
    export_cron: str = Field(
        "", description="When everything of every user is exported, in `LOCALE_TIMEZONE`; empty for never."
    )
    export_to: str = Field(
        "", description="Where to: an absolute folder, or `s3://BUCKET/PREFIX` with the key of `ATTACHMENT_S3_`."
    )
    export_keep: int = Field(7, ge=1, le=10_000, description="How many exports of each user are kept.")

    # Spaced repetition
    spaced_repetition_push: Annotated[Literal["summary", "each"], AnyCase] = Field(
        "summary", description="What is pushed of the morning's reminders: one message, or one for each memo."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let what was given win over the environment, that over ``.env``, that over ``.env.{NODE_ENV}``."""
        chosen = cast(DotEnvSettingsSource, dotenv_settings).env_file
        if chosen is None:
            return init_settings, env_settings
        general = SettingsFiles(settings_cls, env_file=chosen)
        mode = os.environ.get("NODE_ENV") or general.env_vars.get("node_env") or "development"
        return init_settings, env_settings, general, SettingsFiles(settings_cls, env_file=f"{chosen}.{mode}")

    @field_validator(
        "port",
        "mysql_port",
        "mysql_connection_limit",
        "lancedb_version_retention_days",
        "attachment_max_file_size",
        "attachment_presigned_url_expiry",
        "openai_embedding_dimensions",
        "multimodal_embedding_dimension",
        "multimodal_embedding_video_fps",
        mode="before",
    )
    @classmethod
    def _default_for_zero(cls, value: object, info: ValidationInfo) -> object:
        """Take the default for a number that is 0, as the existing server does."""
        is_zero = value == 0 or (isinstance(value, str) and _ZERO.fullmatch(value.strip()))
        return cls.model_fields[str(info.field_name)].default if is_zero else value

    @model_validator(mode="wrap")
    @classmethod
    def _note_doubts(cls, values: dict[str, object], validate: ModelWrapValidatorHandler[Self]) -> Self:
        found = validate(values)
        found._doubts = tuple(doubts_about(values, cls.model_fields))
        return found

    @model_validator(mode="before")
    @classmethod
    def _database_url_wins(cls, values: dict[str, object]) -> dict[str, object]:
        url = values.get("database_url")
        given = url.get_secret_value() if isinstance(url, SecretStr) else url
        try:
            return {**values, **settings_of(given)} if isinstance(given, str) and given else values
        except ValueError as error:
            raise ValueError(f"DATABASE_URL: {error}") from None

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @field_validator("cors_origin")
    @classmethod
    def _origins(cls, value: str) -> str:
        parse_origins(value)
        return value

    @field_validator("lancedb_s3_endpoint", "attachment_s3_endpoint", "attachment_oss_endpoint")
    @classmethod
    def _without_password(cls, value: str) -> str:
        # Libraries put the address into their errors, and these are logged.
        if "@" in value:
            raise ValueError("must not hold a user name or password; there are settings for the key")
        return value

    @property
    def doubts(self) -> tuple[str, ...]:
        """What to warn about: values that the existing server takes, too, and that were probably meant otherwise."""
        return self._doubts

    @property
    def production(self) -> bool:
        """Whether this is a production installation (docs/decisions/25-settings-and-production.md)."""
        return self.node_env == "production"

    @property
    def zone(self) -> ZoneInfo:
        """The zone that decides what a day is."""
        return ZoneInfo(self.locale_timezone)

    @cached_property
    def public_path(self) -> str:
        """The path of `PUBLIC_URL`, percent-encoded and without a slash at its end; empty when it has none."""
        return urlsplit(self.public_url).path

    @cached_property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The proxies whose word about a client's address is believed."""
        return parse_networks(self.trusted_proxies)

    @cached_property
    def trusted_origins(self) -> tuple[Origin, ...]:
        """The origins of others whose pages may use the login cookie."""
        return parse_origins(self.cors_origin)

    @property
    def machine_token(self) -> str:
        """The token of the machine endpoints; empty while they are closed."""
        return self.ba_auth_token.get_secret_value() if self.ba_auth_enabled else ""

    @property
    def uses_mysql(self) -> bool:
        """Whether rows live in MySQL rather than SQLite (docs/decisions/25-settings-and-production.md)."""
        return self.mysql_host is not None or self.mysql_database is not None

    @property
    def sqlite_path(self) -> Path:
        """File of the embedded database."""
        return self.aimo_data_dir / "aimo.db"

    @property
    def lancedb_uri(self) -> str:
        """Folder or object-store address of the vectors."""
        if self.lancedb_storage_type == "s3":
            return f"s3://{self.lancedb_s3_bucket}/{self.lancedb_s3_prefix}"
        return str(self.lancedb_path or self.aimo_data_dir / "lancedb")

    @property
    def attachments_dir(self) -> Path:
        """Root folder of locally stored files."""
        return self.attachment_local_path or self.aimo_data_dir / "attachments"

    @property
    def embedder_kind(self) -> Literal["openai", "local"]:
        """Who makes the embeddings (docs/decisions/25-settings-and-production.md)."""
        return self.embedder or ("openai" if self.openai_api_key.get_secret_value() else "local")

    @property
    def blocked_types(self) -> frozenset[str]:
        """Media types that uploads may not have, lower-cased."""
        return frozenset(t.strip().lower() for t in self.attachment_blocked_mime_types.split(",") if t.strip())


def load(**overrides: Any) -> Settings:
    """Return the settings of this process.

    Raises:
        ConfigurationError: a value cannot be used; the text names the variable and the reason.
    """
    require_readable(overrides.get("_env_file", Settings.model_config.get("env_file")), Settings.model_fields)
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigurationError(explain(error, Settings.model_fields)) from None
