"""Requests that must be rejected, with the expected status and reason."""

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.helpers.runtime import Body, Header

EVENT = {"type": "user_speak", "text": "Hello", "session": {"id": "session-123"}}
TEXT = json.dumps(EVENT)
LIMIT = 256 * 1024


class BadBody(NamedTuple):
    """A request that must be rejected.

    Attributes:
        name: of the case.
        body: text, or bytes that arrive as base64.
        status: of the response.
        reason: in its log line.
        headers: in addition to the usual ones.
        method: of the request.
        members: of the envelope to replace.
    """

    name: str
    body: Body
    status: int
    reason: str
    headers: Mapping[str, Header] = {}
    method: str = "POST"
    members: Mapping[str, Any] = {}


def bad_bodies() -> list[BadBody]:
    """Return all bad requests."""
    return [
        *_nothing(),
        *_no_json(),
        *_no_numbers(),
        *_repeated_keys(),
        *_too_deep(),
        *_no_utf8(),
        *_no_objects(),
        *_no_types(),
        *_no_sessions(),
        *_too_large(),
        *_other_content(),
        *_other_methods(),
    ]


def wrong_sessions() -> dict[str, object]:
    """Return invalid values of `session`, by name; `...` means that it is absent."""
    control = {
        f"control {ord(c):02x}": {"id": f"a{c}b"} for c in "\0\t\n\r\x1b\x1f\x7f\x80\x85\x9f"
    }
    return {
        "no session": ...,
        "session null": None,
        "session text": "session-123",
        "session number": 123,
        "session true": True,
        "session array": ["session-123"],
        "session array of pairs": [["id", "session-123"]],
        "session empty": {},
        "id under another name": {"session_id": "session-123"},
        "id in capitals": {"ID": "session-123"},
        "id null": {"id": None},
        "id empty": {"id": ""},
        "id number": {"id": 123},
        "id fraction": {"id": 1.5},
        "id true": {"id": True},
        "id array": {"id": ["session-123"]},
        "id object": {"id": {"id": "session-123"}},
        "id of 257 characters": {"id": "x" * 257},
        "id of 257 robots": {"id": "🤖" * 257},
        "id of 100,000 characters": {"id": "x" * 100_000},
        "id with half a character": {"id": "\ud83e"},
        "id with the other half": {"id": "a\udd16b"},
        **control,
    }


def wrong_types() -> dict[str, object]:
    """Return invalid values of `type`, by name; `...` means that it is absent."""
    return {
        "no type": ...,
        "type null": None,
        "type number": 1,
        "type true": True,
        "type array": ["user_speak"],
        "type object": {"type": "user_speak"},
    }


def event_with(member: str, value: object) -> dict[str, object]:
    """Return an event with a member replaced; `...` removes it."""
    members: dict[str, object] = {**EVENT, member: value}
    return {name: value for name, value in members.items() if value is not ...}


def _nothing() -> Iterator[BadBody]:
    for name, body in {
        "empty": "",
        "a blank": " ",
        "blanks": " \r\n\t ",
        "blanks that JSON does not know": "\u00a0\u2003",
        "no body": None,
        "no bytes": b"",
        "blank bytes": b" \n",
    }.items():
        yield BadBody(name, body, 400, "empty")
    yield BadBody("a body that is no text", TEXT, 400, "empty", members={"body": EVENT})


def _no_json() -> Iterator[BadBody]:
    for name, body in {
        "an opening brace": "{",
        "a closing brace": "}",
        "the wrong brace": "{]",
        "half an event": TEXT[: len(TEXT) // 2],
        "all but the last brace": TEXT[:-1],
        "one brace more": TEXT + "}",
        "two events": TEXT + TEXT,
        "two events on two lines": f"{TEXT}\n{TEXT}",
        "an event and a word": TEXT + " x",
        "a word": "event",
        "half a word of JSON": "nul",
        "a word of Python": "None",
        "a word of JavaScript": "undefined",
        "a word in capitals": "TRUE",
        "an open string": '"event',
        "single quotes": TEXT.replace('"', "'"),
        "no quotes": TEXT.replace('"', ""),
        "curly quotes": TEXT.replace('"', "\u201d"),
        "no colon": '{"type" "user_speak"}',
        "an equals sign": '{"type"="user_speak"}',
        "no value": '{"type":}',
        "no key": '{:"user_speak"}',
        "a number as key": '{1:"user_speak"}',
        "a comma too many": '{"type":"user_speak",}',
        "a comma in front": '{,"type":"user_speak"}',
        "a comma in an array": '{"a":[1,]}',
        "a semicolon": '{"a":1;"b":2}',
        "a comment": "// event\n" + TEXT,
        "a comment in between": '{"type":/**/"user_speak"}',
        "a leading zero": '{"a":01}',
        "a plus": '{"a":+1}',
        "no digit before the point": '{"a":.5}',
        "no digit behind the point": '{"a":5.}',
        "no exponent": '{"a":1e}',
        "a lone minus": '{"a":-}',
        "hexadecimal": '{"a":0x10}',
        "an underscore": '{"a":1_000}',
        "Arabic digits": '{"a":\u0661\u0662}',
        "a line break in a string": '{"a":"\n"}',
        "a tab in a string": '{"a":"\t"}',
        "a NUL in a string": '{"a":"\0"}',
        "a NUL": "\0",
        "a NUL behind an event": TEXT + "\0",
        "an escape that JSON does not know": '{"a":"\\x41"}',
        "half an escape": '{"a":"\\u12"}',
        "a lone backslash": '{"a":"\\',
        "a form": "type=user_speak&text=Hello",
        "percent signs": "%7B%22type%22%3A%22user_speak%22%7D",
        "XML": "<?xml version='1.0'?><event/>",
        "YAML": "type: user_speak\nsession:\n  id: session-123\n",
        "a template": "{{event}}",
        "a prefix against hijacking": ")]}',\n" + TEXT,
        "a log line": 'INFO {"type":"user_speak"}',
        "unannounced base64": "eyJ0eXBlIjoidXNlcl9zcGVhayJ9",
        "an escape sequence": "\x1b[2J" + TEXT,
        "a right-to-left mark": "\u202e" + TEXT,
        "a zero-width space": "\u200b" + TEXT,
        "a lone surrogate outside a string": "\ud800" + TEXT,
    }.items():
        yield BadBody(name, body, 400, "bad_json")


def _no_numbers() -> Iterator[BadBody]:
    for name, number in {
        "not a number": "NaN",
        "infinity": "Infinity",
        "minus infinity": "-Infinity",
        "a float out of range": "1e400",
        "a negative float out of range": "-1e400",
        "a float far out of range": "1e999999999",
        "many digits and a point": "9" * 400 + ".5",
        "5,000 digits": "1" * 5_000,
        "5,000 digits below zero": "-" + "1" * 5_000,
        "200,000 digits": "7" * 200_000,
    }.items():
        yield BadBody(name, TEXT[:-1] + f', "more": {number}}}', 400, "bad_number")
        yield BadBody(f"{name}, nested", f'{{"a":[[{{"b":{number}}}]]}}', 400, "bad_number")
    yield BadBody("nothing but NaN", "NaN", 400, "bad_number")


def _repeated_keys() -> Iterator[BadBody]:
    for name, body in {
        "two types": '{"type":"session_end",' + TEXT[1:],
        "two equal types": '{"type":"user_speak",' + TEXT[1:],
        "two sessions": TEXT[:-1] + ',"session":{"id":"other"}}',
        "two ids": '{"type":"user_speak","session":{"id":"a","id":"b"}}',
        "two types, one in disguise": '{"\\u0074ype":"session_end",' + TEXT[1:],
        "two unknown keys": TEXT[:-1] + ',"a":1,"a":2}',
        "two unknown keys, nested": TEXT[:-1] + ',"x":[{"y":{"a":1,"a":2}}]}',
        "two empty keys": TEXT[:-1] + ',"":1,"":2}',
        "three keys of one name": '{"a":1,"a":2,"a":3}',
    }.items():
        yield BadBody(name, body, 400, "dup_key")


def _too_deep() -> Iterator[BadBody]:
    depth = 100_000
    for name, body in {
        "100,000 arrays": "[" * depth + "]" * depth,
        "100,000 arrays that stay open": "[" * depth,
        "40,000 objects": '{"a":' * 40_000 + "1" + "}" * 40_000,
        "40,000 objects that stay open": '{"a":' * 40_000,
        "objects and arrays": '[{"a":' * 30_000,
        "100,000 arrays in an event": TEXT[:-1] + ',"a":' + "[" * depth + "]" * depth + "}",
    }.items():
        yield BadBody(name, body, 400, "too_deep")


def _no_utf8() -> Iterator[BadBody]:
    for name, body in {
        "a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
        "UTF-16": TEXT.encode("utf-16"),
        "UTF-16, a byte order mark of the other kind": b"\xfe\xff" + TEXT.encode("utf-16-be"),
        "Latin-1": TEXT.replace("Hello", "Grüß Gott").encode("latin-1"),
        "a lone continuation byte": b'{"a":"\x80"}',
        "a cut character": b'{"a":"\xf0\x9f\xa4"}',
        "an overlong NUL": b'{"a":"\xc0\x80"}',
        "an overlong slash": b'{"a":"\xe0\x80\xaf"}',
        "a surrogate in UTF-8": b'{"a":"\xed\xa0\x80"}',
        "a character beyond Unicode": b'{"a":"\xf4\x90\x80\x80"}',
        "bytes that are never UTF-8": b"\xff\xfe\xfd",
        "unannounced gzip": gzip.compress(TEXT.encode()),
    }.items():
        yield BadBody(name, body, 400, "bad_encoding")
    yield BadBody("a byte order mark in text", "\ufeff" + TEXT, 400, "bad_encoding")
    for name, text in {
        "no base64": "%%%%",
        "an event that is said to be base64": TEXT,
        "base64 with a character too many": "eyJ9e",
        "base64 without its padding": "e30",
        "base64 with padding inside": "e30=e30=",
        "base64 with a line break": "e30\n=",
        "base64 for URLs": "eyJ-_w==",
        "base64 beyond ASCII": "e30\u00e9",
        "base64 with a lone surrogate": "e30\ud800",
    }.items():
        members = {"body": text, "isBase64Encoded": True}
        yield BadBody(name, TEXT, 400, "bad_encoding", members=members)
    utf32 = TEXT.encode("utf-32-be")
    # Without a byte order mark these are valid UTF-8 with NUL characters.
    yield BadBody("UTF-32 without a mark", utf32, 400, "bad_json")
    yield BadBody("UTF-16 without a mark", TEXT.encode("utf-16-le"), 400, "bad_json")


def _no_objects() -> Iterator[BadBody]:
    for name, body in {
        "null": "null",
        "true": "true",
        "false": "false",
        "zero": "0",
        "a number": "-1.5e3",
        "a string": '"user_speak"',
        "an empty string": '""',
        "an event in a string": json.dumps(TEXT),
        "an empty array": "[]",
        "an array of an event": f"[{TEXT}]",
        "an array of names": '["type","user_speak"]',
    }.items():
        yield BadBody(name, body, 400, "not_object")


def _no_types() -> Iterator[BadBody]:
    yield BadBody("an empty object", "{}", 400, "bad_type")
    for name, value in wrong_types().items():
        yield BadBody(name, event_with("type", value), 400, "bad_type")


def _no_sessions() -> Iterator[BadBody]:
    for name, value in wrong_sessions().items():
        yield BadBody(name, event_with("session", value), 400, "bad_session")
    unknown = {"type": "invented_tomorrow"}
    yield BadBody("an unknown type without a session", unknown, 400, "bad_session")


def _too_large() -> Iterator[BadBody]:
    padding = LIMIT - len(TEXT)
    for name, body in {
        "one byte too many": TEXT + " " * (padding + 1),
        "one byte too many in base64": (TEXT + " " * (padding + 1)).encode(),
        "characters of several bytes": '{"a":"' + "🤖" * (LIMIT // 4) + '"}',
        "two megabytes": "x" * 2_000_000,
        "two megabytes of bytes": bytes(2_000_000),
    }.items():
        yield BadBody(name, body, 413, "too_large")


def _other_content() -> Iterator[BadBody]:
    for content_type in (
        *("text/plain", "text/json", "text/html; charset=utf-8", "application/xml", "image/png"),
        *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", "*/*"),
        *("application/jsonx", "application/json-seq", "application/json, text/plain", "\ud800"),
        *("applicat\u0131on/json", "application", "/", "text/plain; application/json"),
    ):
        yield BadBody(
            f"content type {content_type!a}",
            TEXT,
            415,
            "content_type",
            {"content-type": content_type},
        )
    twice = {"content-type": ["application/json", "text/plain"]}
    yield BadBody("two content types", TEXT, 415, "content_type", twice)
    bomb = gzip.compress(bytes(10_000_000))
    for encoding in ("gzip", "GZIP", "br", "deflate", "zstd", "compress", "x", "gzip, identity"):
        headers = {"content-encoding": encoding}
        yield BadBody(f"content encoding {encoding}", bomb, 415, "encoding", headers)


def _other_methods() -> Iterator[BadBody]:
    for method in (
        "GET",
        "HEAD",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "post",
        "",
    ):
        yield BadBody(f"method {method!r}", TEXT, 405, "method", method=method)
