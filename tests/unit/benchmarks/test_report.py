"""The report of the comparison."""

from benchmarks.emulated import Container
from benchmarks.growth import Turn
from benchmarks.processes import Process
from benchmarks.report import report
from benchmarks.results import Measured, Results
from benchmarks.simulator import Figures

TURN = Turn(reads=1, writes=1, read_units=1, write_units=3, bytes=700)


def measured(cold_cpu_ms: float, *, has_bytecode: bool = False, turns: int = 1) -> Measured:
    """Return figures of two rounds; the second one ran on a machine with half of the speed."""
    rounds = [
        Process(
            import_ms=1,
            import_cpu_ms=1,
            cold_ms=cold_cpu_ms * factor,
            cold_cpu_ms=cold_cpu_ms * factor,
            warm_ms=(1, 2),
            warm_cpu_ms=factor,
            peak_mb=40,
            modules=300,
        )
        for factor in (1, 2)
    ]
    containers = [Container(init_ms=cold_cpu_ms, first_ms=1, warm_ms=1)] * 2
    return Measured(has_bytecode, 1000, rounds, containers, [TURN] * turns)


def lines_of(contenders: dict[str, Measured]) -> list[str]:
    results = Results(
        machine={"Python": "3.13"},
        baseline="bare",
        ours="ours",
        contenders={
            "bare": measured(100),
            "ours": measured(120, has_bytecode=True),
            **contenders,
        },
        layer_bytes={"arm64": 1_000_000},
        modules={"WebhookFunction": 400},
        simulator=Figures(calls=100, events=3000, wall_seconds=3, cpu_seconds=2),
    )
    return report(results).splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_peers_are_counted_apart_without_and_with_bytecode() -> None:
    lines = lines_of(
        {
            "peer": measured(200),
            "peer, bytecode": measured(110, has_bytecode=True, turns=0),
            "other": measured(300),
            "other, bytecode": measured(150, has_bytecode=True, turns=0),
        }
    )
    goals = {cells(line)[0]: cells(line)[-1] for line in lines if line.startswith("|")}
    assert goals["peers that start more slowly"] == "2 of 2"
    assert goals["peers with bytecode that start more slowly"] == "1 of 2"


def test_a_ratio_compares_the_processes_of_one_round() -> None:
    (row, *_) = [line for line in lines_of({"peer": measured(200)}) if line.startswith("| peer ")]
    assert cells(row)[:3] == ["peer", "2.00", "2.00"]


def test_the_table_use_of_a_peer_is_reported_once() -> None:
    lines = lines_of(
        {"peer": measured(200), "peer, bytecode": measured(110, has_bytecode=True, turns=0)}
    )
    start = next(number for number, line in enumerate(lines) if line.startswith("Table:"))
    rows = [cells(line)[0] for line in lines[start:] if line.startswith("| peer")]
    assert rows == ["peer"]
