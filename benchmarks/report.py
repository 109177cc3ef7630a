"""The report: tables of ratios, and of the figures behind them."""

from collections.abc import Iterator, Sequence

from benchmarks.growth import Turn
from benchmarks.results import Results

_SHOWN_TURNS = (1, 10, 100, 500)


def report(results: Results) -> str:
    """Return all tables as Markdown."""
    sections = (
        _environment(results),
        _goals(results),
        _cold(results),
        _warm(results),
        _emulated(results),
        _store(results),
        _modules(results),
    )
    return "\n\n".join("\n".join(section) for section in sections)


def _environment(results: Results) -> Iterator[str]:
    yield "; ".join(f"{name}: {fact}" for name, fact in results.machine.items())


def _goals(results: Results) -> Iterator[str]:
    ours = results.ours
    turns = results.contenders[ours].turns
    layer = max(results.layer_bytes.values())
    cold = results.process_ratio(ours, lambda p: p.cold_cpu_ms)
    trips = sum(turn.reads + turn.writes for turn in turns) / len(turns)
    yield from _table(
        ["Goal", "Target", "Measured"],
        [
            [
                "cold import + first answer, against bare, CPU (wall)",
                "≤ 1.20",
                f"{cold:.2f} ({results.process_ratio(ours, lambda p: p.cold_ms):.2f})",
            ],
            ["peers that start more slowly", "all", _slower(results, has_bytecode=False)],
            [
                "peers with bytecode that start more slowly",
                "all",
                _slower(results, has_bytecode=True),
            ],
            [
                "CPU per warm turn, against bare",
                "≤ 1.10",
                f"{results.process_ratio(ours, lambda p: p.warm_cpu_ms):.2f}",
            ],
            [
                "peak memory, against bare",
                "≤ 1.25",
                f"{results.process_ratio(ours, lambda p: p.peak_mb):.2f}",
            ],
            ["store round trips per turn", "2", f"{trips:.2f}"],
            ["layer, zipped, MB", "< 6", f"{layer / 1e6:.2f}"],
            [
                "simulated calls per minute of CPU",
                "≥ 3,000",
                f"{results.simulator.calls_per_minute:,.0f}",
            ],
        ],
    )


def _slower(results: Results, *, has_bytecode: bool) -> str:
    """Count the peers that need more CPU than ours until their first answer."""
    ours = results.process_ratio(results.ours, lambda p: p.cold_cpu_ms)
    peers = [
        results.process_ratio(name, lambda p: p.cold_cpu_ms)
        for name, measured in results.contenders.items()
        if name not in {results.baseline, results.ours} and measured.has_bytecode is has_bytecode
    ]
    return f"{sum(ratio > ours for ratio in peers)} of {len(peers)}"


def _cold(results: Results) -> Iterator[str]:
    yield "Cold: import and first answer in a fresh process."
    yield "Ours is built with bytecode. Peers are not, except in the rows that say `bytecode`.\n"
    rows = [
        [
            name,
            f"{results.process_ratio(name, lambda p: p.cold_cpu_ms):.2f}",
            f"{results.process_ratio(name, lambda p: p.cold_ms):.2f}",
            f"{measured.process(lambda p: p.cold_cpu_ms):.0f}",
            f"{measured.process(lambda p: p.cold_ms):.0f}",
            f"{measured.process(lambda p: p.import_cpu_ms):.0f}",
            f"{measured.process(lambda p: p.modules):.0f}",
            f"{measured.function_bytes / 1e6:.2f}",
        ]
        for name, measured in results.contenders.items()
    ]
    yield from _table(
        ["", "CPU ratio", "wall ratio", "CPU ms", "wall ms", "import, CPU ms", "modules", "zip MB"],
        rows,
    )


def _warm(results: Results) -> Iterator[str]:
    yield "Warm: a later turn in the same process\n"
    rows: list[list[str]] = []
    for name, measured in results.contenders.items():
        p50, p99 = measured.warm_ms()
        rows.append(
            [
                name,
                f"{results.process_ratio(name, lambda p: p.warm_cpu_ms):.2f}",
                f"{results.process_ratio(name, lambda p: p.peak_mb):.2f}",
                f"{measured.process(lambda p: p.warm_cpu_ms):.2f}",
                f"{p50:.2f}",
                f"{p99:.2f}",
                f"{measured.process(lambda p: p.peak_mb):.1f}",
            ]
        )
    yield from _table(
        ["", "CPU ratio", "memory ratio", "CPU ms", "p50 ms", "p99 ms", "peak MB"], rows
    )


def _emulated(results: Results) -> Iterator[str]:
    yield "Lambda's runtime emulator: INIT and the first event, as the runtime reports them\n"
    rows = [
        [
            name,
            f"{results.container_ratio(name, lambda c: c.cold_ms):.2f}",
            f"{results.container_ratio(name, lambda c: c.init_ms):.2f}",
            f"{measured.container(lambda c: c.init_ms):.0f}",
            f"{measured.container(lambda c: c.first_ms):.1f}",
            f"{measured.container(lambda c: c.warm_ms):.1f}",
        ]
        for name, measured in results.contenders.items()
    ]
    yield from _table(
        ["", "cold ratio", "INIT ratio", "INIT ms", "first event ms", "second event ms"], rows
    )


def _store(results: Results) -> Iterator[str]:
    yield "Table: read/write capacity units per turn; means of round trips and bytes\n"
    rows = [
        [
            name,
            *(_units(measured.turns, number) for number in _SHOWN_TURNS),
            f"{max(turn.write_units for turn in measured.turns):g}",
            f"{_mean([turn.write_units for turn in measured.turns]):.2f}",
            f"{_mean([turn.reads + turn.writes for turn in measured.turns]):.2f}",
            f"{_mean([turn.bytes for turn in measured.turns]):,.0f}",
        ]
        for name, measured in results.contenders.items()
        if measured.turns
    ]
    yield from _table(
        [
            "",
            *(f"turn {number}" for number in _SHOWN_TURNS),
            "max. written",
            "mean written",
            "round trips",
            "bytes",
        ],
        rows,
    )


def _modules(results: Results) -> Iterator[str]:
    yield "Imported modules by function\n"
    yield from _table(
        ["function", "modules"], [[name, str(count)] for name, count in results.modules.items()]
    )


def _units(turns: Sequence[Turn], number: int) -> str:
    if number > len(turns):
        return ""
    turn = turns[number - 1]
    return f"{turn.read_units:g}/{turn.write_units:g}"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    columns = [[name, *(row[index] for row in rows)] for index, name in enumerate(head)]
    widths = [max(map(len, column)) for column in columns]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    for cells in (head, rule, *rows):
        first, *others = zip(cells, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        yield f"| {' | '.join(aligned)} |"
