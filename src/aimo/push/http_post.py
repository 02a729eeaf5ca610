"""One POST to a channel's service, its failures distinguished by whether the message may have arrived."""

from __future__ import annotations

from collections.abc import Mapping

from aimo.errors import AimoError
from aimo.outbound import Answer, OutboundClient, OutboundError
from aimo.push.protocol import PushError, PushOutcome


async def post(outbound: OutboundClient, url: str, body: object, params: Mapping[str, str] | None = None) -> Answer:
    """POST a JSON body and give the answer, whatever its status.

    Raises:
        PushError: there is no answer.
    """
    try:
        return await outbound.post_json(url, body, params=params)
    except AimoError as error:
        raise PushError(error.message, PushOutcome.REJECTED) from error
    except OutboundError as error:
        raise PushError(str(error), PushOutcome.UNKNOWN if error.sent else PushOutcome.UNAVAILABLE) from error
