"""Shrinks a failing plan to the calls and faults that make it fail, and describes it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.simulation.execution import Execution, Plan
from tests.simulation.histories import plain_values
from tests.simulation.invariants import Violation, check_invariants
from tests.simulation.profiles import command
from tests.simulation.runner import simulate


@dataclass(frozen=True)
class MinimalFailure:
    """A failing plan that passes without any of its calls or faults.

    Attributes:
        plan: the plan.
        execution: its execution.
        violations: violations of the same invariant.
    """

    plan: Plan
    execution: Execution
    violations: Sequence[Violation]


def shrink(plan: Plan, invariant: str) -> MinimalFailure:
    """Remove all calls and faults that an invariant does not need to fail."""

    def fails(plan: Plan) -> bool:
        return any(each.invariant == invariant for each in check_invariants(simulate(plan)))

    calls = minimize(
        list(range(plan.calls) if plan.only_calls is None else sorted(plan.only_calls)),
        lambda kept: fails(replace(plan, only_calls=kept)),
    )
    plan = replace(plan, only_calls=calls)
    faults = minimize(
        simulate(plan).faults.injected, lambda kept: fails(replace(plan, only_faults=kept))
    )
    plan = replace(plan, only_faults=faults)
    execution = simulate(plan)
    found = [each for each in check_invariants(execution) if each.invariant == invariant]
    return MinimalFailure(plan, execution, found)


def minimize[T](items: Sequence[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """Remove halves, then smaller parts of the items, as long as the rest still fails."""
    kept, size = list(items), max(1, len(items) // 2)
    while size and kept:
        index, is_smaller = 0, False
        while index < len(kept):
            fewer = kept[:index] + kept[index + size :]
            if fails(fewer):
                kept, is_smaller = fewer, True
            else:
                index += size
        size = size if is_smaller and size == 1 else size // 2
    return kept


def failure_report(minimal: MinimalFailure) -> Iterator[str]:
    """Yield the violations, the command that repeats them, and the timeline of their calls."""
    plan = minimal.plan
    for violation in minimal.violations:
        yield f"{violation.invariant} {violation.session_id}: {violation.what}"
    yield f"again: {command(plan)}"
    yield from timeline(minimal.execution, {each.session_id for each in minimal.violations})


def timeline(execution: Execution, session_ids: set[str]) -> Iterator[str]:
    """Yield the events of some calls in order."""
    lines: list[tuple[int, str]] = []
    for run in execution.trace.runs:
        if run.session_id in session_ids:
            said = f" {run.event['text']!r}" if "text" in run.event else ""
            copy = " (copy)" if run.is_copy else ""
            lines.append((run.started_ms, f"{run.id} {run.event['type']}{said}{copy} starts"))
            types = ", ".join(action["type"] for action in run.actions) or "nothing"
            disturbances = f" ({', '.join(run.disturbances)})" if run.disturbances else ""
            lines.append((run.ended_ms, f"{run.id} {run.end}: {types}{disturbances}"))
    for write in execution.trace.table.writes:
        if write.key[0] in session_ids:
            stored = plain_values(write.after)
            parts = [
                f"{name} {stored[name]}"
                for name in ("version", "status", "billable_keys")
                if name in stored
            ]
            lines.append((write.at_ms, f"  {write.by} writes {write.key[1]}: {'; '.join(parts)}"))
    lines.sort(key=lambda line: line[0])
    yield from (f"{at_ms:8} ms  {text}" for at_ms, text in lines)
