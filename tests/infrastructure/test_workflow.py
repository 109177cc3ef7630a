"""The workflow that deploys from GitHub, as far as it can be walked without AWS."""

import os
import subprocess
from typing import Any

import pytest
import yaml

from tests.helpers.template import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text("utf-8"))


def step(name: str) -> str:
    """What a step of the workflow runs."""
    steps: list[dict[str, Any]] = WORKFLOW["jobs"]["deploy"]["steps"]
    (found,) = [each["run"] for each in steps if each.get("name") == name]
    return str(found)


@pytest.mark.built
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_workflow_deploys_what_was_built_as_samconfig_says(environment: str) -> None:
    given = {
        "STACK_ENVIRONMENT": environment,
        "EXECUTION_ROLE": "arn:aws:iam::123456789012:role/execution",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        # Nobody is there: what sam needs to know before it asks AWS, it knows.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
        "SAM_CLI_TELEMETRY": "0",
    }
    finished = subprocess.run(
        ["/bin/bash", "-euc", step("Deploy")],
        cwd=ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "http://127.0.0.1:9" in finished.stderr
    assert "Missing option" not in finished.stderr
