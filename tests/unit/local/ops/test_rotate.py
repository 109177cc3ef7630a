"""`aiflow rotate` on a stack in a fake AWS account."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from aiflow_local.errors import LocalError
from aiflow_local.ops.rotation.stack_update import wait_for_update
from aiflow_local.tokens import Token
from tests.unit.local.cli.command import Finished, Run
from tests.unit.local.ops.account import Account

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient

OLD, NEW = Token("the-old-token-0123456789"), Token("the-new-token-0123456789")
BEGUN = {"TokenSha256": OLD.digest, "TokenSha256Next": NEW.digest, "Release": "1"}


class Operator:
    """Rotates the token of a stack, and simulates requests with either token."""

    def __init__(self, account: Account, run: Run) -> None:
        self.account, self._run = account, run

    def run(self, *arguments: str) -> Finished:
        """Run `aiflow rotate`."""
        return self._run("rotate", *arguments, "--stack", self.account.stack)

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Run it with `--json`, and return the output."""
        finished = self.run(*arguments, "--json")
        assert finished.code == 0, finished.err
        return json.loads(finished.out)

    @property
    def deployed(self) -> dict[str, str]:
        """The deployed parameters."""
        (stack,) = self.account.cloudformation.describe_stacks()["Stacks"]
        parameters = stack.get("Parameters", [])
        return {p.get("ParameterKey", ""): p.get("ParameterValue", "") for p in parameters}

    def use_new_token(self) -> None:
        """Record the metric of a request with the new token."""
        client = cast("CloudWatchClient", Session().create_client("cloudwatch"))
        client.put_metric_data(
            Namespace="AiFlow",
            MetricData=[
                {
                    "MetricName": "NextTokenUsed",
                    "Dimensions": [{"Name": "service", "Value": self.account.stack}],
                    "Timestamp": datetime.now(UTC),
                    "Value": 1,
                }
            ],
        )

    def log(self, *slots: str) -> None:
        """Write log lines of requests with the tokens in these slots."""
        client = cast("CloudWatchLogsClient", Session().create_client("logs"))
        group = f"/aws/lambda/{self.account.stack}/webhook"
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="one")
        now_ms = round(datetime.now(UTC).timestamp() * 1000)
        for token in slots:
            line = json.dumps({"event_type": "user_speak", "token": token}, separators=(",", ":"))
            client.put_log_events(
                logGroupName=group,
                logStreamName="one",
                logEvents=[{"timestamp": now_ms, "message": line}],
            )


@pytest.fixture
def operator(account: Account, run: Run) -> Operator:
    return Operator(account, run)


class TestBegin:
    def test_begin_prints_a_new_token_and_deploys_its_digest(self, operator: Operator) -> None:
        operator.account.deploy_with({"TokenSha256": OLD.digest, "LogLevel": "DEBUG"}, {})
        finished = operator.run("begin")
        assert finished.code == 0
        token = Token(finished.out.split()[1])
        deployed = operator.deployed
        assert deployed["TokenSha256Next"] == token.digest
        assert (deployed["TokenSha256"], deployed["LogLevel"]) == (OLD.digest, "DEBUG")
        assert "sipgate dashboard" in finished.out
        assert token.secret not in json.dumps(deployed)

    def test_the_json_output_has_the_token(self, operator: Operator) -> None:
        operator.account.deploy_with({"TokenSha256": OLD.digest}, {})
        output = operator.json("begin")
        assert Token(output["token"]).digest == operator.deployed["TokenSha256Next"]

    def test_begin_changes_the_release_for_the_prepared_webhook(self, operator: Operator) -> None:
        operator.account.deploy_with({"TokenSha256": OLD.digest, "Release": "1"}, {})
        operator.run("begin")
        release = operator.deployed["Release"]
        assert release != "1"
        assert release.isalnum()
        assert len(release) <= 10

    def test_a_second_rotation_is_rejected(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        finished = operator.run("begin")
        assert (finished.code, finished.out) == (1, "")
        assert "a rotation is in progress" in finished.err
        assert operator.deployed["TokenSha256Next"] == NEW.digest

    def test_a_dry_run_generates_no_token_and_changes_nothing(self, operator: Operator) -> None:
        operator.account.deploy_with({"TokenSha256": OLD.digest}, {})
        finished = operator.run("begin", "--dry-run")
        assert (finished.code, "TokenSha256Next would become" in finished.out) == (0, True)
        assert "Token  " not in finished.out
        assert operator.deployed["TokenSha256Next"] == ""

    def test_a_stack_of_another_template_is_rejected(self, operator: Operator) -> None:
        operator.account.deploy_with({}, {}, names=("Other",))
        finished = operator.run("begin")
        assert (finished.code, "has no parameter TokenSha256Next" in finished.err) == (1, True)


class TestFinish:
    def test_the_new_token_replaces_the_old_one(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        operator.use_new_token()
        operator.log("next")
        assert operator.run("finish").code == 0
        deployed = operator.deployed
        assert (deployed["TokenSha256"], deployed["TokenSha256Next"]) == (NEW.digest, "")
        assert deployed["Release"] != "1"

    def test_finish_is_rejected_while_the_old_token_is_in_use(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        operator.use_new_token()
        operator.log("next", "current")
        finished = operator.run("finish")
        assert (finished.code, "the old token is still in use" in finished.err) == (1, True)
        assert operator.deployed == {**operator.deployed, **BEGUN}

    def test_finish_is_rejected_until_the_new_token_is_used(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        operator.log()
        finished = operator.run("finish")
        assert (finished.code, "was not used yet" in finished.err) == (1, True)

    @pytest.mark.parametrize("level", ["WARNING", "ERROR", "INFO"])
    def test_finish_is_rejected_if_the_logs_do_not_show_the_use_of_the_old_token(
        self, operator: Operator, level: str
    ) -> None:
        operator.account.deploy_with({**BEGUN, "LogLevel": level}, {})
        operator.use_new_token()
        finished = operator.run("finish")
        assert (finished.code, "the logs do not show" in finished.err) == (1, True)

    def test_force_skips_the_check_of_the_use(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        assert operator.run("finish", "--force").code == 0
        assert operator.deployed["TokenSha256"] == NEW.digest

    def test_a_dry_run_changes_nothing(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        output = operator.json("finish", "--force", "--dry-run")
        assert (output["dry_run"], output["changed"]["TokenSha256"]) == (True, NEW.digest)
        assert operator.deployed == {**operator.deployed, **BEGUN}

    @pytest.mark.parametrize("step", ["finish", "abort"])
    def test_finish_and_abort_need_a_rotation_in_progress(
        self, operator: Operator, step: str
    ) -> None:
        operator.account.deploy_with({"TokenSha256": OLD.digest}, {})
        finished = operator.run(step)
        assert (finished.code, "no rotation is in progress" in finished.err) == (1, True)


class TestAbort:
    def test_abort_keeps_the_old_token_and_removes_the_new_one(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        assert operator.run("abort").code == 0
        deployed = operator.deployed
        assert (deployed["TokenSha256"], deployed["TokenSha256Next"]) == (OLD.digest, "")

    def test_abort_is_rejected_while_the_new_token_is_in_use(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        operator.use_new_token()
        finished = operator.run("abort")
        assert (finished.code, "the new token is in use" in finished.err) == (1, True)
        assert operator.run("abort", "--force").code == 0


class TestStatus:
    def test_status_shows_the_step_and_the_next_command(self, operator: Operator) -> None:
        operator.account.deploy_with({"TokenSha256": OLD.digest}, {})
        assert operator.json("status") == {"step": "idle", "usage": None, "conflicts": []}
        assert "aiflow rotate begin" in operator.run("status").out

    def test_status_shows_which_tokens_are_used(self, operator: Operator) -> None:
        operator.account.deploy_with(BEGUN, {})
        operator.use_new_token()
        operator.log("current")
        output = operator.json("status", "--minutes", "5")
        assert (output["step"], output["usage"]) == ("begun", {"minutes": 5, "new": 1, "old": True})
        assert "the old one was used" in operator.run("status").out

    def test_a_digest_that_the_next_deployment_would_revert_is_a_warning(
        self, operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "template.yaml").touch()
        monkeypatch.chdir(tmp_path)
        overrides = f'parameter_overrides = ["TokenSha256={OLD.digest}", "LogLevel=INFO"]'
        text = f'[default.deploy.parameters]\nregion = "eu-central-1"\n{overrides}\n'
        (tmp_path / "samconfig.toml").write_text(text, encoding="utf-8")
        operator.account.deploy_with(BEGUN, {})
        assert operator.json("status")["conflicts"] == []
        finished = operator.run("finish", "--force")
        assert "sets another TokenSha256, so the next `sam deploy` would revert it" in finished.out
        assert f'TokenSha256="{NEW.digest}"' in finished.out

    def test_without_a_stack_the_manual_steps_are_printed(self, operator: Operator) -> None:
        finished = operator.run("status")
        assert (finished.code, "TokenSha256Next=DIGEST" in finished.out) == (1, True)
        assert "there is no stack" in finished.err
        finished = operator.run("begin", "--json")
        assert (finished.code, json.loads(finished.out)["step"]) == (1, None)


class TestWaiting:
    """On moto an update is complete at once; on AWS it takes minutes, and may fail."""

    def test_waiting_ends_when_the_update_is_complete(self) -> None:
        statuses = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
        reported, pauses = _wait(statuses)
        assert (reported, pauses) == (statuses, [5.0, 5.0])

    def test_the_error_for_a_rolled_back_update_has_its_reason(self) -> None:
        with pytest.raises(LocalError, match=r"is active again.*Webhook: no such key"):
            _wait(["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"], "no such key")

    def test_the_error_for_an_update_without_a_reason_refers_to_the_events(self) -> None:
        with pytest.raises(LocalError, match="see the events of the stack"):
            _wait(["UPDATE_ROLLBACK_COMPLETE"], "")


def _wait(statuses: list[str], reason: str | None = None) -> tuple[list[str], list[float]]:
    """Wait for a stack with these statuses; return the reported statuses and the pauses."""
    client: Any = Session().create_client(
        "cloudformation",
        region_name="eu-central-1",
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",
    )
    reported: list[str] = []
    pauses: list[float] = []
    at = {"StackName": "one", "CreationTime": datetime.now(UTC)}
    with Stubber(client) as stub:
        for status in statuses:
            stub.add_response("describe_stacks", {"Stacks": [{**at, "StackStatus": status}]})
        if reason is not None:
            stub.add_response("describe_stack_events", {"StackEvents": _events(reason)})
        wait_for_update(client, "one", pauses.append, reported.append)
    return reported, pauses


def _events(reason: str) -> list[dict[str, object]]:
    event = {"StackId": "one", "StackName": "one", "Timestamp": datetime.now(UTC)}
    resource = {**event, "LogicalResourceId": "Webhook", "ResourceStatusReason": reason}
    if not reason:
        return []
    return [
        {**resource, "EventId": "2", "ResourceStatus": "UPDATE_COMPLETE"},
        {**resource, "EventId": "1", "ResourceStatus": "UPDATE_FAILED"},
    ]
