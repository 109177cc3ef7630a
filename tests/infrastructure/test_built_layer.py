"""The layer that `sam build` created, for each processor."""

import struct
import subprocess
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from benchmarks.modules import imported
from benchmarks.sizes import zipped_bytes
from tests.helpers.emulator import BUILD, RUNTIME
from tests.helpers.runtime import TOKEN, digest_of
from tests.helpers.tables import ENVIRONMENT
from tests.helpers.template import ROOT

pytestmark = pytest.mark.built

UNCHECKED_HASH = (1).to_bytes(4, "little")
# e_machine of the ELF header.
MACHINES = {"x86_64": 62, "arm64": 183}
PLATFORMS = {"x86_64": "x86_64-manylinux2014", "arm64": "aarch64-manylinux2014"}
EACH_ARCHITECTURE = pytest.mark.parametrize("architecture", MACHINES)


def layer(architecture: str) -> Path:
    """Return the folder that becomes /opt."""
    return ROOT / ".aws-sam" / architecture / "AiflowLayer"


@EACH_ARCHITECTURE
def test_compiled_code_is_for_the_processor_of_the_layer(architecture: str) -> None:
    libraries = list(layer(architecture).rglob("*.so"))
    assert libraries
    for library in libraries:
        (machine,) = struct.unpack_from("<H", library.read_bytes(), 18)
        assert machine == MACHINES[architecture]


@EACH_ARCHITECTURE
def test_the_layer_has_the_folder_that_lambda_imports_from(architecture: str) -> None:
    python = layer(architecture) / "python"
    assert (python / "aiflow" / "__init__.py").is_file()
    assert (python / "pydantic" / "__init__.py").is_file()


@EACH_ARCHITECTURE
def test_every_imported_module_has_bytecode_that_lambda_does_not_recompile(
    architecture: str,
) -> None:
    python = layer(architecture) / "python"
    settings = {**ENVIRONMENT, "API_TOKEN_SHA256": digest_of(TOKEN), "SESSIONS_TABLE": "sessions"}
    paths = [BUILD / "WebhookFunction", BUILD / "AiflowLayer/python", RUNTIME]
    names = [
        name.replace(".", "/") for name in imported("aiflow.entrypoints.webhook", paths, settings)
    ]
    files = [python / f"{name}{ending}" for name in names for ending in (".py", "/__init__.py")]
    loaded = [file for file in files if file.is_file()]
    assert len(loaded) > 100
    for module in loaded:
        # The flags follow the magic number: based on a hash that Python does not check.
        flags = Path(cache_from_source(str(module))).read_bytes()[4:8]
        assert flags == UNCHECKED_HASH, module


@EACH_ARCHITECTURE
def test_the_layer_is_small(architecture: str) -> None:
    assert zipped_bytes([layer(architecture)]) < 6_000_000


@EACH_ARCHITECTURE
def test_the_layer_does_not_contain_packages_of_the_runtime(architecture: str) -> None:
    packages = {path.name for path in (layer(architecture) / "python").iterdir()}
    assert not packages & {"boto3", "botocore"}


@EACH_ARCHITECTURE
def test_the_layer_contains_exactly_what_the_locked_hashes_verify(
    architecture: str, tmp_path: Path
) -> None:
    # `sam build` downloads wheels for another processor without checking hashes.
    command = [str(ROOT / ".venv/bin/uv"), "pip", "install", "--quiet", "--require-hashes"]
    platform = ["--python-version", "3.13", "--python-platform", PLATFORMS[architecture]]
    lock = ROOT / "layers/aiflow/python/requirements.txt"
    subprocess.run(
        [*command, *platform, "--target", tmp_path, "--no-build", "-r", lock], check=True
    )
    built = code_in(layer(architecture) / "python")
    assert built == code_in(tmp_path) | code_in(lock.parent)


def code_in(folder: Path) -> dict[str, bytes]:
    """Return every file that Python can import, without bytecode, metadata and commands."""
    files = {file.relative_to(folder): file for file in sorted(folder.rglob("*"))}
    return {
        str(path): file.read_bytes()
        for path, file in files.items()
        if file.suffix in {".py", ".so", ".pth"}
        and "__pycache__" not in path.parts
        # `sam build` and pip put the commands of a wheel there.
        and not path.parts[0].endswith((".data", "bin"))
    }
