import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.errors import SsmlError
from aiflow.protocol.ssml import escape, spoken_text
from aiflow.protocol.types import clean

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("ssml", "words"),
    [
        ("<speak>Hello</speak>", "Hello"),
        ("<speak/>", ""),
        ("<speak>  Hello\n <emphasis>my</emphasis> friend </speak>", "Hello my friend"),
        ("<speak>un<emphasis>believ</emphasis>able</speak>", "unbelievable"),
        ("<speak><p>One</p><p>Two</p><s>Three</s></speak>", "One Two Three"),
        ("<speak><p>One</p>two</speak>", "One two"),
        ('<speak>One<break time="1s"/>two</speak>', "One two"),
        ("<speak>A &amp; B &lt; C &#228;</speak>", "A & B < C ä"),
        ("<speak><![CDATA[<b>]]></speak>", "<b>"),
        ("<speak>Hello<!-- not this --><?nor this?></speak>", "Hello"),
        ('<?xml version="1.0" encoding="UTF-8"?><speak>ä</speak>', "ä"),
        (
            (
                '<speak version="1.0" xml:lang="de-DE" xmlns="http://www.w3.org/2001/10/synthesis" '
                'xmlns:mstts="https://www.w3.org/2001/mstts"><voice name="de-DE-KatjaNeural">'
                '<mstts:express-as style="cheerful">Hallo</mstts:express-as></voice></speak>'
            ),
            "Hallo",
        ),
    ],
)
def test_the_spoken_text_is_the_ssml_without_markup(ssml: str, words: str) -> None:
    assert spoken_text(ssml) == words


@pytest.mark.parametrize(
    ("ssml", "message"),
    [
        ("", "must be well-formed XML (see line 1, column 0)"),
        ("Hello", "must be well-formed XML"),
        ("<speak>Hello", "must be well-formed XML"),
        ("<speak>\n<b>Hello</speak>", "line 2, column"),
        ("<speak>A & B</speak>", "must be well-formed XML"),
        ("<speak>&nbsp;</speak>", "must be well-formed XML"),
        ("<speak a='1' a='2'/>", "must be well-formed XML"),
        ("<speak/><speak/>", "must be well-formed XML"),
        (' <?xml version="1.0"?><speak/>', "must be well-formed XML"),
        ("<speak>\x00</speak>", "must be well-formed XML"),
        ("<speak>\x08</speak>", "must be well-formed XML"),
        ("<speak>&#0;</speak>", "must be well-formed XML"),
        ("<speak>\uffff</speak>", "must be well-formed XML"),
        ("<speak>\ud800</speak>", "lone surrogate"),
        ("<voice>Hello</voice>", "`speak` as its root"),
        ("<Speak>Hello</Speak>", "`speak` as its root"),
        ("<ssml:speak xmlns:ssml='http://www.w3.org/2001/10/synthesis'/>", "`speak` as its root"),
        ("<!DOCTYPE speak><speak/>", "DOCTYPE"),
        ("<!DOCTYPE speak SYSTEM 'file:///etc/hostname'><speak/>", "DOCTYPE"),
        ("<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>", "DOCTYPE"),
    ],
)
def test_malformed_ssml_is_rejected(ssml: str, message: str) -> None:
    with pytest.raises(SsmlError) as error:
        spoken_text(ssml)
    assert message in str(error.value)


def test_the_error_does_not_quote_the_text() -> None:
    with pytest.raises(SsmlError) as error:
        spoken_text("<speak>secret & more</secret>")
    assert "secret" not in str(error.value)


def test_deeply_nested_ssml_is_parsed() -> None:
    assert spoken_text("<speak>" + "<p>" * 100_000 + "x" + "</p>" * 100_000 + "</speak>") == "x"


@given(ANY_TEXT)
def test_escaped_text_is_spoken_literally(text: str) -> None:
    ssml = f'<speak><voice name="{escape(text)}">{escape(text)}</voice></speak>'
    assert spoken_text(ssml) == " ".join(clean(text).split())


def test_escaped_text_contains_no_markup() -> None:
    assert escape("""</speak>"'&""") == "&lt;/speak&gt;&quot;&apos;&amp;"
