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
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(value)
    return refused.value.errors()[0]["msg"]


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
def test_cleaning_takes_out_what_no_store_takes_and_leaves_the_rest(
    text: str, cleaned: str
) -> None:
    assert clean(text) == cleaned


@given(ANY_TEXT)
def test_cleaned_text_is_utf_8_and_clean(text: str) -> None:
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
def test_a_phone_number_is_kept_without_its_plus(number: str, kept: str) -> None:
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
def test_what_is_not_e164_to_the_letter_is_no_phone_number(number: str) -> None:
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
def test_a_well_formed_language_tag_is_kept_as_it_is(tag: str) -> None:
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
def test_a_language_tag_that_is_not_well_formed_is_refused(tag: object) -> None:
    assert message_of(TypeAdapter[str](LanguageTag), tag) == (
        "must be a well-formed BCP-47 language tag, like de-DE"
    )


def test_words_are_cleaned_and_keep_their_lines() -> None:
    assert (
        TypeAdapter[str](NonBlankText).validate_python(" one\n\x00two\ud800 ") == " one\ntwo\ufffd "
    )


@pytest.mark.parametrize("text", ["", " \n", "\x00\x08", None, 5, ["text"], b"text"])
def test_words_are_text_that_says_something(text: object) -> None:
    assert message_of(TypeAdapter[str](NonBlankText), text) == "must be a text that is not blank"


@pytest.mark.parametrize("of", [SingleLineText, VocabularyPhrase])
def test_a_name_stays_on_one_line(of: type[str]) -> None:
    text = ' "Support\r\nVia: x"\x00 \t(office)\u2028 '
    assert TypeAdapter(of).validate_python(text) == '"Support Via: x" (office)'


@pytest.mark.parametrize(("value", "kept"), [(0, 0), (100, 100), (30.0, 30), (-0.0, 0)])
def test_a_whole_number_is_kept_as_an_integer(value: object, kept: int) -> None:
    read = Percent.validate_python(value)
    assert read == kept
    assert type(read) is int


@pytest.mark.parametrize(
    "value",
    [-1, 101, 0.5, 1e300, float("nan"), float("inf"), 10**400, True, "5", None, [5], 5j],
)
def test_a_whole_number_out_of_its_range_or_of_another_kind_gets_one_message(value: object) -> None:
    assert message_of(Percent, value) == "must be a whole number from 0 to 100 %"


@pytest.mark.parametrize(
    "value", [-0.1, 1.1, float("nan"), float("-inf"), 10**400, False, "0.5", None]
)
def test_a_number_out_of_its_range_or_of_another_kind_gets_one_message(value: object) -> None:
    assert message_of(Share, value) == "must be a number from 0 to 1"


def test_a_number_may_be_open_at_the_top_but_not_without_end() -> None:
    seconds = TypeAdapter[float](Annotated[Number, NumberRange(0, unit="seconds")])
    assert seconds.validate_python(1e9) == 1e9
    for endless in (float("inf"), float("nan"), 10**400):
        assert message_of(seconds, endless) == "must be a number of at least 0 seconds"


def test_a_range_around_a_lenient_type_reads_texts_as_the_environment_has_them() -> None:
    assert Setting.validate_python("86400") == 86_400
    assert message_of(Setting, "60") == "must be a whole number from 3600 to 31536000 seconds"
    assert message_of(Setting, "soon") == "must be a whole number from 3600 to 31536000 seconds"


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b")])
def test_items_are_kept_as_a_tuple(value: object) -> None:
    assert Pair.validate_python(value) == ("a", "b")


@pytest.mark.parametrize("value", [[], ["a", "b", "c"], "ab", {"a": "b"}, {"a", "b"}, None, 2])
def test_items_are_a_list_of_the_right_length(value: object) -> None:
    assert message_of(Pair, value) == "must be a list of 1 to 2 texts"


def test_the_wrong_item_is_named_by_its_place() -> None:
    with pytest.raises(ValidationError) as refused:
        Pair.validate_python(["a", " "])
    assert refused.value.errors()[0]["loc"] == (1,)
