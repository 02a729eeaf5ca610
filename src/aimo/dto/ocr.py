"""Text recognition on the wire (docs/contract/ocr.md)."""

from __future__ import annotations

from aimo.dto.base import UNSET, Annotated, Dto, Meta, UnsetType


class OcrBody(Dto):
    """Files whose text is wanted."""

    files: Annotated[
        list[str] | str | None, Meta(description="URL, data URL or base64 text of a file, or a list of these.")
    ] = None
    provider: Annotated[str | None, Meta(description="Who recognizes; the configured provider when absent.")] = None


class OcrOptions(Dto):
    """What may be asked for besides the text."""

    return_crop_images: Annotated[bool | None, Meta(description="Whether pictures are cut out.")] = None
    need_layout_visualization: Annotated[bool | None, Meta(description="Whether the layout is drawn.")] = None
    start_page_id: Annotated[int | None, Meta(description="First page.")] = None
    end_page_id: Annotated[int | None, Meta(description="Last page.")] = None
    request_id: Annotated[str | None, Meta(description="Handed on to the provider.")] = None
    user_id: Annotated[str | None, Meta(description="Handed on to the provider.")] = None


class OcrFullBody(OcrBody):
    """Files whose text and layout are wanted."""

    options: Annotated[OcrOptions | None, Meta(description="What is wanted besides the text.")] = None


class OcrTexts(Dto):
    """The texts of the files."""

    texts: Annotated[list[str], Meta(description="One a file, in their order, as Markdown.")]


class LayoutDetail(Dto):
    """A piece of a page."""

    index: Annotated[object, Meta(description="Its number on the page.")] = UNSET
    label: Annotated[object, Meta(description="What it is, for example `text`.")] = UNSET
    bbox2d: Annotated[object, Meta(description="Left, top, right and bottom.")] = UNSET
    content: Annotated[object, Meta(description="Its text.")] = UNSET
    height: Annotated[object, Meta(description="Height of the page.")] = UNSET
    width: Annotated[object, Meta(description="Width of the page.")] = UNSET


class OcrResult(Dto):
    """Text and layout of a file."""

    index: Annotated[int, Meta(description="Number of the file, from 0.")]
    text: Annotated[str, Meta(description="Its text as Markdown.")]
    original_file: Annotated[str, Meta(description="The file as it was given.")]
    layout_details: Annotated[list[LayoutDetail] | UnsetType, Meta(description="The pieces of its first page.")] = UNSET
    layout_visualization: Annotated[list[str] | UnsetType, Meta(description="Pictures of the layout.")] = UNSET


class OcrResults(Dto):
    """Text and layout of the files."""

    results: Annotated[list[OcrResult], Meta(description="One a file, in their order.")]


class OcrStatus(Dto):
    """Whether text recognition is offered."""

    enabled: Annotated[bool, Meta(description="Whether it is switched on; it also needs a key.")]
    default_provider: Annotated[str, Meta(description="Who recognizes when a request names nobody.")]
    available_providers: Annotated[list[str], Meta(description="Who can recognize.")]


class OcrProviders(Dto):
    """Who can recognize text."""

    providers: Annotated[list[str], Meta(description="Names of the providers.")]
