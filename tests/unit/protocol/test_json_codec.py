import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.errors import InvalidEvent
from aiflow.protocol import json_codec

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_encoding_and_decoding_preserves_a_value(value: object) -> None:
    assert json_codec.decode(json_codec.encode(value)) == value


@given(JSON)
def test_encoded_json_is_ascii_without_surrounding_white_space(value: object) -> None:
    text = json_codec.encode({"key": value})
    assert text.isascii()
    assert text.startswith('{"key":')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \r\n\t ", "empty"),
        ("{", "bad_json"),
        ("{'type': 1}", "bad_json"),
        ('{"type": "a",}', "bad_json"),
        ('{"type": "a"} {}', "bad_json"),
        ('"a\x00b"', "bad_json"),
        ("\ufeff{}", "bad_encoding"),
        ("[" * 100_000 + "]" * 100_000, "too_deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "too_deep"),
        ("9" * 5_000, "bad_number"),
        ("-" + "9" * 5_000, "bad_number"),
        ("NaN", "bad_number"),
        ("[-Infinity]", "bad_number"),
        ("1e400", "bad_number"),
        ("-1e400", "bad_number"),
        ('{"type": "a", "type": "b"}', "dup_key"),
        ('{"session": {"id": "a", "\\u0069d": "b"}}', "dup_key"),
    ],
)
def test_invalid_json_is_rejected_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        json_codec.decode(text)
    assert error.value.reason == reason


def test_the_error_has_the_position_and_quotes_nothing() -> None:
    with pytest.raises(InvalidEvent) as error:
        json_codec.decode('{"text": "my secret",\n "more": }')
    assert "line 2, column 10" in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("text", ["[]", "null", "1", '"text"', "true"])
def test_an_event_must_be_an_object(text: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        json_codec.decode_object(text)
    assert error.value.reason == "not_object"


def test_surrounding_white_space_is_accepted() -> None:
    assert json_codec.decode_object(' \n{"a": [1, 2.5, null]}\n') == {"a": [1, 2.5, None]}


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert json_codec.decode(json.dumps("😀")) == "😀"


@pytest.mark.parametrize("value", [{1, 2}, object(), Decimal(1), {("a",): 1}, b"bytes"])
def test_values_that_are_not_json_cannot_be_encoded(value: object) -> None:
    with pytest.raises(TypeError):
        json_codec.encode(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_nan_and_infinity_cannot_be_encoded(value: object) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_codec.encode(value)
