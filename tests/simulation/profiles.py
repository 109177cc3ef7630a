"""Fault profiles by the names of the command line."""

import shlex
from collections.abc import Mapping

from tests.simulation.behaviour import Behaviour
from tests.simulation.execution import Plan
from tests.simulation.faults import EVERYDAY_RATES, Fault

REPEATED_TEXT_SHARE = 0.75
NO_FAULT = "none"
"""Stands for no faults on the command line; an empty list means all of them."""

type Profile = tuple[Mapping[Fault, float] | None, Behaviour | None]
"""Fault rates and behaviour; None draws them from the seed."""

PROFILES: Mapping[str, Profile] = {
    "swarm": (None, None),
    "everyday": (EVERYDAY_RATES, Behaviour()),
    "repetitive": (EVERYDAY_RATES, Behaviour(repeated_text_share=REPEATED_TEXT_SHARE)),
}


def command(plan: Plan) -> str:
    """Return the command that repeats a plan."""
    words = ["make", "simulate", f"SEEDS={plan.seed}", f"CALLS={plan.calls}"]
    profiles = [
        name for name, profile in PROFILES.items() if profile == (plan.rates, plan.behaviour)
    ]
    words += [f"PROFILE={name}" for name in profiles if name != "swarm"]
    if plan.only_calls is not None:
        words.append(f"ONLY={','.join(map(str, plan.only_calls))}")
    if plan.only_faults is not None:
        words.append(f"FAULTS={','.join(plan.only_faults or [NO_FAULT])}")
    return shlex.join(words)
