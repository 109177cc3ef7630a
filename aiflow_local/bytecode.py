"""Bytecode for what `sam build` built, good for the place where Lambda unpacks it."""

import compileall
import re
from pathlib import Path
from py_compile import PycInvalidationMode

from aiflow_local.errors import Unreadable

_DEPTH = 50
# What no function loads while a caller waits, or one small file of it at a time: the layer is the
# smaller without.
_SELDOM = re.compile(
    "/(aws_lambda_powertools/(event_handler|utilities/(?!__init__|jmespath_utils))"
    "|pydantic/v1|phonenumbers/(short)?data/region_)"
)


def compile_build(build: Path) -> int:
    """Compile every function and layer of a build, and return how many modules have bytecode.

    It is not compared with its source when it is loaded: the archive forgets the times of the
    files, so that Python would take all of it for outdated. A module that cannot be compiled is
    left alone, and fails where it is imported, if it ever is.

    Raises:
        Unreadable: there is nothing to compile.
    """
    for folder in (path for path in build.iterdir() if path.is_dir()):
        compileall.compile_dir(
            folder,
            maxlevels=_DEPTH,
            quiet=2,
            force=True,
            rx=_SELDOM,
            # Where tracebacks say that it is, and not where it was built.
            stripdir=str(folder),
            prependdir="/opt" if (folder / "python").is_dir() else "/var/task",
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
    count = sum(1 for _ in build.rglob("*.pyc"))
    if not count:
        raise Unreadable("no_build", f"{build} has no modules: `sam build` makes them")
    return count
