"""Figures of many calls: what was lost, missed or merged, and how long callers waited."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.checking import Checked
from tests.simulation.cloud import Outage
from tests.simulation.dice import CALM, EVERYDAY, Fault
from tests.simulation.habits import Habits
from tests.simulation.happened import Happened, Plan
from tests.simulation.history import Histories, is_acknowledged
from tests.simulation.judges import Violation, judged
from tests.simulation.profiles import command
from tests.simulation.record import Run
from tests.simulation.world import simulate

CALLS_AT_ONCE = 250
SPEECH = frozenset({"speak", "audio"})


@dataclass
class Bad:
    """What is counted over bad days.

    Attributes:
        violations: of invariants, each with the command that plays its seed again.
        checked: what was simulated.
        turns: that callers spoke and the network delivered.
        merged: turns that were taken for a repetition and were none.
        twice: turns that are there once more because a copy came late.
        wishes: calls in which a text message was asked for and promised.
        missed: those in which none went out.
        waits_ms: from each event that a caller waits on to the answer, in virtual time.
    """

    violations: list[tuple[str, Violation]] = field(default_factory=list[tuple[str, Violation]])
    checked: Checked = field(default_factory=Checked)
    turns: int = 0
    merged: int = 0
    twice: int = 0
    wishes: int = 0
    missed: int = 0
    waits_ms: list[int] = field(default_factory=list[int])

    def add(self, happened: Happened) -> None:
        """Count one simulation."""
        self.violations += [(command(happened.plan), each) for each in judged(happened)]
        self.checked.add(happened)
        histories = Histories(happened.record)
        for session_id, runs in histories.by_session.items():
            self._count_turns(happened, histories, session_id, runs)
            self._count_wishes(happened, runs)
        self.waits_ms += waits_of(happened)

    def _count_turns(
        self, happened: Happened, histories: Histories, session_id: str, runs: list[Run]
    ) -> None:
        kept = Counter(text for _, role, text in histories.said(session_id) if role == "user")
        spoken = [run for run in runs if run.event["type"] == "user_speak"]
        heard = {(run.delivery, run.event["text"]) for run in spoken}
        answered = {
            (run.delivery, run.event["text"]) for run in spoken if is_acknowledged(happened, run)
        }
        self.turns += len(heard)
        heard_words = Counter(text for _, text in heard)
        answered_words = Counter(text for _, text in answered)
        self.merged += sum(max(0, answered_words[t] - kept[t]) for t in answered_words)
        self.twice += sum(max(0, kept[t] - heard_words[t]) for t in heard_words)

    def _count_wishes(self, happened: Happened, runs: list[Run]) -> None:
        if happened.cloud.is_tight(runs[0].call):
            return
        said = [run for run in runs if is_acknowledged(happened, run)]
        if happened.names[runs[0].call] not in {"obedient", "stubborn", "speaker"}:
            return
        if any("summary" in run.event["text"] for run in said):
            self.wishes += 1
            self.missed += not any(a["type"] == "send_sms" for run in runs for a in run.actions)


def waits_of(happened: Happened) -> Iterator[int]:
    """Yield how long callers waited for what they heard next, in milliseconds."""
    for run in happened.record.runs:
        is_waited_for = run.event["type"] in {"user_speak", "session_start"} and not run.is_copy
        if is_waited_for and any(action["type"] in SPEECH for action in run.actions):
            yield (run.ended_ms if run.first_ms is None else run.first_ms) - run.begun_ms


def bad_days(calls: int, habits: Habits, first_seed: int = 1) -> Bad:
    """Simulate so many calls at the rates of a bad day."""
    bad, seed = Bad(), first_seed
    while calls > 0:
        bad.add(simulate(Plan(seed, min(calls, CALLS_AT_ONCE), EVERYDAY, habits)))
        calls -= CALLS_AT_ONCE
        seed += 1
    return bad


def swarms(seeds: Iterable[int], calls: int = 50) -> Bad:
    """Simulate seeds that draw their own faults."""
    bad = Bad()
    for seed in seeds:
        bad.add(simulate(Plan(seed, calls)))
    return bad


@dataclass(frozen=True)
class Outaged:
    """What came of a time without table.

    Attributes:
        violations: of invariants.
        server_errors: answers that were none.
        waits_ms: from each event in that time that a caller waits on to what was heard.
        mute: events of that time that a caller waits on and nothing came of.
        late: events after the first one behind it that were not answered as usual.
        extra: operations more than were needed after it, as a share.
    """

    violations: list[Violation]
    server_errors: int
    waits_ms: list[int]
    mute: int
    late: int
    extra: float


def outage(calls: int, seconds: int = 60) -> Outaged:
    """Let the table answer nothing for a while, in the middle of many calls."""
    dark = Outage(20_000, 20_000 + seconds * 1000)
    habits = Habits(most_turns=24, spread_ms=10_000, gap_ms=8000)
    happened = simulate(Plan(7, calls, CALM, habits, outage=dark))
    runs = [run for run in happened.record.runs if run.event["type"] == "user_speak"]
    during = [run for run in runs if dark.from_ms <= run.begun_ms < dark.to_ms - 3000]
    after = [run for run in runs if run.begun_ms >= dark.to_ms]
    everything = [run for run in happened.record.runs if run.begun_ms >= dark.to_ms]
    attempts = sum(run.attempts for run in everything)
    return Outaged(
        violations=judged(happened),
        server_errors=sum(run.end != "answered" for run in happened.record.runs),
        waits_ms=[run.ended_ms - run.begun_ms for run in during],
        # Whoever has hung up meanwhile hears nothing, and over a WebSocket that is known.
        mute=sum(not run.bodies and "gone" not in run.excuses for run in during),
        late=sum(run.store_failed for run in after),
        extra=sum(run.failed_attempts for run in everything) / max(1, attempts),
    )


def share(part: int, whole: int) -> float:
    """Return a share in percent."""
    return 100 * part / max(1, whole)


def at(values: list[int], percent: float) -> int:
    """Return the value that so many percent do not exceed."""
    ordered = sorted(values) or [0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


EVERYDAY_FAULTS = tuple(fault for fault in Fault if EVERYDAY[fault])
"""What goes wrong on a bad day."""
