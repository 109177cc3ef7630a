from collections.abc import Sequence
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from aiflow.protocol.constraints import ItemCount, NumberRange
from aiflow.protocol.types import (
    E164,
    Integer,
    LanguageTag,
    NonBlankText,
    Number,
    SingleLineText,
    VocabularyPhrase,
    clean,
)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))

Percent = TypeAdapter[int](Annotated[Integer, NumberRange(0, 100, "%")])
Share = TypeAdapter[float](Annotated[Number, NumberRange(0, 1)])
Pair = TypeAdapter[Sequence[str]](Annotated[Sequence[NonBlankText], ItemCount(1, 2, "texts")])
Setting = TypeAdapter[int](Annotated[int, NumberRange(3600, 31_536_000, "seconds")])


def message_of[T](adapter: TypeAdapter[T], value: object) -> str:
    with pytest.raises(ValidationError) as error:
        adapter.validate_python(value)
    return error.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Hello, world!", "Hello, world!"),
        ("Grüße 👋🏽 — ٤", "Grüße 👋🏽 — ٤"),
        ("one\n\ttwo\r\n", "one\n\ttwo\r\n"),
        ("a\x00b\x08c\x1bd\x7fe\x85f", "abcdef"),
        ("a\ud800b\udfffc", "a\ufffdb\ufffdc"),
        ("a\ufffeb\uffffc", "abc"),
        ("", ""),
    ],
)
def test_clean_removes_control_characters_only(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(ANY_TEXT)
def test_cleaned_text_can_be_encoded_and_is_stable(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned.encode().decode() == cleaned


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("493023125001", "493023125001"),
        ("+493023125001", "493023125001"),
        ("12025550123", "12025550123"),
        ("1202555", "1202555"),
        ("123456789012345", "123456789012345"),
    ],
)
def test_a_phone_number_is_normalized_without_plus(number: str, kept: str) -> None:
    assert TypeAdapter[str](E164).validate_python(number) == kept


@pytest.mark.parametrize(
    "number",
    [
        "493023125001\n",
        "\n493023125001",
        " 493023125001",
        "+ 493023125001",
        "49302312500a",
        "49-30-23125001",
        "tel:+493023125001",
        "٤٩٣٠٢٣١٢٥٠٠١",
        "４９３０２３１２５００１",  # noqa: RUF001 - these are not ASCII digits
        "+",
        "anonymous",
    ],
)
def test_a_number_that_is_not_e164_is_rejected(number: str) -> None:
    assert "E.164" in message_of(TypeAdapter[str](E164), number)


@pytest.mark.parametrize(
    "tag",
    [
        "de",
        "de-DE",
        "DE-de",
        "fil-PH",
        "es-419",
        "zh-Hans-CN",
        "zh-yue-HK",
        "sl-rozaj-biske",
        "de-CH-1996",
        "de-DE-u-co-phonebk",
        "en-US-x-private",
    ],
)
def test_a_well_formed_language_tag_is_unchanged(tag: str) -> None:
    assert TypeAdapter[str](LanguageTag).validate_python(tag) == tag


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "d",
        "de_DE",
        "de-",
        "-DE",
        "de-DE\n",
        "de DE",
        "de-D",
        "de-DE-u",
        "de-x",
        "d\u00e9",
        "\u212aa-DE",
        "de-\u0664\u0664\u0664",
        "de-" + "x" * 9,
        "*",
        None,
        ["de"],
    ],
)
def test_a_malformed_language_tag_is_rejected(tag: object) -> None:
    assert message_of(TypeAdapter[str](LanguageTag), tag) == (
        "must be a well-formed BCP-47 language tag, like de-DE"
    )


def test_a_text_is_cleaned_and_keeps_its_line_breaks() -> None:
    assert (
        TypeAdapter[str](NonBlankText).validate_python(" one\n\x00two\ud800 ") == " one\ntwo\ufffd "
    )


@pytest.mark.parametrize("text", ["", " \n", "\x00\x08", None, 5, ["text"], b"text"])
def test_a_blank_text_is_rejected(text: object) -> None:
    assert message_of(TypeAdapter[str](NonBlankText), text) == "must be a text that is not blank"


@pytest.mark.parametrize("of", [SingleLineText, VocabularyPhrase])
def test_a_single_line_text_has_no_line_breaks(of: type[str]) -> None:
    text = ' "Support\r\nVia: x"\x00 \t(office)\u2028 '
    assert TypeAdapter(of).validate_python(text) == '"Support Via: x" (office)'


@pytest.mark.parametrize(("value", "kept"), [(0, 0), (100, 100), (30.0, 30), (-0.0, 0)])
def test_an_integral_number_becomes_an_integer(value: object, kept: int) -> None:
    read = Percent.validate_python(value)
    assert read == kept
    assert type(read) is int


@pytest.mark.parametrize(
    "value",
    [-1, 101, 0.5, 1e300, float("nan"), float("inf"), 10**400, True, "5", None, [5], 5j],
)
def test_an_invalid_integer_has_one_message_for_type_and_range(value: object) -> None:
    assert message_of(Percent, value) == "must be a whole number from 0 to 100 %"


@pytest.mark.parametrize(
    "value", [-0.1, 1.1, float("nan"), float("-inf"), 10**400, False, "0.5", None]
)
def test_an_invalid_number_has_one_message_for_type_and_range(value: object) -> None:
    assert message_of(Share, value) == "must be a number from 0 to 1"


def test_a_range_without_maximum_rejects_infinity() -> None:
    seconds = TypeAdapter[float](Annotated[Number, NumberRange(0, unit="seconds")])
    assert seconds.validate_python(1e9) == 1e9
    for endless in (float("inf"), float("nan"), 10**400):
        assert message_of(seconds, endless) == "must be a number of at least 0 seconds"


def test_a_range_of_a_lenient_type_accepts_numeric_strings() -> None:
    assert Setting.validate_python("86400") == 86_400
    assert message_of(Setting, "60") == "must be a whole number from 3600 to 31536000 seconds"
    assert message_of(Setting, "soon") == "must be a whole number from 3600 to 31536000 seconds"


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b")])
def test_items_become_a_tuple(value: object) -> None:
    assert Pair.validate_python(value) == ("a", "b")


@pytest.mark.parametrize("value", [[], ["a", "b", "c"], "ab", {"a": "b"}, {"a", "b"}, None, 2])
def test_a_list_of_the_wrong_length_is_rejected(value: object) -> None:
    assert message_of(Pair, value) == "must be a list of 1 to 2 texts"


def test_an_invalid_item_is_reported_with_its_index() -> None:
    with pytest.raises(ValidationError) as error:
        Pair.validate_python(["a", " "])
    assert error.value.errors()[0]["loc"] == (1,)
