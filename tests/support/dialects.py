"""How providers speak: a table of what each refuses, how it words that, and how it answers.

Written from the public documentation of the providers and from answers that their users report. A dialect refuses what
the real provider refuses for one of its models, and answers everything else in its own form.
"""

from __future__ import annotations

from typing import Any

from .dialect_rules import (
    Dialect,
    always,
    in_base64,
    no_field,
    no_streams,
    no_system,
    only_temperature_1,
    openai,
    streams_only,
    too_long,
    too_many,
)

THOUGHT = 'The user asks. Perhaps {"tags": ["draft", "wrong"]} or [2]?'

_LONG_PROMPT = (
    "This model's maximum context length is {most} tokens, however you requested {got} tokens ({got} in your prompt; 0 "
    "for the completion). Please reduce your prompt; or completion length."
)
_ONE_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) value is supported."
)
_DASHSCOPE = "<400> InternalError.Algo.InvalidParameter: "
_TEI_LONG = "Input validation error: `inputs` must have less than {most} tokens. Given: {got}"
_LM_STUDIO_LONG = (
    "Trying to keep the first {got} tokens when context the overflows. However, the model is loaded with context "
    "length of only {most} tokens, which is not enough."
)
_VLLM_LONG = (
    "This model's maximum context length is {most} tokens. However, you requested {got} tokens in the input for "
    "embedding generation. Please reduce the length of the input."
)
_VLLM_DIMENSIONS = (
    'Model "BAAI/bge-m3" does not support matryoshka representation, changing output dimensions will lead to poor '
    "results."
)
_LLAMA_LONG = (
    "input ({got} tokens) is too large to process. increase the physical batch size (current batch size: {most})"
)
_OPENROUTER_RAW = '{"error":{"message":"Developer instruction is not enabled for models/gemma-3-27b-it"}}'
_AZURE_FIRST = '{"id":"","object":"","created":0,"model":"","prompt_filter_results":[{"prompt_index":0}],"choices":[]}'
_AZURE_LAST = '{"id":"","object":"","choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{}}]}'


def _zhipu(code: str, message: str) -> Any:
    return {"error": {"code": code, "message": message}}


def _siliconflow(message: str) -> Any:
    return {"code": 20042, "message": message, "data": None}


def _gemini(message: str) -> Any:
    return [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}]


def _vllm(message: str) -> Any:
    return {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}


def _llama(message: str) -> Any:
    return {"error": {"code": 500, "message": message, "type": "server_error"}}


def _tei(message: str) -> Any:
    return {"error": message, "error_type": "Validation"}


def _thinking(text: str) -> str:
    return f"<think>\n{THOUGHT}\n</think>\n\n{text}"


def _channels(text: str) -> str:
    final = "<|end|><|start|>assistant<|channel|>final<|message|>"
    return f"<|channel|>analysis<|message|>{THOUGHT}{final}{text}<|return|>"


PROVIDERS: dict[str, Dialect] = {
    "openai": Dialect(
        (too_long(8192, 400, _LONG_PROMPT),),
        (
            only_temperature_1(_ONE_TEMPERATURE, param="temperature", code="unsupported_value"),
            no_streams("Your organization must be verified to stream this model.", param="stream"),
        ),
        extra={"refusal": None},
    ),
    "azure": Dialect(
        (too_long(8192, 400, _LONG_PROMPT),),
        (only_temperature_1("Unsupported parameter: 'temperature' is not supported with this model."),),
        before=(f"data: {_AZURE_FIRST}",),
        after=(f"data: {_AZURE_LAST}",),
    ),
    "deepseek": Dialect((always(404, ""),), extra={"reasoning_content": THOUGHT}, before=(": keep-alive",)),
    "dashscope": Dialect(
        (
            too_many(
                10,
                400,
                _DASHSCOPE + "Value error, batch size is invalid, it should not be larger than {most}.: input.contents",
            ),
            too_long(8192, 400, _DASHSCOPE + "Range of input length should be [1, {most}]"),
        ),
        (streams_only("parameter.enable_thinking must be set to false for non-streaming calls"),),
        extra={"reasoning_content": THOUGHT},
    ),
    "zhipu": Dialect(
        (
            too_many(64, 400, "input数组最大不得超过{most}条", lambda message: _zhipu("1214", message)),
            too_long(3072, 400, "input参数过长，请检查文档", lambda message: _zhipu("1210", message)),
        ),
        content=_thinking,
    ),
    "moonshot": Dialect(
        (always(404, openai("Not found the API")),),
        (only_temperature_1("invalid temperature: only 1 is allowed for this model"),),
        extra={"reasoning_content": THOUGHT},
    ),
    "siliconflow": Dialect(
        (
            no_field(
                "dimensions", 400, {"code": 20015, "message": "The parameter is invalid. dimensions", "data": None}
            ),
            too_many(32, 413, "input batch size {got} > maximum allowed batch size {most}", _siliconflow),
            too_long(512, 413, "input must have less than {most} tokens", _siliconflow),
        ),
        extra={"reasoning_content": THOUGHT},
    ),
    "openrouter": Dialect(
        chat_rules=(
            no_system(
                400,
                {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": _OPENROUTER_RAW}}},
            ),
        ),
        extra={"reasoning": THOUGHT, "reasoning_details": [{"type": "reasoning.text", "text": THOUGHT}]},
        before=(": OPENROUTER PROCESSING", ": OPENROUTER PROCESSING"),
    ),
    "gemini": Dialect(
        (
            no_field("encoding_format", 400, _gemini('Invalid JSON payload received. Unknown name "encoding_format"')),
            too_many(
                100, 400, "* BatchEmbedContentsRequest.requests: at most {most} requests can be in one batch\n", _gemini
            ),
        ),
        vector=in_base64,
        index=lambda at: {},
        content=lambda text: f"<thought>{THOUGHT}</thought>{text}",
    ),
    "ollama": Dialect(
        (
            too_long(
                256, 400, "the input length exceeds the context length", lambda said: openai(said, type="api_error")
            ),
        ),
        content=_thinking,
        extra={"reasoning": THOUGHT},
    ),
    "lmstudio": Dialect(
        (too_long(512, 200, _LM_STUDIO_LONG, lambda message: {"error": message}),),
        (
            no_system(
                400,
                {"error": "Error rendering prompt: Conversation roles must alternate user/assistant"},
            ),
        ),
        content=lambda text: f"{THOUGHT}\n</think>\n\n{text}",
    ),
    "vllm": Dialect(
        (no_field("dimensions", 400, _vllm(_VLLM_DIMENSIONS)), too_long(8192, 400, _VLLM_LONG, _vllm)),
        extra={"reasoning_content": None},
        content=_channels,
    ),
    "llamacpp": Dialect(
        (too_long(512, 500, _LLAMA_LONG, _llama),),
        (no_system(500, _llama("Jinja Exception: System role not supported")),),
        extra={"reasoning_content": THOUGHT},
        says_done=False,
    ),
    "tei": Dialect(
        (
            too_many(32, 422, "batch size {got} > maximum allowed batch size {most}", _tei),
            too_long(512, 413, _TEI_LONG, _tei),
        ),
        (always(404, ""),),
    ),
}

WITHOUT_EMBEDDINGS = frozenset({"deepseek", "moonshot"})
WITHOUT_CHAT = frozenset({"tei"})
