"""`aiflow doctor`: on this machine, in an account, and at doors of all kinds."""

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

from aiflow_local.emulator.project_gateway import Wanted, serve_own
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
    """Runs `aiflow doctor`, and keeps what it found."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __call__(self, *arguments: str) -> dict[str, tuple[str, str]]:
        """Return of each check its result and what was told of it."""
        finished = self._run("doctor", *arguments, "--json")
        told = json.loads(finished.out)
        found = {c["check"]: (c["result"], f"{c['reason']} {c['remedy']}") for c in told["checks"]}
        seen = {result for result, _ in found.values()} - {"not run"}
        is_healthy = bool(seen) and "failed" not in seen
        assert (told["healthy"], finished.code) == (is_healthy, int(not is_healthy))
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
    """A bot that refuses wrong tokens with this status."""

    def answer(request: Request) -> None:
        is_known = request.headers["x-api-token"] == TOKEN.secret
        (bot if is_known else answering({}, status))(request)

    return answer


class TestDoors:
    def test_the_agent_of_this_project_is_well(
        self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(ROOT)
        with serve_own(Wanted(TOKEN, (), print, time.time)) as own:
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
        assert found["webhook: wrong token"][1].startswith("refused with 401")
        assert found["websocket: wrong token"][1].startswith("refused with 403")

    def test_its_call_can_be_told_from_others_and_names_no_account(
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
        ("bot", "told"),
        [
            (answering({}, 500), "/status is 500"),
            (answering(b"<html>", content_type="text/html"), "a web page"),
            (answering(b"garbage"), "JSON"),
            (answering({"type": "sing", "session_id": "x"}), "session_start"),
        ],
    )
    def test_an_answer_that_is_none_is_told(
        self, doctor: Doctor, bots: ExitStack, bot: Bot, told: str
    ) -> None:
        found = doctor("--url", bots.enter_context(serving(refusing(401, bot))))
        result, reason = found["webhook: test call"]
        assert (result, told in reason) == ("failed", True)

    def test_one_that_says_nothing_is_warned_about(self, doctor: Doctor, bots: ExitStack) -> None:
        found = doctor("--url", bots.enter_context(serving(refusing(403, conversing("Hello")))))
        assert _results(found)["webhook: test call"] == "warning"

    def test_one_that_lets_everybody_in_is_told(self, doctor: Doctor, bots: ExitStack) -> None:
        url = bots.enter_context(serving(conversing("Hello", *EVENTS)))
        socket = bots.enter_context(serving_socket(SocketBot(talking("Hello", *EVENTS))))
        found = doctor("--url", url, "--websocket-url", socket)
        for door in ("webhook", "websocket"):
            assert found[f"{door}: test call"][0] == "ok"
            assert found[f"{door}: wrong token"][0] == "failed"
            assert "anybody can answer" in found[f"{door}: wrong token"][1]

    def test_a_wrong_token_that_breaks_it_is_told(self, doctor: Doctor, bots: ExitStack) -> None:
        url = bots.enter_context(serving(refusing(500, conversing("Hello", *EVENTS))))
        result, reason = doctor("--url", url)["webhook: wrong token"]
        assert (result, "answered with 500" in reason) == ("failed", True)

    def test_a_slow_answer_is_warned_about(self, doctor: Doctor, bots: ExitStack) -> None:
        never = Event()

        def slow(request: Request) -> None:
            never.wait(1.1)
            conversing("Hello", *EVENTS)(request)

        found = doctor("--url", bots.enter_context(serving(refusing(401, slow))))
        assert "a caller hears the wait" in found["webhook: test call"][1]
        assert found["webhook: test call"][0] == "warning"

    def test_nobody_at_the_door_is_told(self, doctor: Doctor) -> None:
        found = doctor("--url", "http://127.0.0.1:9/", "--websocket-url", "ws://127.0.0.1:9/")
        assert set(_results(found).values()) == {"failed"}
        assert "no server answers at this address" in found["websocket: wrong token"][1]

    def test_a_url_that_is_none_is_told(self, doctor: Doctor) -> None:
        assert doctor("--url", "ftp://127.0.0.1/")["webhook: test call"][0] == "failed"

    def test_a_websocket_that_sends_what_is_no_action_is_told(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        url = bots.enter_context(serving_socket(SocketBot(sending("garbage"))))
        result, reason = doctor("--websocket-url", url)["websocket: test call"]
        assert (result, "must be an action as JSON" in reason) == ("failed", True)

    def test_a_refused_token_is_told_without_an_option_that_there_is_not(
        self, doctor: Doctor, bots: ExitStack
    ) -> None:
        found = doctor("--url", bots.enter_context(serving(answering({}, 401))))
        assert "AIFLOW_TOKEN" in found["webhook: test call"][1]
        assert "with --token" not in found["webhook: test call"][1]

    def test_a_door_that_is_not_named_is_not_called(self, doctor: Doctor, bots: ExitStack) -> None:
        url = bots.enter_context(serving(refusing(401, conversing("Hello", *EVENTS))))
        assert doctor("--url", url)["websocket: test call"][0] == "not run"


class TestToken:
    def test_without_one_nobody_is_called(
        self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIFLOW_TOKEN")
        assert _results(doctor("--local")) == {"test call": "not run"}

    def test_who_could_look_at_nothing_is_not_well(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AIFLOW_TOKEN", raising=False)
        assert run("doctor", "--local").code == 1

    def test_it_may_be_in_a_file(self, doctor: Doctor, bots: ExitStack, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text(f"{TOKEN.secret}\n", encoding="utf-8")
        url = bots.enter_context(serving(refusing(401, conversing("Hello", *EVENTS))))
        found = doctor("--url", url, "--token-file", str(file))
        assert found["webhook: test call"][0] == "ok"

    def test_a_file_that_cannot_be_read_or_has_none_is_told(self, run: Run, tmp_path: Path) -> None:
        file = tmp_path / "token"
        assert run("doctor", "--local", "--token-file", str(file)).code == 2
        file.write_text("two words", encoding="utf-8")
        finished = run("doctor", "--local", "--token-file", str(file))
        assert (finished.code, "no header can carry" in finished.err) == (2, True)

    def test_it_is_no_option(self, run: Run) -> None:
        assert run("doctor", "--local", "--token", "secret").code == 2


class TestStack:
    @pytest.fixture(autouse=True)
    def project(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)

    def test_one_that_is_well_is_told_so(
        self, doctor: Doctor, account: Account, table: Table
    ) -> None:
        account.keep_for_a_while(table.name)
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

    def test_its_doors_are_called(
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
    def test_slots_that_hold_no_digest_are_told(
        self, doctor: Doctor, account: Account, parameters: dict[str, str], result: str
    ) -> None:
        account.deploy_with(parameters, {})
        assert doctor("--after", "--stack", account.stack)["digests"][0] == result

    def test_what_is_missing_is_told_or_not_run(self, doctor: Doctor, account: Account) -> None:
        account.deploy_with({"TokenSha256": OTHER.digest}, {}, with_alarms=False)
        found = _results(doctor("--after", "--stack", account.stack))
        assert (found["outputs"], found["table"], found["alarms"]) == (
            "failed",
            "not run",
            "not run",
        )

    def test_a_table_that_forgets_nothing_is_told(
        self, doctor: Doctor, account: Account, table: Table
    ) -> None:
        account.deploy_with({"TokenSha256": OTHER.digest}, _outputs(table))
        found = doctor("--after", "--stack", account.stack)
        assert "kept for ever" in found["table"][1]
        account.keep_for_a_while(table.name, with_backups=False)
        assert doctor("--after", "--stack", account.stack)["table"][0] == "warning"

    def test_a_table_that_is_gone_could_not_be_looked_at(
        self, doctor: Doctor, account: Account
    ) -> None:
        account.deploy(SessionsTableName="gone", WebhookUrl="https://agent.example.com")
        assert doctor("--after", "--stack", account.stack)["table"][0] == "not run"

    def test_alarms_that_nobody_hears_are_warned_about(
        self, doctor: Doctor, account: Account
    ) -> None:
        account.deploy()
        assert "nobody is told" in doctor("--after", "--stack", account.stack)["alarms"][1]

    def test_no_stack_means_that_nothing_was_looked_at(self, doctor: Doctor, table: Table) -> None:
        found = doctor("--stack", "nowhere")
        names = ("stack", "outputs", "digests", "table", "alarms", "test call")
        assert {_results(found)[name] for name in names} == {"not run"}
        assert "there is no stack nowhere" in found["stack"][1]

    def test_a_stack_that_somebody_says_is_deployed_must_be_there(
        self, doctor: Doctor, table: Table
    ) -> None:
        found = doctor("--after", "--stack", "nowhere")
        assert found.pop("credentials")[0] == "ok"
        assert found.pop("stack")[0] == "failed"
        assert set(_results(found).values()) == {"not run"}

    def test_no_credentials_mean_that_nothing_was_looked_at(
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

    def test_a_profile_that_is_not_there_is_told(self, doctor: Doctor) -> None:
        result, reason = doctor("--after", "--profile", "nobody")["credentials"]
        assert (result, "list-profiles" in reason) == ("failed", True)


class TestMachine:
    @pytest.fixture
    def project(self, tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "template.yaml").write_bytes((ROOT / "template.yaml").read_bytes())
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def examine(self, doctor: Doctor) -> dict[str, tuple[str, str]]:
        """Look at the machine; with whatever credentials."""
        return doctor("--before", "--stack", "any")

    def test_commands_that_are_not_there_are_told(
        self, doctor: Doctor, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(project))
        found = self.examine(doctor)
        assert (found["Python"][0], found["SAM"][0]) == ("failed", "failed")
        for name in ("python3.13", "sam"):
            (project / name).touch(mode=0o755)
        found = self.examine(doctor)
        assert (found["Python"][0], found["SAM"][0]) == ("ok", "ok")

    def test_a_template_that_cannot_be_read_is_told(self, doctor: Doctor, project: Path) -> None:
        assert self.examine(doctor)["template"][0] == "ok"
        (project / "template.yaml").write_text("{", encoding="utf-8")
        assert self.examine(doctor)["template"][0] == "failed"

    def test_a_build_must_be_there_for_the_right_processor_and_fresh(
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
    def test_the_digest_of_samconfig_is_looked_at(
        self, doctor: Doctor, project: Path, digest: str | None, result: str
    ) -> None:
        overrides = f'parameter_overrides = "TokenSha256={digest}"' if digest else ""
        text = f'[default.deploy.parameters]\nstack_name = "any"\n{overrides}\n'
        (project / "samconfig.toml").write_text(text, encoding="utf-8")
        assert self.examine(doctor)["digest to deploy"][0] == result

    def test_it_prints_a_line_for_each_check(self, run: Run, project: Path) -> None:
        finished = run("doctor", "--before", "--stack", "any")
        lines = finished.out.splitlines()
        assert len(lines) == 6
        assert all(line.startswith(("ok ", "not run ", "failed ")) for line in lines)


def test_what_excludes_each_other_is_told(run: Run) -> None:
    assert run("doctor", "--before", "--local").code == 2


def _results(found: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {name: result for name, (result, _) in found.items()}


def _outputs(table: Table) -> dict[str, str]:
    return {"WebhookUrl": "https://agent.example.com/webhook", "SessionsTableName": table.name}
