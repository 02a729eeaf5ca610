"""Query parameters, read and coerced as the contract has it (docs/contract/requests.md#query-parameters)."""

from __future__ import annotations

from typing import overload

import msgspec

from aimo import js_coercion as coercion
from aimo.errors import AimoError, Code
from aimo.http.asgi_types import Scope
from aimo.http.input import query_string as qs
from aimo.http.input.text_validation import require_usable


class InvalidParameterError(Exception):
    """A number or boolean parameter that cannot be parsed: HTTP 400 with ``error_body(message)``."""

    def __init__(self, name: str, value: object, kind: str) -> None:
        raw = msgspec.json.encode(value).decode()
        self.message = f"Given parameter {name} is invalid. Value ({raw}) cannot be parsed into {kind}."
        super().__init__(self.message)


class Query:
    """The parameters of one request; each reader names what it accepts and raises."""

    __slots__ = ("_raw", "_values")

    def __init__(self, query_string: bytes) -> None:
        self._raw = query_string.decode("utf-8", "replace")
        try:
            self._values = qs.parse(self._raw)
        except qs.TooManyParametersError:
            raise AimoError(Code.PARAMS_ERROR) from None

    @classmethod
    def of(cls, scope: Scope) -> Query:
        """Return the parameters of a request's scope.

        Raises:
            AimoError: ``PARAMS_ERROR`` for more than 1000 parameters.
        """
        return cls(scope["query_string"])

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @overload
    def number(self, name: str, default: int) -> int | float: ...
    @overload
    def number(self, name: str, default: None = None) -> int | float | None: ...
    def number(self, name: str, default: int | None = None) -> int | float | None:
        """Return a declared number: ``Number()`` semantics, infinities included.

        Raises:
            InvalidParameterError: it is no number, or given twice.
        """
        if name not in self._values:
            return default
        value = self._values[name]
        number = coercion.to_number(value) if isinstance(value, str) else None
        if number is None:
            raise InvalidParameterError(name, value, "number")
        return number

    @overload
    def boolean(self, name: str, default: bool) -> bool: ...
    @overload
    def boolean(self, name: str, default: None = None) -> bool | None: ...
    def boolean(self, name: str, default: bool | None = None) -> bool | None:
        """Return a declared boolean: ``true``, ``1``, ``""`` or ``false``, ``0``.

        Raises:
            InvalidParameterError: anything else.
        """
        if name not in self._values:
            return default
        value = self._values[name]
        boolean = coercion.to_boolean(value) if isinstance(value, str) else None
        if boolean is None:
            raise InvalidParameterError(name, value, "boolean")
        return boolean

    @overload
    def text(self, name: str, default: str) -> str: ...
    @overload
    def text(self, name: str, default: None = None) -> str | None: ...
    def text(self, name: str, default: str | None = None) -> str | None:
        """Return a declared string, as it is.

        Raises:
            AimoError: ``PARAMS_ERROR`` when it is given twice or nested, or holds text that cannot be stored.
        """
        if name not in self._values:
            return default
        value = self._values[name]
        if not isinstance(value, str):
            raise AimoError(Code.PARAMS_ERROR)
        return require_usable(value)

    def texts(self, name: str) -> list[str]:
        """Return a declared array: ``a=x``, ``a[]=x`` and ``a[0]=x`` all work; ``[]`` when it is missing.

        Raises:
            AimoError: ``PARAMS_ERROR`` for nested values or text that cannot be stored.
        """
        value = self._values.get(name, [])
        items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in items):
            raise AimoError(Code.PARAMS_ERROR)
        return [require_usable(item) for item in items]

    def has_bare_commas(self, name: str) -> bool:
        """Return whether a value of a parameter holds commas that are not percent-encoded, as between items."""
        parts = (part.partition("=") for part in self._raw.split("&"))
        return any("," in value and qs.decode(key) == name for key, _, value in parts)

    def integer_prefix(self, name: str) -> int | None:
        """Leading digits of a text, as dates in milliseconds are read; None when missing or unparsable.

        Raises:
            AimoError: as :meth:`text`.
        """
        value = self.text(name)
        return None if value is None else coercion.integer_prefix(value)
