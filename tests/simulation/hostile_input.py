"""Send malformed bodies, and texts that try to inject markup or log lines."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from xml.etree import ElementTree as ET

from aiflow.entrypoints import webhook
from aiflow.protocol.ssml import escape, spoken_text
from aiflow.telemetry import EventReport, Telemetry
from tests.helpers.bad_bodies import EVENT, bad_bodies
from tests.helpers.items import ODD_TEXTS
from tests.helpers.runtime import Body, Envelope, Log, http_v2, make_runtime, rest_v1, send
from tests.simulation.randomness import SeededRandom

REJECTION_STATUSES = frozenset({204, 400, 401, 403, 405, 413, 415})
_JUNK = (
    "null",
    "NaN",
    "1e400",
    '"\\ud800"',
    "[[[[",
    '{"type":',
    "\x00",
    "\u202e",
    "}",
    '"',
    "\\u",
    "",
)
_MEMBERS = ("type", "text", "session", "id", "digit", "barged_in")


@dataclass
class BadBodyResult:
    """Result of the bad bodies.

    Attributes:
        statuses: number of answers by HTTP status.
        from_corpus: number of requests from the corpus, for each gateway and encoding.
        generated: number of generated bodies.
        failures: requests with an unexpected answer.
        ms: CPU time of each request.
        log: log output.
    """

    statuses: Counter[int] = field(default_factory=Counter[int])
    from_corpus: int = 0
    generated: int = 0
    failures: list[str] = field(default_factory=list[str])
    ms: list[int] = field(default_factory=list[int])
    log: str = ""


def send_bad_bodies(generated: int, seed: int = 1) -> BadBodyResult:
    """Send the corpus and generated bodies through both gateways."""
    found, log, random = BadBodyResult(), Log(), SeededRandom(seed)
    runtime = make_runtime(stream=log)
    gateways = cycle((http_v2, rest_v1))

    def ask(envelope: Envelope, name: str, allowed: frozenset[int]) -> None:
        started = time.process_time()
        try:
            status = send(webhook.lambda_handler, envelope, runtime).status
        except Exception as error:  # noqa: BLE001 - this is the failure under test
            found.failures.append(f"{name}: {type(error).__name__}")
            return
        found.ms.append(round((time.process_time() - started) * 1000))
        found.statuses[status] += 1
        if status not in allowed:
            found.failures.append(f"{name}: {status}")

    for gateway in (http_v2, rest_v1):
        for bad in bad_bodies():
            for encode in (False, True) if _is_text(bad.body) else (False,):
                envelope = gateway(bad.body, headers=bad.headers, method=bad.method, base64=encode)
                ask(envelope | dict(bad.members), bad.name, REJECTION_STATUSES)
                found.from_corpus += 1
    for number in range(generated):
        envelope = next(gateways)(_damaged_event(random), base64=random.uniform("encoded") < 0.5)
        # A generated body may be a valid event, which gets an answer.
        ask(envelope, f"generated {number}", REJECTION_STATUSES | {200})
        found.generated += 1
    found.log = log.getvalue()
    return found


def _is_text(body: Body) -> bool:
    """Return whether a body can be base64-encoded; lone surrogates cannot."""
    return not isinstance(body, str) or body.isprintable() or body.isascii()


def _damaged_event(random: SeededRandom) -> Body:
    """Return an event with random damage."""
    text = json.dumps(EVENT | {"text": random.choice("text", ODD_TEXTS)})
    for _ in range(random.randint("damages", 1, 4)):
        at, junk = random.randint("at", 0, len(text)), random.choice("junk", _JUNK)
        match random.randint("damage", 0, 4):
            case 0:
                text = text[:at]
            case 1:
                text = text[:at] + junk + text[at:]
            case 2:
                text = text[:at] + text[at + random.randint("cut", 1, 9) :]
            case 3:
                text = text.replace(f'"{random.choice("member", _MEMBERS)}"', '"other"', 1)
            case _:
                text = text.replace('"session-123"', junk or "1", 1)
    raw = text.encode("utf-8", "surrogatepass")
    return raw[:: random.choice("step", (1, 1, 1, 2))] if random.uniform("raw") < 0.2 else text


def hostile_texts(number: int, seed: int = 1) -> list[str]:
    """Return random texts of markup, log lines and terminal control sequences."""
    random = SeededRandom(seed)
    pieces = (
        *ODD_TEXTS,
        "<speak>",
        "</speak>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]>",
        "&b;",
        "]]>",
        "\n{}",
    )
    return [
        "".join(random.choice("piece", pieces) for _ in range(random.randint("pieces", 1, 5)))
        for _ in range(number)
    ]


def broken_markup(texts: list[str]) -> list[str]:
    """Return the texts that change the markup around them or are not spoken unchanged."""
    broken: list[str] = []
    for text in texts:
        ssml = f"<speak>{escape(text)}</speak>"
        try:
            children = list(ET.fromstring(ssml))  # noqa: S314 - the text is escaped
            same = spoken_text(ssml) == " ".join(_speakable(text).split())
        except (ET.ParseError, ValueError):
            children, same = [ET.Element("broken")], False
        if children or not same:
            broken.append(text)
    return broken


def forged_lines(texts: list[str]) -> list[str]:
    """Return the texts that break out of their log line."""
    forged: list[str] = []
    log = Log()
    telemetry = Telemetry("hostile", "Hostile", stream=log)
    for text in texts:
        log.seek(0)
        log.truncate()
        telemetry.write(EventReport(request_id="one", session_id=text), 1)
        lines = log.getvalue().splitlines()
        is_plain = all(" " <= character <= "~" for line in lines for character in line)
        if len(lines) != 2 or not is_plain or json.loads(lines[0])["session_id"] != text:
            forged.append(text)
    return forged


def _speakable(text: str) -> str:
    """Return a text without the characters that XML cannot contain."""
    return spoken_text(f"<speak>{escape(text)}</speak>") if not text.isprintable() else text
