import pytest

from aimo.vectors.hashes import (
    MultimodalContent,
    content_hash,
    js_number,
    multimodal_dimension,
    multimodal_model_hash,
    text_model_hash,
)


@pytest.mark.parametrize(
    ("model", "dimension", "digest"),
    [
        ("text-embedding-3-small", 1536, "3e44b648974ce0560fafe08c7872bebc1307dd2cee18247d094de4727fda2395"),
        ("text-embedding-3-small", 8, "89380f81374c0f9a9138b3be6c3cde15615669bed375f1a0258e2e10dcbda494"),
    ],
)
def test_text_models_hash_as_in_existing_databases(model: str, dimension: int, digest: str) -> None:
    assert text_model_hash(model, dimension) == digest


# All but the first were printed by Node.
@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("hello world", "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
        ("a\ud83db", "05087813392efc16fe8ff448920c6328e53af865df39419436659d9ffda90f7b"),
        ("\ud83d\ude00", "f0443a342c5ef54783a111b51ba56c938e474c32324d90c3a60c9c8e3a37e2d9"),
        ("x\udc00\ud800", "a7609f0eff3359d8744910014f4d8a3886f560a7622352ac2f5d1461803ed8c4"),
    ],
)
def test_texts_hash_as_node_does_even_with_lone_surrogates(text: str, digest: str) -> None:
    assert content_hash(text) == digest


def test_a_surrogate_pair_is_the_character_it_stands_for() -> None:
    assert content_hash("\ud83d\ude00") == content_hash("😀")


def test_texts_hash_exactly_as_received() -> None:
    assert len({content_hash(text) for text in ("é", "e\u0301", "É", " é", "é\n")}) == 5


def test_the_default_multimodal_model_hashes_as_documented() -> None:
    digest = "8361fd3a627b4f32d69638f181ab6928d2254614d3ce81be3b2dc784bd2c3477"
    assert multimodal_model_hash("qwen3-vl-embedding", "dense", 1024, 0.5) == digest


@pytest.mark.parametrize(
    ("model", "configured", "sent"),
    [
        ("qwen3-vl-embedding", 768, 768),
        ("qwen3-vl-embedding", 1000, 2560),
        ("qwen2.5-vl-embedding", 2560, 1024),
        ("tongyi-embedding-vision-plus", 1152, 1152),
        ("tongyi-embedding-vision-plus", 1536, 1152),
        ("tongyi-embedding-vision-flash", 1024, 768),
        ("multimodal-embedding-v1", 1024, None),
        ("a-model-nobody-knows", 512, None),
    ],
)
def test_only_allowed_dimensions_are_asked_for(model: str, configured: int, sent: int | None) -> None:
    assert multimodal_dimension(model, configured) == sent


def test_a_model_without_dimensions_hashes_without_one() -> None:
    hashes = {multimodal_model_hash("multimodal-embedding-v1", "dense", dimension, 0.5) for dimension in (512, 1024)}
    assert len(hashes) == 1


# Printed by Node's JSON.stringify.
@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.5, "0.5"),
        (1, "1"),
        (1.0, "1"),
        (30, "30"),
        (0, "0"),
        (0.1, "0.1"),
        (29.97, "29.97"),
        (0.30000000000000004, "0.30000000000000004"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (123456789012345680000, "123456789012345680000"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (0.000001234, "0.000001234"),
        (5e-324, "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (-2.5, "-2.5"),
    ],
)
def test_numbers_print_as_in_javascript(value: float, printed: str) -> None:
    assert js_number(value) == printed


def test_multimodal_contents_hash_as_node_prints_them() -> None:
    content = MultimodalContent(text='a\ud83d\u2028\u0007"é')
    assert content.hash == "6846fd9aad0829252ed5691165b906974806bd20d5fe627bd83f3b71ec30c229"


def test_empty_parts_of_a_content_do_not_count() -> None:
    assert MultimodalContent(text="t", image="", multi_images=("", "")).hash == MultimodalContent(text="t").hash
    assert MultimodalContent(multi_images=("a", "", "b")).hash == MultimodalContent(multi_images=("a", "b")).hash
    assert MultimodalContent(multi_images=("a", "b")).hash != MultimodalContent(multi_images=("b", "a")).hash


@pytest.mark.parametrize(
    ("content", "modality"),
    [
        (MultimodalContent(text="t"), "text"),
        (MultimodalContent(image="i"), "image"),
        (MultimodalContent(video="v"), "video"),
        (MultimodalContent(multi_images=("a", "b")), "multi_images"),
        (MultimodalContent(text="t", image="i"), "vl"),
        (MultimodalContent(text="t", image="i", asked_modality="image"), "image"),
    ],
)
def test_the_modality_follows_from_what_is_there_unless_given(content: MultimodalContent, modality: str) -> None:
    assert content.modality == modality
