"""The deploy workflow of GitHub, up to the first request to AWS."""

import os
import subprocess
from typing import Any

import pytest
import yaml

from tests.helpers.template import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text("utf-8"))


def step(name: str) -> str:
    """Return the command of a step."""
    steps: list[dict[str, Any]] = WORKFLOW["jobs"]["deploy"]["steps"]
    (found,) = [each["run"] for each in steps if each.get("name") == name]
    return str(found)


@pytest.mark.built
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_workflow_deploys_the_build_with_the_options_of_samconfig(environment: str) -> None:
    given = {
        "STACK_ENVIRONMENT": environment,
        "EXECUTION_ROLE": "arn:aws:iam::123456789012:role/execution",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        # The connection fails, which shows that no option is missing until then.
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
