"""Chooses the outside services and the embedder by the settings."""

from __future__ import annotations

from dataclasses import dataclass

from aimo.ai.asr import SpeechRecognizer
from aimo.ai.chat import ChatModel
from aimo.ai.dashscope import DashScopeEmbedder
from aimo.ai.embedder import Embedder
from aimo.ai.fun_asr import FunAsr
from aimo.ai.local_embedder import LocalEmbedder
from aimo.ai.multimodal import MultimodalEmbedder
from aimo.ai.ocr import TextRecognizer
from aimo.ai.zhipu_ocr import ZhipuOcr
from aimo.config import Settings
from aimo.services.operations.app_versions import AppVersionService


@dataclass(frozen=True)
class Providers:
    """The outside services below the services; None for what is not configured."""

    chat: ChatModel | None
    ocr: TextRecognizer | None
    asr: SpeechRecognizer | None
    pictures: MultimodalEmbedder | None
    app_versions: AppVersionService

    async def close(self) -> None:
        """Release all connections."""
        for each in (self.chat, self.ocr, self.asr, self.pictures, self.app_versions):
            if each is not None:
                await each.close()


def create_providers(settings: Settings) -> Providers:
    """Return the configured outside services; all that needs a key is None without one."""
    ocr_key = settings.zhipu_api_key.get_secret_value()
    asr_key = settings.fun_asr_api_key.get_secret_value() or settings.dashscope_api_key.get_secret_value()
    asr_offered = settings.fun_asr_enabled and asr_key and settings.fun_asr_base_url and settings.fun_asr_model
    return Providers(
        chat=create_chat(settings),
        ocr=ZhipuOcr(settings.zhipu_ocr_base_url, ocr_key) if ocr_key else None,
        asr=FunAsr(settings.fun_asr_base_url, asr_key, settings.fun_asr_model, settings.zone) if asr_offered else None,
        pictures=create_multimodal_embedder(settings),
        app_versions=AppVersionService(settings.github_api_url),
    )


def create_embedder(settings: Settings) -> Embedder:
    """Return the configured embedder (docs/decisions/25-settings-and-production.md)."""
    if settings.embedder_kind == "local":
        return LocalEmbedder()
    # Importing the SDK takes a second, which an offline installation need not wait for.
    from aimo.ai.openai_embedder import OpenAIEmbedder

    return OpenAIEmbedder(
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
        settings.openai_embedding_model,
        settings.openai_embedding_dimensions,
    )


def create_chat(settings: Settings) -> ChatModel | None:
    """Return the configured chat model; None without a key."""
    key = settings.openai_api_key.get_secret_value()
    if not key:
        return None
    from aimo.ai.openai_chat import OpenAIChat

    return OpenAIChat(settings.openai_base_url, key, settings.openai_model)


def create_multimodal_embedder(settings: Settings) -> MultimodalEmbedder | None:
    """Return who embeds pictures and videos; None while that is switched off."""
    if not settings.multimodal_embedding_enabled:
        return None
    return DashScopeEmbedder(
        settings.dashscope_base_url,
        settings.dashscope_api_key.get_secret_value(),
        settings.multimodal_embedding_model,
        dimension=settings.multimodal_embedding_dimension,
        output_type=settings.multimodal_embedding_output_type,
        fps=settings.multimodal_embedding_video_fps,
    )
