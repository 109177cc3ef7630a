"""The figures: what the product promises, what was measured, and whether that is enough."""

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping

from tests.simulation import figures_of_borders, figures_of_calls
from tests.simulation.figure import Figures, Sizes

SHORT = Sizes(500, 20, 500, 5, 20, 10, 60, 200, 60, 200)
LONG = Sizes(10_000, 300, 5000, 50, 300, 200, 500, 2000, 500, 2000)


FIGURES: Mapping[str, Callable[[Sizes], Figures]] = {
    "I13": figures_of_calls.digest_figure,
    "G1": figures_of_calls.bad_day_figures,
    "G2": figures_of_calls.repeated_words_figure,
    "G3": figures_of_calls.swarm_figure,
    "G4": figures_of_calls.mutant_figure,
    "G5": figures_of_borders.hostile_figures,
    "G8": figures_of_borders.socket_figure,
    "G9": figures_of_borders.store_figure,
    "G10": figures_of_borders.emulator_figure,
    "G13": figures_of_calls.outage_figure,
    "G15": figures_of_borders.number_figures,
    "G17": figures_of_borders.long_figure,
}
"""Each by the first line of the table that it measures."""


def print_figures(*, is_long: bool) -> int:
    """Measure everything and print the table; return how the process ends."""
    sizes, failed = (LONG if is_long else SHORT), False
    _print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs")
    for measure in FIGURES.values():
        begun, cpu = time.monotonic(), time.process_time()
        for name, figure in measure(sizes):
            failed = failed or figure.verdict == "FAIL"
            _print(f"{name:5} {figure.verdict:8} {figure.goal}\n{'':14} {figure.measured}")
        took, busy = time.monotonic() - begun, time.process_time() - cpu
        _print(f"{'':14} took {took:.0f} s, {busy:.0f} s of CPU")
    return int(failed)


def _print(line: str) -> None:
    sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.flush()
