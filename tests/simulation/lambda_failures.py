"""Test functions that time out, exit, answer too much or fail to start."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.helpers.emulator import BUILD, RUNTIME, Emulator, Function, FunctionError
from tests.simulation.lambda_emulator import deployed_environment, request

SOURCE = '''
import os, signal, time

from aiflow import Call, Reply, UserSpeak, entrypoint


def handle(event: UserSpeak, call: Call) -> Reply:
    """Fail as the text says; otherwise return what is stored of the call."""
    known = [call.state.get("half"), [turn.text for turn in call.history]]
    call.state["half"] = event.text
    if event.text == "hang":
        # Block the signal of the time limit, too.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        time.sleep(60)
    if event.text == "exit":
        os._exit(1)
    if event.text == "shout":
        return [call.speak("A" * 200_000)] * 30
    call.state.pop("half")
    return str(known)


lambda_handler = entrypoint(handle)


def larger_than_lambda_carries(event, context):
    return "A" * 7_000_000
'''
"""A handler for these tests; no deployed handler hangs or exits."""

BROKEN = "raise RuntimeError('this module cannot be imported')"
SECONDS = 3


@dataclass
class FailureResult:
    """Result of the failing invocations.

    Attributes:
        messages: error message of each failed invocation, by failure.
        failures: descriptions of unexpected results.
    """

    messages: dict[str, str] = field(default_factory=dict[str, str])
    failures: list[str] = field(default_factory=list[str])


def run_failing_functions() -> FailureResult:
    """Make a function fail in each way, then send the next event of the same call."""
    found = FailureResult()
    with deployed_environment() as environment, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ending.py").write_text(SOURCE)
        (folder / "broken.py").write_text(BROKEN)
        with Emulator(_function(folder), environment, folder / "log") as function:
            for failure, expected in (("hang", "timed out"), ("exit", "Runtime.ExitError")):
                _check_failure(
                    function, request("user_speak", failure, text=failure), failure, expected, found
                )
                _check_next_event(function, failure, found)
            apology = _answer(function, request("user_speak", "shout", text="shout"))
            if "Sorry" not in apology:
                found.failures.append(f"an answer of 6 MB became {apology[:80]}")
        for handler, expected in (
            ("ending.larger_than_lambda_carries", "ResponseSizeTooLarge"),
            ("broken.lambda_handler", "cannot be imported"),
        ):
            with Emulator(_function(folder, handler), environment, folder / handler) as function:
                _check_failure(function, request("user_speak", handler), handler, expected, found)
    return found


def _function(folder: Path, handler: str = "ending.lambda_handler") -> Function:
    paths = (folder, BUILD / "AiflowLayer/python", RUNTIME)
    return Function("EndingFunction", handler, paths, timeout=SECONDS)


def _check_failure(
    function: Emulator, sent: dict[str, Any], failure: str, expected: str, found: FailureResult
) -> None:
    try:
        found.failures.append(f"{failure} was answered: {str(function.invoke(sent))[:80]}")
    except FunctionError as error:
        found.messages[failure] = str(error)
        if expected not in str(error):
            found.failures.append(f"{failure}: {str(error)[:200]}")


def _check_next_event(function: Emulator, failure: str, found: FailureResult) -> None:
    """Check that the failed event left no state and that the function answers again."""
    answer = _answer(function, request("user_speak", failure, text="again"))
    if "[None, ['again']]" not in answer:
        found.failures.append(f"after {failure}: {answer[:200]}")


def _answer(function: Emulator, sent: dict[str, Any]) -> str:
    try:
        answer = function.invoke(sent)
    except FunctionError as error:
        return str(error)
    return str(answer["body"]) if isinstance(answer, Mapping) else str(answer)
