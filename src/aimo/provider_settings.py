"""Settings of the providers that AIMO asks: models, recognition, push services, releases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from aimo.setting_types import AnyCase, HttpUrl, OnlyTrue, UnlessFalse


class ProviderSettings(BaseSettings):
    """What can be configured of providers; a part of `aimo.config.Settings`."""

    embedder: Annotated[Literal["openai", "local"], AnyCase] | None = Field(
        None,
        description="Who makes embeddings; `openai` when `OPENAI_API_KEY` is set, else `local` (offline).",
    )
    openai_api_key: SecretStr = Field(SecretStr(""), description="Key for chat and embeddings.")
    openai_base_url: HttpUrl = Field(
        "https://api.openai.com/v1", description="Base URL of an OpenAI-compatible provider."
    )
    openai_model: str = Field("gpt-4o-mini", description="Chat model.")
    openai_embedding_model: str = Field("text-embedding-3-small", description="Embedding model; part of the cache key.")
    openai_embedding_dimensions: int = Field(
        1536, ge=1, le=65536, description="Length of the embeddings; part of the cache key."
    )
    multimodal_embedding_enabled: OnlyTrue = Field(False, description="`true` embeds images and videos.")
    multimodal_embedding_model: str = Field("qwen3-vl-embedding", description="Model for images and videos.")
    multimodal_embedding_dimension: int = Field(
        1024, ge=1, le=65536, description="Its dimension; the model's default when not allowed."
    )
    multimodal_embedding_output_type: str = Field("dense", description="Its output type.")
    multimodal_embedding_video_fps: float = Field(
        0.5, gt=0, le=1000, allow_inf_nan=False, description="Frames a second taken from videos."
    )
    dashscope_api_key: SecretStr = Field(
        SecretStr(""), description="Key for multimodal embeddings; fallback for speech recognition."
    )
    dashscope_base_url: HttpUrl = Field("https://dashscope.aliyuncs.com/api/v1", description="Base URL of DashScope.")
    fun_asr_enabled: UnlessFalse = Field(True, description="`false` switches speech recognition off.")
    fun_asr_model: str = Field("fun-asr", description="Speech model.")
    fun_asr_api_key: SecretStr = Field(
        SecretStr(""), description="Key for speech recognition; `DASHSCOPE_API_KEY` when unset."
    )
    fun_asr_base_url: HttpUrl = Field(
        "https://dashscope.aliyuncs.com/api/v1", description="Base URL of speech recognition."
    )
    ocr_enabled: UnlessFalse = Field(True, description="`false` switches text recognition off.")
    ocr_default_provider: str = Field("zhipu", description="Provider of text recognition.")
    zhipu_api_key: SecretStr = Field(SecretStr(""), description="Key for text recognition.")
    zhipu_ocr_base_url: HttpUrl = Field("https://open.bigmodel.cn/api", description="Base URL of text recognition.")
    meow_base_url: HttpUrl = Field("https://api.chuckfang.com", description="Base URL of MeoW pushes.")
    github_api_url: HttpUrl = Field("https://api.github.com", description="Where app versions are looked up.")
