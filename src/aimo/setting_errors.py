"""What is said of settings that cannot be used: the name, what was expected, and the value unless it is secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_LONGEST_VALUE = 60
_WHOLE = "must be a whole number, without a unit"
_REASONS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "literal_error": lambda about: f"must be {about['expected']}".replace("'", ""),
    "int_parsing": lambda _: _WHOLE,
    "int_from_float": lambda _: _WHOLE,
    "int_parsing_size": lambda _: "must be a smaller number",
    "float_parsing": lambda _: "must be a number, without a unit",
    "finite_number": lambda _: "must be a number, without a unit",
    "greater_than": lambda about: f"must be more than {about['gt']:g}",
    "greater_than_equal": lambda about: f"must be at least {about['ge']}",
    "less_than_equal": lambda about: f"must be at most {about['le']}",
}


def explain(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """Return what to say of everything that is wrong, a line for each setting."""
    lines = [_line(each, fields) for each in error.errors()]
    if len(lines) == 1:
        return f"This setting cannot be used: {lines[0]}"
    return "These settings cannot be used:\n  " + "\n  ".join(lines)


def _line(error: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    """Return what to say of a value; an error of several together names its setting itself."""
    known = _REASONS.get(error["type"])
    reason = known(error.get("ctx", {})) if known else error["msg"].removeprefix("Value error, ")
    name = ".".join(map(str, error["loc"]))
    if not name:
        return reason
    return f"{name.upper()}: {reason}{_shown(error['input'], fields.get(name))}"


def _shown(value: object, field: FieldInfo | None) -> str:
    """Return the end of a sentence that tells the value; empty where it is, or may hold, a secret."""
    if field is None or "SecretStr" in str(field.annotation) or isinstance(value, SecretStr) or "@" in str(value):
        return ""
    text = repr(value)
    return f", not {text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + '…'}"
