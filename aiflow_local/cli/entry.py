"""Where the command begins: before anything is loaded, since Ctrl-C may come meanwhile."""

import os
import sys
import threading

_INTERRUPTED = 130


def main() -> None:
    """Load the command line, run it and exit; Ctrl-C leaves no traceback, not even early."""
    try:
        from aiflow_local.cli.main import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED and threading.active_count() > 1:
            # Whoever insisted does not wait for a handler that hangs. Python may not end beside its
            # thread: in the middle of native code that would be a crash.
            os._exit(_INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
