"""A call as it goes: an event to the agent, what it answers, and what is wrong with that."""

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus

from aiflow.errors import InvalidEvent
from aiflow.protocol.json_codec import decode
from aiflow.protocol.lint import Diagnostic, lint_response
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.simulator.engine.message_validation import is_chatter, judge_message
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.scripts.http_client import Answer, Door
from aiflow_local.simulator.scripts.script import Script

type State = Mapping[str, JsonValue]
"""What is kept of a call, by name."""

_NOBODY = frozenset({"no_connection", "no_tls", "refused"})
_FINE = (HTTPStatus.OK, HTTPStatus.NO_CONTENT)
_REMEDIES: Mapping[int, str] = {
    401: "the API token is missing or wrong: give it with --token",
    403: "the agent does not serve this account or this token",
    404: "nothing is served at this path: the URL often ends in /webhook",
    405: "this path does not take POST",
    413: "the event is too large for it",
    415: "it does not take application/json",
}


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """An event and what came of it.

    Attributes:
        event: as it was sent.
        answer: as it came.
        actions: what was answered, as far as it can be read.
        problems: what is wrong with the answer.
        changes: what is kept of the call and has changed, by name; None is gone.
    """

    event: JsonObject
    answer: Answer
    actions: tuple[JsonObject, ...]
    problems: tuple[Diagnostic, ...]
    changes: State

    @property
    def is_broken(self) -> bool:
        """Whether the answer breaks the protocol."""
        return any(problem.severity == "error" for problem in self.problems)

    @property
    def is_unanswered(self) -> bool:
        """Whether there is nobody who could answer the next event."""
        return any(problem.code in _NOBODY for problem in self.problems)

    def as_json(self) -> JsonObject:
        """Return what `aiflow play --json` prints."""
        return {
            "event": self.event,
            "status": self.answer.status,
            "ms": round(self.answer.ms, 1),
            "actions": [*self.actions],
            "problems": [asdict(problem) for problem in self.problems],
            "changes": {**self.changes},
        }


async def play(
    script: Script, door: Door, look: Callable[[str], State]
) -> AsyncGenerator[Exchange]:
    """Send the events of a script one after the other; end early when nobody answers at all.

    Args:
        script: the call.
        door: the way to the agent.
        look: returns what is kept of a call, by its session id.
    """
    kept: dict[str, State] = {}
    for event in script.events:
        session_id = session_id_of(event)
        answer = await door.send(event)
        before, after = kept.get(session_id, {}), look(session_id)
        kept[session_id] = after
        exchange = Exchange(
            event=event,
            answer=answer,
            actions=_actions(answer),
            problems=tuple(_problems(answer, session_id)),
            changes=_changes(before, after),
        )
        yield exchange
        if exchange.is_unanswered:
            return


def session_id_of(event: JsonObject) -> str:
    """Return the session id of an event that was found to have one."""
    session = event["session"]
    return str(session["id"]) if isinstance(session, dict) else ""


def _problems(answer: Answer, session_id: str) -> list[Diagnostic]:
    fault = [Diagnostic.error(answer.fault[0], "", answer.fault[1])] if answer.fault else []
    if answer.messages is not None:
        judged = [judge_message(each, session_id, Switches()) for each in answer.messages]
        return [*(problem for one in judged for problem in one.problems), *fault]
    if fault:
        return fault
    status, headers = answer.status or 0, answer.headers or {}
    if status not in _FINE:
        return [Diagnostic.error("bad_status", "/status", _status_message(status, headers))]
    if status == HTTPStatus.OK and "html" in headers.get("content-type", ""):
        return [
            Diagnostic.error("html", "/body", "answered with a web page: is this the right URL?")
        ]
    try:
        body = answer.body.decode()
    except UnicodeDecodeError:
        return [
            Diagnostic.error("not_json", "/body", "must be an action as JSON, but is not UTF-8")
        ]
    response = {"status": status, "headers": dict(headers), "body": body}
    return lint_response(response, session_id)


def _status_message(status: int, headers: Mapping[str, str]) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST and "location" in headers:
        why = "redirects are not followed: give the URL that it leads to"
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        why = "the agent failed, and the caller hears nothing"
    else:
        why = _REMEDIES.get(status, "")
    return f"is {status}, but must be 200 or 204{'; ' if why else ''}{why}"


def _actions(answer: Answer) -> tuple[JsonObject, ...]:
    if answer.messages is not None:
        texts = [each.content for each in answer.messages if not is_chatter(each.content)]
    else:
        texts = [answer.body] if answer.status == HTTPStatus.OK else []
    return tuple(entry for text in texts for entry in _entries(text))


def _entries(text: str | bytes) -> Iterator[JsonObject]:
    try:
        body = decode(text.decode() if isinstance(text, bytes) else text)
    except (InvalidEvent, UnicodeDecodeError):
        return
    entries = body if isinstance(body, list) else [body]
    yield from (entry for entry in entries if isinstance(entry, dict))


def _changes(before: State, after: State) -> State:
    gone: State = dict.fromkeys(before.keys() - after.keys())
    changed = {name: value for name, value in after.items() if before.get(name) != value}
    return {**changed, **gone}
