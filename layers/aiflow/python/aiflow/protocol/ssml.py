"""SSML: escaping, checking, and extracting the spoken text."""

from collections.abc import Callable

from aiflow.errors import SsmlError
from aiflow.protocol.types import clean

__all__ = ["escape", "spoken_text"]

# A table of its own, since `xml.sax.saxutils` imports an HTTP client.
_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"},
)
# Elements that separate words; others, like `emphasis`, may occur inside a word.
_PAUSES = frozenset({"break", "p", "s"})


def escape(text: str) -> str:
    """Escape text for SSML, so that any text is spoken literally."""
    return clean(text).translate(_ENTITIES)


def spoken_text(ssml: str) -> str:
    """Return the text of `ssml` without markup, with white space collapsed.

    Raises:
        SsmlError: The text is not well-formed XML, has a root other than `speak`, or a DOCTYPE.
    """
    words: list[str] = []
    root: list[str] = []

    def start(name: str, _: object) -> None:
        if not root:
            root.append(name)
        end(name)

    def end(name: str) -> None:
        if name in _PAUSES:
            words.append(" ")

    _parse(ssml, start, end, words.append)
    if root != ["speak"]:
        raise SsmlError("must have `speak` as its root element")
    return " ".join("".join(words).split())


def _parse(
    ssml: str,
    start: Callable[[str, object], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    from xml.parsers import expat  # noqa: PLC0415 - imported only by calls that use SSML

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _reject_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(ssml, True)  # noqa: FBT003 - expat has no keyword for it
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset}"
        raise SsmlError(f"must be well-formed XML (see {where})") from None
    except UnicodeEncodeError:
        raise SsmlError("must be well-formed XML (it has a lone surrogate)") from None


def _reject_doctype(*_: object) -> None:
    raise SsmlError("must not have a DOCTYPE or entity declarations")
