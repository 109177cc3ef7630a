"""The modules that a function imports before its first event."""

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
    """Import a function's module in a new process, and return the names of all loaded modules.

    Args:
        module: module of the handler.
        paths: folders with modules, besides Python's standard library.
        environment: environment variables of the function.
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
