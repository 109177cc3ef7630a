"""The front door without cold starts: there only when asked for, and otherwise like the other."""

from typing import Any

import pytest

from tests.helpers.template import ROOT, Template
from tests.infrastructure.scan.expanding import expanded

PREPARED = "PreparedWebhookFunction"
OF_ITS_OWN = {
    *("AutoPublishAlias", "AutoPublishCodeSha256", "SnapStart", "ProvisionedConcurrencyConfig"),
    *("DeploymentPreference", "Events", "LoggingConfig"),
}


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(ROOT / "template.yaml")


def test_it_is_off_by_default(template: Template) -> None:
    parameters = template.parameters
    assert parameters["SnapStart"]["Default"] == "None"
    assert parameters["ProvisionedConcurrency"]["Default"] == 0
    assert template.resources("AWS::Serverless::Function")[PREPARED]["Condition"] == "IsPrepared"
    assert template.outputs["PreparedWebhookUrl"]["Condition"] == "IsPrepared"


def test_it_is_the_front_door_but_for_how_it_starts(template: Template) -> None:
    def shared(name: str) -> dict[str, Any]:
        properties = template.functions[name]
        return {key: properties[key] for key in properties.keys() - OF_ITS_OWN}

    assert shared(PREPARED) == shared("WebhookFunction")


def test_no_other_function_runs_a_published_version(template: Template) -> None:
    # A changed token would not reach it.
    published = [name for name, own in template.functions.items() if "AutoPublishAlias" in own]
    assert published == [PREPARED]


@pytest.mark.parametrize(
    ("deployment", "shifting"), [("AllAtOnce", None), ("Canary10Percent5Minutes", PREPARED)]
)
def test_a_new_release_goes_out_bit_by_bit_only_if_asked_for(
    deployment: str, shifting: str | None
) -> None:
    parameters = {"TokenSha256": "0" * 64, "Deployment": deployment, "WebSocket": "disabled"}
    made = expanded(ROOT / "template.yaml", "rollout", parameters)
    groups = made.of_type("AWS::CodeDeploy::DeploymentGroup")
    assert [*groups] == [f"{shifting}DeploymentGroup"] * bool(shifting)
    # Asking for it adds the door by itself.
    assert (PREPARED in made.resources) == bool(shifting)
    for group in groups.values():
        watching = [alarm["Name"]["Ref"] for alarm in group["AlarmConfiguration"]["Alarms"]]
        assert watching == ["PreparedWebhookErrors", "DegradedAnswers"]
        assert group["AutoRollbackConfiguration"]["Enabled"]


def test_a_new_release_is_what_publishes(template: Template) -> None:
    assert template.functions[PREPARED]["AutoPublishCodeSha256"] == {"Ref": "Release"}
    # It becomes a part of the name of a resource, whose first ten characters count.
    assert template.parameters["Release"]["AllowedPattern"] == "^[0-9A-Za-z]{1,10}$"
