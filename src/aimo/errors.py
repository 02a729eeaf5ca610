"""Error codes of the HTTP contract (docs/contract/errors.md#codes) and the one exception that carries them."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Business result codes; every answer's envelope carries one."""

    SUCCESS = 0
    SYSTEM_ERROR = 1
    PARAMS_ERROR = 2
    NOT_FOUND = 3
    UNAUTHORIZED = 4
    FORBIDDEN = 5
    OPERATION_NOT_ALLOWED = 6
    USER_NOT_FOUND = 1000
    USER_ALREADY_EXISTS = 1001
    PASSWORD_ERROR = 1002
    TOKEN_EXPIRED = 1003
    DB_ERROR = 2000
    DB_CONNECT_ERROR = 2001
    BUSINESS_ERROR = 3000
    CATEGORY_ALREADY_EXISTS = 3001
    FILE_TOO_LARGE = 4000
    UNSUPPORTED_FILE_TYPE = 4001
    ATTACHMENT_NOT_FOUND = 4002
    STORAGE_ERROR = 4003
    FILE_UPLOAD_ERROR = 4004
    EXTERNAL_SERVICE_ERROR = 5000


DEFAULT_MESSAGES = {
    Code.SUCCESS: "操作成功",
    Code.SYSTEM_ERROR: "系统错误",
    Code.PARAMS_ERROR: "参数错误",
    Code.NOT_FOUND: "资源不存在",
    Code.UNAUTHORIZED: "未授权",
    Code.FORBIDDEN: "禁止访问",
    Code.OPERATION_NOT_ALLOWED: "操作不被允许",
    Code.USER_NOT_FOUND: "用户不存在",
    Code.USER_ALREADY_EXISTS: "用户已存在",
    Code.PASSWORD_ERROR: "密码错误",
    Code.TOKEN_EXPIRED: "token已过期",
    Code.DB_ERROR: "数据库错误",
    Code.DB_CONNECT_ERROR: "数据库连接错误",
    Code.BUSINESS_ERROR: "业务错误",
    Code.CATEGORY_ALREADY_EXISTS: "类别已存在",
    Code.FILE_TOO_LARGE: "文件过大",
    Code.UNSUPPORTED_FILE_TYPE: "不支持的文件类型",
    Code.ATTACHMENT_NOT_FOUND: "附件不存在",
    Code.STORAGE_ERROR: "存储错误",
    Code.FILE_UPLOAD_ERROR: "文件上传失败",
    Code.EXTERNAL_SERVICE_ERROR: "外部服务错误",
}


class AimoError(Exception):
    """A failure that a client sees: a code of the contract and the text to show.

    An empty message stands for the code's default text.
    """

    def __init__(self, code: Code, message: str = "") -> None:
        self.code = code
        self.message = message or DEFAULT_MESSAGES[code]
        super().__init__(self.message)


class RateLimitExceeded(AimoError):
    """Something was tried too often : ``retry_after`` says for how many seconds it is refused.

    ``limit`` is the name of the limit, for the log.
    """

    def __init__(
        self, limit: str, *, retry_after: int, message: str = "Too many attempts, please try again later"
    ) -> None:
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(Code.OPERATION_NOT_ALLOWED, message)


class IdempotencyKeyReused(AimoError):
    """A client used the key of an earlier request for another one; answered with HTTP 422."""

    def __init__(self) -> None:
        super().__init__(Code.PARAMS_ERROR, "This Idempotency-Key was used for another request; use a new one")


class PreconditionFailed(AimoError):
    """What a client wants to change is not what it has read; answered with HTTP 412 and with ``current``."""

    def __init__(self, current: object) -> None:
        self.current = current
        super().__init__(Code.OPERATION_NOT_ALLOWED, "This was changed meanwhile; data holds what it is now")


class ConfigurationError(Exception):
    """The settings or the installation cannot work; the text says what to change."""


class ProviderError(Exception):
    """An outside service (embeddings, chat, recognition) failed.

    ``retryable`` is false when asking again with the same input cannot help soon: the provider refuses the content, or
    fails on it while it answers others. ``answered`` is true when it was reached: what it said will last longer than
    a broken connection. ``status`` is the HTTP status of a refusal, and ``reason`` what it said, fit to be shown.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = True,
        answered: bool = False,
        status: int | None = None,
        reason: str = "",
    ) -> None:
        self.retryable = retryable
        self.answered = answered
        self.status = status
        self.reason = reason
        super().__init__(message)
