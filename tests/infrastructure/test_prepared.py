"""The prepared webhook: optional, and otherwise like the webhook."""

from typing import Any

import pytest

from tests.helpers.template import ROOT, Template
from tests.infrastructure.scan.expanded_template import expand

PREPARED = "PreparedWebhookFunction"
DIFFERENT = {
    *("AutoPublishAlias", "AutoPublishCodeSha256", "SnapStart", "ProvisionedConcurrencyConfig"),
    *("DeploymentPreference", "Events"),
}


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(ROOT / "template.yaml")


def test_it_is_off_by_default(template: Template) -> None:
    parameters = template.parameters
    assert parameters["SnapStart"]["Default"] == "None"
    assert parameters["ProvisionedConcurrency"]["Default"] == 0
    assert (
        template.resources("AWS::Serverless::Function")[PREPARED]["Condition"]
        == "HasPreparedWebhook"
    )
    assert template.outputs["PreparedWebhookUrl"]["Condition"] == "HasPreparedWebhook"


def test_it_differs_from_the_webhook_only_in_how_it_is_published(template: Template) -> None:
    def shared(name: str) -> dict[str, Any]:
        properties = template.functions[name]
        return {key: properties[key] for key in properties.keys() - DIFFERENT}

    assert shared(PREPARED) == shared("WebhookFunction")


def test_no_other_function_runs_a_published_version(template: Template) -> None:
    # A changed token reaches a published version only with a new release.
    published = [name for name, own in template.functions.items() if "AutoPublishAlias" in own]
    assert published == [PREPARED]


@pytest.mark.parametrize(
    ("deployment", "shifted"), [("AllAtOnce", None), ("Canary10Percent5Minutes", PREPARED)]
)
@pytest.mark.parametrize("operations", ["enabled", "disabled"])
def test_alarms_roll_back_a_gradual_deployment(
    deployment: str, shifted: str | None, operations: str
) -> None:
    options = {"Deployment": deployment, "Operations": operations, "WebSocket": "disabled"}
    stack = expand(ROOT / "template.yaml", "gradual", {"TokenSha256": "0" * 64, **options})
    groups = stack.of_type("AWS::CodeDeploy::DeploymentGroup")
    assert [*groups] == [f"{shifted}DeploymentGroup"] * bool(shifted)
    # A gradual deployment adds the prepared webhook.
    assert (PREPARED in stack.resources) == bool(shifted)
    for group in groups.values():
        alarms = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert alarms == ["DeploymentErrors", "DeploymentDegradedAnswers"]
        assert set(alarms) <= stack.of_type("AWS::CloudWatch::Alarm").keys()
        assert group["AutoRollbackConfiguration"]["Enabled"]


def test_a_new_release_publishes_a_version(template: Template) -> None:
    assert template.functions[PREPARED]["AutoPublishCodeSha256"] == {"Ref": "Release"}
    # SAM puts its first ten characters into the logical id of the version.
    assert template.parameters["Release"]["AllowedPattern"] == "^[0-9A-Za-z]{1,10}$"
