"""Settings of what one user may use: storage, and calls to providers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

PerHour = Annotated[int, Field(ge=0, le=1_000_000_000)]


class UserLimitSettings(BaseSettings):
    """What can be configured of users' limits; a part of `aimo.config.Settings`."""

    user_storage_quota: int = Field(
        0, ge=0, le=1 << 60, description="Most bytes of all files of a user together; `0` sets no limit."
    )
    user_explore_per_hour: PerHour = Field(
        200,
        description="Questions to the chat model a user may ask within an hour; `0` sets no limit.",
    )
    user_tags_per_hour: PerHour = Field(
        600,
        description="Tag suggestions of the chat model a user may get within an hour; `0` sets no limit.",
    )
    user_reviews_per_hour: PerHour = Field(
        600,
        description="Review questions and grades of a chat model a user may get within an hour; `0` sets no limit.",
    )
    user_own_models_per_hour: PerHour = Field(
        1000,
        description="Questions, tags and reviews that a user may have models of their own answer within an hour, "
        "which count here alone; `0` sets no limit.",
    )
    user_ocr_per_hour: PerHour = Field(
        600,
        description="Files a user may have text recognized in within an hour; `0` sets no limit.",
    )
    user_asr_per_hour: PerHour = Field(
        300,
        description="Recordings a user may have speech recognized in within an hour; `0` sets no limit.",
    )
    user_pictures_per_hour: PerHour = Field(
        2000,
        description="Pictures and videos a user may upload within an hour while they are embedded; `0` sets no limit.",
    )
