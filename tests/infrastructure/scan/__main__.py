"""The gate from a shell: `make scan`.

python -m tests.infrastructure.scan [--json]

Ends with 0 if all checks passed, 1 if one found something, 2 if one could not look.
"""

import argparse
import json
import sys

from tests.helpers.template import ROOT
from tests.infrastructure.scan.gate import Gate, as_json, exit_code, parameter_sets, table


def main() -> int:
    """Look, and print what came of it; return how the process ends."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.infrastructure.scan", description="Scan the stack."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    is_json = parser.parse_args().json
    checks = Gate(ROOT / "template.yaml", parameter_sets()).checks()
    lines = [json.dumps(as_json(checks))] if is_json else table(checks)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return exit_code(checks)


if __name__ == "__main__":
    sys.exit(main())
