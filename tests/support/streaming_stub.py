"""The stand-in for AI providers with a chat model that says what a test wrote down."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from . import fake_openai
from .stub import Stub, _Server

Reply = str | int | list[str] | dict[str, Any]


class StreamingStub(Stub):
    """Like `Stub`, but ``say(system, user)`` decides what the chat model replies.

    A text is the reply, a number an HTTP status, an object the whole message, a list the pieces of a
    streamed reply, one each `pause` seconds. `asked` holds the user's part of every prompt; `hung_up` is
    set when a reader of a stream left.
    """

    def __init__(self, say: Callable[[str, str], Reply]) -> None:
        super().__init__()
        self.say = say
        self.asked: list[str] = []
        self.hung_up = threading.Event()
        self.pause = 0.05

    def start(self) -> StreamingStub:
        """Listen."""
        stub = self

        class Handler(fake_openai.Handler):
            state = stub.state

            def chat(self, body: dict[str, Any]) -> None:
                system, user = (fake_openai.message_text(message) for message in body["messages"])
                stub.asked.append(user)
                reply = stub.say(system, user)
                if isinstance(reply, int):
                    raise fake_openai.BadRequest("the test wants this", reply)
                if isinstance(reply, list) and body.get("stream"):
                    self.speak_slowly(reply)
                    return
                message = {"role": "assistant", **(reply if isinstance(reply, dict) else {"content": "".join(reply)})}
                if body.get("stream"):
                    self.chat_stream("chatcmpl-1", "m", message, "stop", None)
                    return
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                self.send_json(
                    {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
                )

            def speak_slowly(self, pieces: list[str]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                try:
                    for piece in pieces:
                        choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
                        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
                        self.wfile.write(b"data: " + json.dumps(chunk | {"choices": [choice]}).encode() + b"\n\n")
                        self.wfile.flush()
                        time.sleep(stub.pause)
                    self.wfile.write(b"data: [DONE]\n\n")
                except OSError:
                    stub.hung_up.set()

        self._server = _Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True, name="stub").start()
        return self
