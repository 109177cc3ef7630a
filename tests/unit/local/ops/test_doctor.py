"""`aiflow doctor`: local checks, checks of a stack, and checks of endpoints."""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from aiflow_local.emulator.project_gateway import ProjectOptions, serve_project
from aiflow_local.tokens import Token
from tests.helpers.socket_bots import SocketBot, sending, serving_socket
from tests.helpers.socket_bots import conversing as talking
from tests.helpers.tables import Table
from tests.helpers.template import ROOT
from tests.helpers.web_bots import Bot, Request, answering, conversing, serving
from tests.unit.local.cli.command import Run
from tests.unit.local.ops.account import Account

TOKEN = Token("secret-of-the-test-0123456789")
OTHER = Token("secret-of-another-0123456789")
EVENTS = ("session_start", "user_speak")


class Doctor:
    """Runs `aiflow doctor --json` and checks its summary and exit code."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, *arguments: str) -> dict[str, tuple[str, str]]:
        """Return the result and the text of each check by its name."""
        finished = self._run("doctor", *arguments, "--json")
        output = json.loads(finished.out)
        checks = output["checks"]
        found = {c["check"]: (c["result"], f"{c['reason']} {c['remedy']}") for c in checks}
        seen = {result for result, _ in found.values()} - {"not run"}
        is_healthy = bool(seen) and "failed" not in seen
        assert (output["healthy"], finished.code) == (is_healthy, int(not is_healthy))
        assert TOKEN.secret not in finished.out + finished.err
        return found


@pytest.fixture
def doctor(run: Run, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    monkeypatch.setenv("AIFLOW_TOKEN", TOKEN.secret)
    return Doctor(run)


@pytest.fixture
def bots() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def refusing(status: int, bot: Bot) -> Bot:
    """A bot that rejects wrong tokens with this status."""

    def answer(request: Request) -> None:
        is_known = request.headers["x-api-token"] == TOKEN.secret
        (bot if is_known else answering({}, status))(request)

    return answer


class TestEndpoints:
    def test_the_agent_of_this_project_passes_all_checks(
        self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(ROOT)
        with serve_project(ProjectOptions(TOKEN, (), print, time.time)) as own:
            found = doctor("--local", "--url", own.url)
        assert _results(found) == {
            "webhook: test call": "ok",
            "webhook: wrong token": "ok",
            "websocket: test call": "ok",
            "websocket: wrong token": "ok",
        }
        assert re.match(
            r"answers are valid; p50 \d+ ms, max \d+ ms", found["webhook: test call"][1]
        )
        assert found["webhook: wrong token"][1].startswith("rejected with 401")
        assert found["websocket: wrong token"][1].startswith("rejected with 403")

    def test_a_test_call_has_a_recognizable_session_id_and_no_account_id(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        seen: list[Any] = []

        def noting(request: Request) -> None:
            seen.append(request.event)
            conversing("Hello", *EVENTS)(request)

        doctor("--url", bots.enter_context(serving(refusing(401, noting))))
        assert [event["type"] for event in seen] == ["session_start", "user_speak", "session_end"]
        (session,) = {json.dumps(event["session"]) for event in seen}
        assert json.loads(session)["id"].startswith("aiflow-doctor-")
        assert "account_id" not in json.loads(session)

    @pytest.mark.parametrize(
        ("bot", "text"),
        [
            (answering({}, 500), "/status is 500"),
            (answering(b"<html>", content_type="text/html"), "a web page"),
            (answering(b"garbage"), "JSON"),
            (answering({"type": "sing", "session_id": "x"}), "session_start"),
        ],
    )
    def test_an_invalid_answer_fails_the_test_call(
        self, doctor: Doctor, bots: ExitStack, bot: Bot, text: str
    ) -> None:
        found = doctor("--url", bots.enter_context(serving(refusing(401, bot))))
        result, reason = found["webhook: test call"]
        assert (result, text in reason) == ("failed", True)

    def test_an_agent_that_sends_no_action_is_a_warning(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        found = doctor("--url", bots.enter_context(serving(refusing(403, conversing("Hello")))))
        assert _results(found)["webhook: test call"] == "warning"

    def test_an_endpoint_that_accepts_a_wrong_token_fails(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        url = bots.enter_context(serving(conversing("Hello", *EVENTS)))
        socket = bots.enter_context(serving_socket(SocketBot(talking("Hello", *EVENTS))))
        found = doctor("--url", url, "--websocket-url", socket)
        for name in ("webhook", "websocket"):
            assert found[f"{name}: test call"][0] == "ok"
            assert found[f"{name}: wrong token"][0] == "failed"
            assert "anyone can send events to your agent" in found[f"{name}: wrong token"][1]

    def test_an_endpoint_that_answers_a_wrong_token_with_500_fails(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        url = bots.enter_context(serving(refusing(500, conversing("Hello", *EVENTS))))
        result, reason = doctor("--url", url)["webhook: wrong token"]
        assert (result, "status 500 instead of 401" in reason) == ("failed", True)

    def test_a_slow_answer_is_a_warning(self, doctor: Doctor, bots: ExitStack) -> None:
        never = Event()

        def slow(request: Request) -> None:
            never.wait(1.1)
            conversing("Hello", *EVENTS)(request)

        found = doctor("--url", bots.enter_context(serving(refusing(401, slow))))
        assert "slow enough for a caller to notice" in found["webhook: test call"][1]
        assert found["webhook: test call"][0] == "warning"

    def test_an_unreachable_endpoint_fails(self, doctor: Doctor) -> None:
        found = doctor("--url", "http://127.0.0.1:9/", "--websocket-url", "ws://127.0.0.1:9/")
        assert set(_results(found).values()) == {"failed"}
        assert "no server answers at this address" in found["websocket: wrong token"][1]

    def test_an_invalid_url_fails(self, doctor: Doctor) -> None:
        assert doctor("--url", "ftp://127.0.0.1/")["webhook: test call"][0] == "failed"

    def test_a_websocket_message_that_is_not_an_action_fails_the_test_call(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        url = bots.enter_context(serving_socket(SocketBot(sending("garbage"))))
        result, reason = doctor("--websocket-url", url)["websocket: test call"]
        assert (result, "must be an action as JSON" in reason) == ("failed", True)

    def test_the_remedy_for_a_rejected_token_names_the_options_of_doctor(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        found = doctor("--url", bots.enter_context(serving(answering({}, 401))))
        assert "AIFLOW_TOKEN" in found["webhook: test call"][1]
        assert "with --token" not in found["webhook: test call"][1]

    def test_an_endpoint_without_a_url_is_not_called(self, doctor: Doctor, bots: ExitStack) -> None:
        url = bots.enter_context(serving(refusing(401, conversing("Hello", *EVENTS))))
        assert doctor("--url", url)["websocket: test call"][0] == "not run"


class TestToken:
    def test_without_a_token_there_is_no_test_call(
        self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIFLOW_TOKEN")
        assert _results(doctor("--local")) == {"test call": "not run"}

    def test_the_command_fails_if_no_check_could_run(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIFLOW_TOKEN", raising=False)
        assert run("doctor", "--local").code == 1

    def test_the_token_can_be_read_from_a_file(
        self, doctor: Doctor, bots: ExitStack, tmp_path: Path
    ) -> None:
        file = tmp_path / "token"
        file.write_text(f"{TOKEN.secret}\n", encoding="utf-8")
        url = bots.enter_context(serving(refusing(401, conversing("Hello", *EVENTS))))
        found = doctor("--url", url, "--token-file", str(file))
        assert found["webhook: test call"][0] == "ok"

    def test_a_missing_token_file_or_an_invalid_token_is_a_usage_error(
        self, run: Run, tmp_path: Path
    ) -> None:
        file = tmp_path / "token"
        assert run("doctor", "--local", "--token-file", str(file)).code == 2
        file.write_text("two words", encoding="utf-8")
        finished = run("doctor", "--local", "--token-file", str(file))
        assert (finished.code, "not allowed in a header" in finished.err) == (2, True)

    def test_the_token_is_not_an_option(self, run: Run) -> None:
        assert run("doctor", "--local", "--token", "secret").code == 2


class TestStack:
    @pytest.fixture(autouse=True)
    def project(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)

    def test_a_healthy_stack_passes_all_checks(
        self, doctor: Doctor, account: Account, table: Table
    ) -> None:
        account.enable_ttl(table.name)
        account.deploy_with({"TokenSha256": OTHER.digest}, _outputs(table))
        account.subscribe()
        found = doctor("--after", "--stack", account.stack)
        ours = ("credentials", "stack", "outputs", "digests", "table", "alarms")
        assert {name: found[name][0] for name in ours} == dict.fromkeys(ours, "ok")

    def test_a_token_of_another_stack_is_not_sent(
        self, doctor: Doctor, account: Account, table: Table
    ) -> None:
        account.deploy_with({"TokenSha256": OTHER.digest}, _outputs(table))
        result, reason = doctor("--after", "--stack", account.stack)["test call"]
        assert (result, "it was not sent" in reason) == ("failed", True)

    def test_the_endpoints_in_the_outputs_are_called(
        self, doctor: Doctor, account: Account, table: Table, bots: ExitStack
    ) -> None:
        url = bots.enter_context(serving(refusing(401, conversing("Hello", *EVENTS))))
        urls = {"WebhookUrl": url, "PreparedWebhookUrl": url}
        account.deploy_with({"TokenSha256": TOKEN.digest}, {**_outputs(table), **urls})
        found = doctor("--after", "--stack", account.stack)
        assert found["webhook: test call"][0] == "ok"
        assert found["prepared webhook: wrong token"][0] == "ok"
        assert found["websocket: test call"][0] == "not run"

    @pytest.mark.parametrize(
        ("parameters", "result"),
        [
            ({"TokenSha256": ""}, "failed"),
            ({"TokenSha256": "0123"}, "failed"),
            ({"TokenSha256": Token("").digest}, "failed"),
            ({"TokenSha256": TOKEN.digest, "TokenSha256Next": TOKEN.digest}, "warning"),
            ({"TokenSha256": TOKEN.digest, "TokenSha256Next": "x"}, "failed"),
            ({"TokenSha256": OTHER.digest, "TokenSha256Next": TOKEN.digest}, "ok"),
        ],
    )
    def test_the_token_slots_must_hold_different_valid_digests(
        self, doctor: Doctor, account: Account, parameters: dict[str, str], result: str
    ) -> None:
        account.deploy_with(parameters, {})
        assert doctor("--after", "--stack", account.stack)["digests"][0] == result

    def test_missing_outputs_fail_and_checks_that_need_them_do_not_run(
        self, doctor: Doctor, account: Account
    ) -> None:
        account.deploy_with({"TokenSha256": OTHER.digest}, {}, with_alarms=False)
        found = _results(doctor("--after", "--stack", account.stack))
        assert (found["outputs"], found["table"], found["alarms"]) == (
            "failed",
            "not run",
            "not run",
        )

    def test_a_table_without_ttl_fails_and_one_without_backups_is_a_warning(
        self, doctor: Doctor, account: Account, table: Table
    ) -> None:
        account.deploy_with({"TokenSha256": OTHER.digest}, _outputs(table))
        found = doctor("--after", "--stack", account.stack)
        assert "calls are never deleted" in found["table"][1]
        account.enable_ttl(table.name, with_backups=False)
        assert doctor("--after", "--stack", account.stack)["table"][0] == "warning"

    def test_the_check_of_a_deleted_table_does_not_run(
        self, doctor: Doctor, account: Account
    ) -> None:
        account.deploy(SessionsTableName="gone", WebhookUrl="https://agent.example.com")
        assert doctor("--after", "--stack", account.stack)["table"][0] == "not run"

    def test_alarms_without_a_subscription_are_a_warning(
        self, doctor: Doctor, account: Account
    ) -> None:
        account.deploy()
        assert "no subscription" in doctor("--after", "--stack", account.stack)["alarms"][1]

    def test_without_a_stack_its_checks_do_not_run(self, doctor: Doctor, table: Table) -> None:
        found = doctor("--stack", "nowhere")
        names = ("stack", "outputs", "digests", "table", "alarms", "test call")
        assert {_results(found)[name] for name in names} == {"not run"}
        assert "there is no stack nowhere" in found["stack"][1]

    def test_with_after_a_missing_stack_fails(self, doctor: Doctor, table: Table) -> None:
        found = doctor("--after", "--stack", "nowhere")
        assert found.pop("credentials")[0] == "ok"
        assert found.pop("stack")[0] == "failed"
        assert set(_results(found).values()) == {"not run"}

    def test_without_credentials_the_other_checks_do_not_run(
        self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            monkeypatch.setenv(name, str(tmp_path / "none"))
        found = doctor("--after", "--stack", "any")
        assert found.pop("credentials")[0] == "failed"
        assert set(_results(found).values()) == {"not run"}

    def test_an_unknown_profile_fails(self, doctor: Doctor) -> None:
        result, reason = doctor("--after", "--profile", "nobody")["credentials"]
        assert (result, "list-profiles" in reason) == ("failed", True)


class TestMachine:
    @pytest.fixture
    def project(self, tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "template.yaml").write_bytes((ROOT / "template.yaml").read_bytes())
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def examine(self, doctor: Doctor) -> dict[str, tuple[str, str]]:
        """Run the local checks."""
        return doctor("--before", "--stack", "any")

    def test_missing_commands_fail(
        self, doctor: Doctor, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(project))
        found = self.examine(doctor)
        assert (found["Python"][0], found["SAM"][0]) == ("failed", "failed")
        for name in ("python3.13", "sam"):
            (project / name).touch(mode=0o755)
        found = self.examine(doctor)
        assert (found["Python"][0], found["SAM"][0]) == ("ok", "ok")

    def test_an_unreadable_template_fails(self, doctor: Doctor, project: Path) -> None:
        assert self.examine(doctor)["template"][0] == "ok"
        (project / "template.yaml").write_text("{", encoding="utf-8")
        assert self.examine(doctor)["template"][0] == "failed"

    def test_a_build_must_be_compiled_up_to_date_and_for_the_right_processor(
        self, doctor: Doctor, project: Path
    ) -> None:
        assert self.examine(doctor)["build"][0] == "not run"
        core = project / ".aws-sam/build/AiflowLayer/python/pydantic_core"
        core.mkdir(parents=True)
        (project / ".aws-sam/build/template.yaml").touch()
        (core / "_pydantic_core.cpython-313-x86_64-linux-gnu.so").touch()
        assert "is for x86_64" in self.examine(doctor)["build"][1]
        (core / "_pydantic_core.cpython-313-x86_64-linux-gnu.so").rename(
            core / "_pydantic_core.cpython-313-aarch64-linux-gnu.so"
        )
        assert "no bytecode" in self.examine(doctor)["build"][1]
        (core / "core.pyc").touch()
        assert self.examine(doctor)["build"][0] == "ok"
        os.utime(project / ".aws-sam/build/template.yaml", (0, 0))
        assert "older than the latest edit" in self.examine(doctor)["build"][1]

    @pytest.mark.parametrize(
        ("digest", "result"), [(TOKEN.digest, "ok"), ("0123", "failed"), (None, "not run")]
    )
    def test_the_digest_in_samconfig_is_checked(
        self, doctor: Doctor, project: Path, digest: str | None, result: str
    ) -> None:
        overrides = f'parameter_overrides = "TokenSha256={digest}"' if digest else ""
        text = f'[default.deploy.parameters]\nstack_name = "any"\n{overrides}\n'
        (project / "samconfig.toml").write_text(text, encoding="utf-8")
        assert self.examine(doctor)["digest to deploy"][0] == result

    def test_each_check_is_printed_on_one_line(self, run: Run, project: Path) -> None:
        finished = run("doctor", "--before", "--stack", "any")
        lines = finished.out.splitlines()
        assert len(lines) == 6
        assert all(line.startswith(("ok ", "not run ", "failed ")) for line in lines)


def test_options_that_exclude_each_other_are_a_usage_error(run: Run) -> None:
    assert run("doctor", "--before", "--local").code == 2


def _results(found: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {name: result for name, (result, _) in found.items()}


def _outputs(table: Table) -> dict[str, str]:
    return {"WebhookUrl": "https://agent.example.com/webhook", "SessionsTableName": table.name}
