"""Values of settings that are taken as the existing server takes them, and were probably meant otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic.fields import FieldInfo

from aimo.setting_types import lenient_value


def doubts_about(given: Mapping[str, object], fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return what to warn about in the texts that were given, by the names of their fields."""
    warnings = []
    for name, value in given.items():
        if name in fields and isinstance(value, str) and value not in ("true", "false"):
            counts = lenient_value(fields[name], value)
            if counts is not None:
                warnings.append(f"{name.upper()}={value!r} counts as {str(counts).lower()}: write true or false")
    mode = str(given.get("node_env", ""))
    if mode != "production" and mode.strip().lower().startswith("prod"):
        warnings.append(f"NODE_ENV={mode!r} does not count as production: write production")
    blocked = str(given.get("attachment_blocked_mime_types", ""))
    for entry in filter(None, map(str.strip, blocked.split(","))):
        if "/" not in entry:
            warnings.append(f"ATTACHMENT_BLOCKED_MIME_TYPES: {entry!r} is no media type such as text/html")
    if (provider := str(given.get("ocr_default_provider", "zhipu"))) != "zhipu":
        warnings.append(f"OCR_DEFAULT_PROVIDER={provider!r} is not known, there is zhipu: requests must name it")
    return warnings
