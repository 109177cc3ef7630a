"""SSML: the markup of a `speak` action, checked before it leaves."""

from collections.abc import Callable

from aiflow.errors import SsmlError
from aiflow.protocol.types import clean

__all__ = ["escape", "spoken_text"]

# Not from `xml.sax.saxutils` or `html`: the former brings an HTTP client along.
_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"},
)
# Elements that part words. Any other, like `emphasis`, may stand inside of one.
_PAUSES = frozenset({"break", "p", "s"})


def escape(text: str) -> str:
    """Return `text` so that SSML speaks it as text, whatever a caller or a model put into it."""
    return clean(text).translate(_ENTITIES)


def spoken_text(ssml: str) -> str:
    """Return the words of `ssml` without its markup, white space folded.

    Raises:
        SsmlError: it is not well-formed XML, its root is not `speak`, or it has a document type.
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
    # Not at start-up: most calls have no markup.
    from xml.parsers import expat  # noqa: PLC0415 - see above

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        parser.Parse(ssml, True)  # noqa: FBT003 - expat takes its end mark by position only
    except expat.ExpatError as error:
        where = f"line {error.lineno}, column {error.offset}"
        raise SsmlError(f"must be well-formed XML (see {where})") from None
    except UnicodeEncodeError:
        raise SsmlError("must be well-formed XML (it holds a lone surrogate)") from None


def _refuse_document_type(*_: object) -> None:
    raise SsmlError("must not have a document type or entities of its own")
