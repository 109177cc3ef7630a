"""Where the command begins: before anything is loaded, since Ctrl-C may come meanwhile."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Load the command line, run it and exit; Ctrl-C leaves no traceback, not even early."""
    try:
        from local.cli import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
