import subprocess
import sys
from pathlib import Path

import aiflow

# An empty package replaces `aiflow/__init__.py`, so that only the protocol is imported.
PROGRAM = """
import sys, types
package = types.ModuleType("aiflow")
package.__path__ = sys.argv[1:2]
sys.modules["aiflow"] = package
import pydantic
before = set(sys.modules)
import aiflow.protocol.actions, aiflow.protocol.events
print(*(set(sys.modules) - before))
"""
HEAVY = {
    "asyncio",
    "email",
    "hashlib",
    "html",
    "http",
    "logging",
    "socket",
    "ssl",
    "urllib.request",
}


def test_the_protocol_imports_no_heavy_modules() -> None:
    folder = Path(aiflow.__file__).parent
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "aiflow.protocol.actions" in loaded
    assert loaded & HEAVY == set()


def test_models_are_built_on_first_use() -> None:
    program = PROGRAM.replace(
        "print(*(set(sys.modules) - before))",
        "models = [*aiflow.protocol.actions.ACTION_TYPES.values(), "
        "*aiflow.protocol.events.EVENT_TYPES.values()]\n"
        "print(sum(model.__pydantic_complete__ for model in models), len(models))",
    )
    command = [sys.executable, "-c", program, str(Path(aiflow.__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "18"]
