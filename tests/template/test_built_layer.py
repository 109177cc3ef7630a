"""The layer as `sam build` lays it out, once for each processor."""

import shutil
import struct
from pathlib import Path

import pytest

from tests.support.template import ROOT

pytestmark = pytest.mark.built

# e_machine of the ELF header.
MACHINES = {"x86_64": 62, "arm64": 183}
EACH_ARCHITECTURE = pytest.mark.parametrize("architecture", MACHINES)


def layer(architecture: str) -> Path:
    """What becomes /opt."""
    return ROOT / ".aws-sam" / architecture / "AiflowLayer"


@EACH_ARCHITECTURE
def test_compiled_code_is_for_the_processor_that_the_layer_is_built_for(architecture: str) -> None:
    libraries = list(layer(architecture).rglob("*.so"))
    assert libraries
    for library in libraries:
        (machine,) = struct.unpack_from("<H", library.read_bytes(), 18)
        assert machine == MACHINES[architecture]


@EACH_ARCHITECTURE
def test_the_layer_unpacks_to_where_lambda_imports_from(architecture: str) -> None:
    python = layer(architecture) / "python"
    assert (python / "aiflow" / "__init__.py").is_file()
    assert (python / "pydantic" / "__init__.py").is_file()


@EACH_ARCHITECTURE
def test_the_layer_leaves_out_what_the_runtime_brings(architecture: str) -> None:
    packages = {path.name for path in (layer(architecture) / "python").iterdir()}
    assert not packages & {"boto3", "botocore"}


@EACH_ARCHITECTURE
def test_the_layer_is_small_enough_to_start_soon(architecture: str, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "layer"), "zip", layer(architecture))
    assert Path(packed).stat().st_size < 6_000_000
