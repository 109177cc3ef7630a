"""Which modules a function imports, until it is ready for its first event."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PROGRAM = """
import sys
before = set(sys.modules)
__import__(sys.argv[1])
print(*sorted(set(sys.modules) - before))
"""


def imported(module: str, paths: Sequence[Path], environment: Mapping[str, str]) -> frozenset[str]:
    """Return what importing a function's module loads, in a process of its own.

    Args:
        module: of the handler.
        paths: where modules are found, and nowhere else but in Python's own library.
        environment: of the function.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", _PROGRAM, module],
        env={
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return frozenset(done.stdout.split())
