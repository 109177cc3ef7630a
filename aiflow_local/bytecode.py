"""Compile the output of `sam build` to bytecode for the paths to which Lambda unpacks it."""

import compileall
import re
from pathlib import Path
from py_compile import PycInvalidationMode

from aiflow_local.errors import Unreadable

_MAX_DEPTH = 50
# Functions load none of these modules during a call, or only one small one: bytecode would only
# make the layer larger.
_RARELY_LOADED = re.compile(
    "/(aws_lambda_powertools/(event_handler|utilities/(?!__init__|jmespath_utils))"
    "|pydantic/v1|phonenumbers/(short)?data/region_)"
)


def compile_build(build: Path) -> int:
    """Compile every function and layer of a build, and return the number of compiled modules.

    Python does not compare this bytecode with its source: the archive does not keep modification
    times, so Python would discard it as outdated. A module that cannot be compiled is skipped, and
    fails when it is imported.

    Raises:
        Unreadable: The folder contains no modules.
    """
    for folder in (path for path in build.iterdir() if path.is_dir()):
        compileall.compile_dir(
            folder,
            maxlevels=_MAX_DEPTH,
            quiet=2,
            force=True,
            rx=_RARELY_LOADED,
            # Tracebacks then show the paths on Lambda instead of those of the build.
            stripdir=str(folder),
            prependdir="/opt" if (folder / "python").is_dir() else "/var/task",
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
    count = sum(1 for _ in build.rglob("*.pyc"))
    if not count:
        raise Unreadable("no_build", f"{build} has no modules: run `sam build` first")
    return count
