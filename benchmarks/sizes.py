"""Sizes of the uploaded archives, compressed as zip files."""

import io
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from benchmarks.contenders import OURS, Contender
from tests.helpers.template import ROOT

ARCHITECTURES = ("arm64", "x86_64")


def zipped_bytes(folders: Iterable[Path]) -> int:
    """Return the size of one archive with all files of the folders."""
    archive = io.BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as zipped:
        for folder in folders:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    zipped.write(file, file.relative_to(folder))
    return archive.tell()


def function_bytes(contender: Contender) -> int:
    """Return the size of a contender's function; ours has its packages in the layer."""
    folders = [contender.code]
    if contender.packages and contender is not OURS:
        folders.append(contender.packages)
    return zipped_bytes(folders)


def layer_bytes() -> dict[str, int]:
    """Return the size of the layer for each architecture that was built."""
    layers = {name: ROOT / ".aws-sam" / name / "AiflowLayer" for name in ARCHITECTURES}
    return {name: zipped_bytes([layer]) for name, layer in layers.items() if layer.is_dir()}
