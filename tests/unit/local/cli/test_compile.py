"""`aiflow compile`."""

import marshal
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType

import pytest

from tests.unit.local.cli.command import Run

HEADER = 16
UNCHECKED_HASH = (1).to_bytes(4, "little")


def bytecode(module: Path) -> tuple[bytes, CodeType]:
    """Return the flags and the code of the bytecode of a module."""
    data = Path(cache_from_source(str(module))).read_bytes()
    code = marshal.loads(data[HEADER:])  # noqa: S302 - written by the command
    assert isinstance(code, CodeType)
    return data[4:8], code


@pytest.mark.parametrize(
    ("module", "unpacked"),
    [
        ("AiflowLayer/python/aiflow/errors.py", "/opt/python/aiflow/errors.py"),
        ("UserSpeakFunction/app.py", "/var/task/app.py"),
    ],
)
def test_bytecode_has_the_paths_to_which_lambda_unpacks_the_modules(
    run: Run, tmp_path: Path, module: str, unpacked: str
) -> None:
    (tmp_path / module).parent.mkdir(parents=True)
    (tmp_path / module).write_text("NUMBER = 1\n")
    assert run("compile", str(tmp_path)).code == 0
    flags, code = bytecode(tmp_path / module)
    assert flags == UNCHECKED_HASH
    assert code.co_filename == unpacked


def test_a_module_with_a_syntax_error_is_skipped(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "Function"
    folder.mkdir()
    (folder / "bad.py").write_text("print 'no'\n")
    (folder / "good.py").write_text("NUMBER = 1\n")
    assert run("compile", str(tmp_path)).code == 0
    assert bytecode(folder / "good.py")[0] == UNCHECKED_HASH


def test_a_folder_without_modules_is_rejected(run: Run, tmp_path: Path) -> None:
    finished = run("compile", str(tmp_path))
    assert finished.code == 2
    assert "sam build" in finished.err
