"""Measure many calls: lost, missing and merged turns, and waiting times."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.behaviour import Behaviour
from tests.simulation.coverage import Coverage
from tests.simulation.execution import Execution, Plan
from tests.simulation.fake_aws import Outage
from tests.simulation.faults import EVERYDAY_RATES, ZERO_RATES, Fault
from tests.simulation.histories import Histories, is_acknowledged
from tests.simulation.invariants import Violation, check_invariants
from tests.simulation.profiles import command
from tests.simulation.runner import simulate
from tests.simulation.trace import Run

CALLS_AT_ONCE = 250
SPEECH = frozenset({"speak", "audio"})


@dataclass
class CallStatistics:
    """Counts over many simulations.

    Attributes:
        violations: violations, each with the command that repeats its seed.
        coverage: what was simulated.
        turns: turns that were spoken and delivered.
        merged: turns that were mistaken for a repetition.
        duplicated: turns that are stored again because a copy arrived late.
        requested_sms: calls in which a text message was requested and promised.
        missing_sms: those in which none was sent.
        waits_ms: waiting times for answers, in virtual time.
    """

    violations: list[tuple[str, Violation]] = field(default_factory=list[tuple[str, Violation]])
    coverage: Coverage = field(default_factory=Coverage)
    turns: int = 0
    merged: int = 0
    duplicated: int = 0
    requested_sms: int = 0
    missing_sms: int = 0
    waits_ms: list[int] = field(default_factory=list[int])

    def add(self, execution: Execution) -> None:
        """Count one execution."""
        self.violations += [(command(execution.plan), each) for each in check_invariants(execution)]
        self.coverage.add(execution)
        histories = Histories(execution.trace)
        for session_id, runs in histories.by_session.items():
            self._count_turns(execution, histories, session_id, runs)
            self._count_requested_sms(execution, runs)
        self.waits_ms += answer_waits_ms(execution)

    def _count_turns(
        self, execution: Execution, histories: Histories, session_id: str, runs: list[Run]
    ) -> None:
        stored = Counter(
            text for _, role, text in histories.final_turns(session_id) if role == "user"
        )
        spoken = [run for run in runs if run.event["type"] == "user_speak"]
        heard = {(run.delivery, run.event["text"]) for run in spoken}
        answered = {
            (run.delivery, run.event["text"]) for run in spoken if is_acknowledged(execution, run)
        }
        self.turns += len(heard)
        heard_words = Counter(text for _, text in heard)
        answered_words = Counter(text for _, text in answered)
        self.merged += sum(max(0, answered_words[t] - stored[t]) for t in answered_words)
        self.duplicated += sum(max(0, stored[t] - heard_words[t]) for t in heard_words)

    def _count_requested_sms(self, execution: Execution, runs: list[Run]) -> None:
        if execution.aws.has_tight_limits(runs[0].call):
            return
        said = [run for run in runs if is_acknowledged(execution, run)]
        if execution.agent_names[runs[0].call] not in {"obedient", "raising", "streaming"}:
            return
        if any("summary" in run.event["text"] for run in said):
            self.requested_sms += 1
            self.missing_sms += not any(
                a["type"] == "send_sms" for run in runs for a in run.actions
            )


def answer_waits_ms(execution: Execution) -> Iterator[int]:
    """Yield the times from an event to the first speech of its answer."""
    for run in execution.trace.runs:
        is_waited_for = run.event["type"] in {"user_speak", "session_start"} and not run.is_copy
        if is_waited_for and any(action["type"] in SPEECH for action in run.actions):
            yield (
                run.ended_ms if run.first_message_ms is None else run.first_message_ms
            ) - run.started_ms


def measure_everyday(calls: int, behaviour: Behaviour, first_seed: int = 1) -> CallStatistics:
    """Simulate calls with the profile `everyday`."""
    stats, seed = CallStatistics(), first_seed
    while calls > 0:
        stats.add(simulate(Plan(seed, min(calls, CALLS_AT_ONCE), EVERYDAY_RATES, behaviour)))
        calls -= CALLS_AT_ONCE
        seed += 1
    return stats


def measure_swarm(seeds: Iterable[int], calls: int = 50) -> CallStatistics:
    """Simulate seeds that draw their own faults."""
    stats = CallStatistics()
    for seed in seeds:
        stats.add(simulate(Plan(seed, calls)))
    return stats


@dataclass(frozen=True)
class OutageResult:
    """Result of a period without the table.

    Attributes:
        violations: violations of invariants.
        server_errors: number of runs without a valid answer.
        waits_ms: waiting times of the turns during the outage.
        unanswered: number of turns during the outage without any answer.
        late: number of turns after the outage whose store requests still failed.
        extra_requests: share of failed requests after the outage.
    """

    violations: list[Violation]
    server_errors: int
    waits_ms: list[int]
    unanswered: int
    late: int
    extra_requests: float


def measure_outage(calls: int, seconds: int = 60) -> OutageResult:
    """Simulate an outage of the table in the middle of many calls."""
    outage = Outage(20_000, 20_000 + seconds * 1000)
    behaviour = Behaviour(max_turns=24, start_spread_ms=10_000, max_gap_ms=8000)
    execution = simulate(Plan(7, calls, ZERO_RATES, behaviour, outage=outage))
    runs = [run for run in execution.trace.runs if run.event["type"] == "user_speak"]
    during = [run for run in runs if outage.from_ms <= run.started_ms < outage.to_ms - 3000]
    after = [run for run in runs if run.started_ms >= outage.to_ms]
    everything = [run for run in execution.trace.runs if run.started_ms >= outage.to_ms]
    attempts = sum(run.attempts for run in everything)
    return OutageResult(
        violations=check_invariants(execution),
        server_errors=sum(run.end != "answered" for run in execution.trace.runs),
        waits_ms=[run.ended_ms - run.started_ms for run in during],
        # A caller who hung up needs no answer; over WebSocket that is known.
        unanswered=sum(not run.bodies and "gone" not in run.disturbances for run in during),
        late=sum(run.store_failed for run in after),
        extra_requests=sum(run.failed_attempts for run in everything) / max(1, attempts),
    )


def percentage(part: int, whole: int) -> float:
    """Return a share in percent."""
    return 100 * part / max(1, whole)


def percentile(values: list[int], percent: float) -> int:
    """Return the value that so many percent of the values do not exceed."""
    ordered = sorted(values) or [0]
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


EVERYDAY_FAULTS = tuple(fault for fault in Fault if EVERYDAY_RATES[fault])
"""Faults of the profile `everyday`."""
