"""Session records, and texts and ids that are hard to store."""

import unicodedata

from hypothesis import strategies as st

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.record import ProcessedEvent, SessionRecord, Status
from tests.helpers.runtime import NOW

EXPIRES_AT = int(NOW) + 3600

ODD_TEXTS = (
    'quotes " and \\ and \' and {"pk": "call"}',
    "line\nbreak\r\n\ttab\u2028\u2029",
    "nul \x00 and escape \x1b[31m and delete \x7f",
    "👩‍👩‍👧‍👦 \U0001d518 \U0010ffff \ue000",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd",
    unicodedata.normalize("NFD", "Å é ü"),
    unicodedata.normalize("NFC", "Å é ü"),
    "{{session_id}} $ref #pk :now <speak>&amp;</speak>",
    "null",
    "\uff11\uff12 \u0663\u0664",
    " leading and trailing ",
)

ODD_STATE: dict[str, JsonValue] = {
    "": "an empty key",
    "pk": "a key of the table",
    "ключ 🗝️": list(ODD_TEXTS),
    "floats": [0.1, -0.0, 1e308, 5e-324, 1 / 3, 3.0],
    "numbers": [0, -1, 2**63, 10**60, -(10**200)],
    "nothing": [None, True, False, "", [], {}],
    "nested": {"a": [{"b": [{"c": [{"d": [{"e": [[[[[[[[["deep"]]]]]]]]]}]}]}]}]},
}

ODD_IDS = (
    *("a", "A", " a", "a ", "a\u200b", "ａ", "а"),  # noqa: RUF001 - look-alikes are the point
    *("#", "a#", "#a", "a#call", "call", "call#", "turns#", "turns#00000000-00000021"),
    *(unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é"), "\u212b", "\u00c5"),
    *("🤖" * 256, "🤖" * 255, "🤖" * 255 + "🦾", "x" * 256, "x" * 255),
    *("0", "00", "-0", "null", "None", "true", "{{session_id}}", "../a", "a/../a", "*", "%", "?"),
    *("' OR ''='", ":pk", "\u202ea", "\ufeffa", "\u00a0", "\ue000", "\U0010ffff"),
)
"""Valid session ids that are easily mistaken for each other, or for keys of the table."""

session_ids = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=256
) | st.sampled_from(ODD_IDS)
"""Any valid session id."""

json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

states = st.dictionaries(st.text(), json_values, max_size=5)
"""Any valid state of a handler."""


def _repeated(unit: str, length: int) -> str:
    return (unit * length)[:length]


hostile_texts = st.one_of(
    st.text(),
    st.sampled_from(ODD_TEXTS),
    # Characters that grow in JSON or UTF-8, and long texts.
    st.builds(
        _repeated,
        st.sampled_from(['"', "\\", "\n", "\x01", "\x7f", "é", "€", "🤖", "👩‍👩‍👧‍👦", "word "]),
        st.sampled_from([1, 100, 1_333, 2_000, 3_999, 4_000, 4_001, 50_000]),
    ),
)
"""Texts of callers and handlers, including extreme ones."""


def full_record(session_id: str) -> SessionRecord:
    """Return an uncommitted record with an unusual value in every member."""
    return SessionRecord(
        session_id=session_id,
        status=Status.TRANSFERRING,
        started=True,
        session={"account_id": "a1", "phone_number": "+493023125001", "direction": "inbound"},
        state=ODD_STATE,
        processed_events=(
            ProcessedEvent("0123456789abcdef", 1_800_000_000_123, (action("speak", text="é"),)),
            ProcessedEvent("fedcba9876543210", 1_800_000_000_456, ()),
            ProcessedEvent("00000000ffffffff", 1_800_000_000_789, None),
        ),
        billable_keys=("send_sms:0123456789abcdef", "transfer:0123456789abcdef"),
        deferred_actions=(action("hangup", session_id=session_id), action("speak", ssml="🤖")),
        open_playbacks=3,
        playback_end_ms=1_800_000_120_000,
        connection_id="JKJaXmPLvHcESHA=",
        stream_owner="8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        first_event_at_ms=1_800_000_000_000,
        caller_turns=41,
        sms_sent=2,
        transfers_made=1,
        closing=True,
        consecutive_failures=2,
        interruptions=3,
        input_timeouts=4,
        committed_at_ms=1_800_000_123_456,
    ).with_turn("user", "ä " * 50)


def action(name: str, **members: JsonValue) -> JsonObject:
    """Return an action in its stored form."""
    return {"type": name, **members}


def talk(item: SessionRecord, *texts: str) -> SessionRecord:
    """Return the record with turns of the caller and the agent, who alternate."""
    for number, text in enumerate(texts):
        item = item.with_turn("assistant" if number % 2 else "user", text)
    return item


def stored_bytes(item: SessionRecord) -> int:
    """Return the size of a stored item as DynamoDB counts it: names and values in UTF-8."""
    attributes: dict[str, str | int] = {
        "pk": item.session_id,
        "sk": "call",
        "open_call": "1",
        **to_attributes(item),
    }
    return sum(len(f"{name}{value}".encode()) for name, value in attributes.items())
