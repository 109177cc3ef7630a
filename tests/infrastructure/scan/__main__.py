"""Run the scan from a shell: `make scan`.

python -m tests.infrastructure.scan [--json]

Exit code: 0 if all checks passed, 1 if one has findings, 2 if one did not run.
"""

import argparse
import json
import sys

from tests.helpers.template import ROOT
from tests.infrastructure.scan.exemptions import EXEMPTIONS
from tests.infrastructure.scan.scan import Scan, as_json, exit_code, parameter_sets, table


def main() -> int:
    """Run all checks, print the results, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.infrastructure.scan", description="Scan the stack."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    is_json = parser.parse_args().json
    checks = Scan(ROOT / "template.yaml", parameter_sets(), EXEMPTIONS).checks()
    lines = [json.dumps(as_json(checks))] if is_json else table(checks)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return exit_code(checks)


if __name__ == "__main__":
    sys.exit(main())
