"""One POST to a channel's service, its failures distinguished by whether the message may have arrived."""

from __future__ import annotations

from collections.abc import Mapping

from aimo.errors import AimoError
from aimo.outbound import Answer, OutboundClient, OutboundError
from aimo.push.protocol import PushError, PushOutcome


async def post(
    outbound: OutboundClient,
    url: str,
    *,
    json: object = None,
    text: str | None = None,
    params: Mapping[str, str] | None = None,
) -> Answer:
    """POST a body of JSON or of plain text and give the answer, whatever its status.

    Raises:
        PushError: there is no answer.
    """
    try:
        return await outbound.request("POST", url, json=json, text=text, params=params)
    except AimoError as error:
        raise PushError(error.message, PushOutcome.REJECTED) from error
    except OutboundError as error:
        raise PushError(str(error), PushOutcome.UNKNOWN if error.sent else PushOutcome.UNAVAILABLE) from error
