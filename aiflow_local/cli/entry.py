"""Entry point of the `aiflow` command; it handles Ctrl-C during the imports, too."""

import os
import sys
import threading

_INTERRUPTED = 130


def main() -> None:
    """Import and run the command line; on Ctrl-C, exit without a traceback."""
    try:
        from aiflow_local.cli.main import main as run  # noqa: PLC0415 - Ctrl-C during the import

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED and threading.active_count() > 1:
            # Exit at once instead of waiting for a handler thread that hangs. A normal exit could
            # crash while such a thread runs native code.
            os._exit(_INTERRUPTED)
        raise


if __name__ == "__main__":
    main()
