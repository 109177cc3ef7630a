"""The settings: one model, read from the environment, written down in docs/settings.md."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from aiflow import Call, Reply, UserSpeak, entrypoint
from aiflow.errors import SettingsError
from aiflow.settings import AGENT_PREFIX, Settings, on_lambda
from tests.helpers.runtime import TOKEN, digest_of, invoke, make_runtime, make_settings
from tests.helpers.template import ROOT, Template

PAGE = ROOT / "docs" / "settings.md"
NEEDED = {"API_TOKEN_SHA256": digest_of(TOKEN), "SESSIONS_TABLE": "sessions"}
FIELDS = {
    field.alias: name for name, field in Settings.model_fields.items() if field.alias is not None
}
"""From each variable to its member."""


def rows(page: Path) -> dict[str, list[str]]:
    """Return the rows of the page's first table by their variable."""
    found = re.findall(
        r"^\| `([A-Z0-9_*]+)` \|(.*)\|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in found}


def read(**variables: str) -> Settings:
    return Settings.from_environment({**NEEDED, **variables})


class TestThePage:
    def test_every_variable_is_documented_and_no_other(self) -> None:
        assert set(rows(PAGE)) == {*FIELDS, f"{AGENT_PREFIX}*"}

    def test_every_default_is_the_documented_one(self) -> None:
        documented = {
            name: cells[1].strip("`") for name, cells in rows(PAGE).items() if "`" in cells[1]
        }
        assert set(documented) >= {"APOLOGY_MESSAGE", "SESSION_TTL_SECONDS", "API_TOKEN_HEADER"}
        assert read(**documented) == read()

    def test_every_variable_that_has_no_default_is_documented_as_required(self) -> None:
        required = {name for name, cells in rows(PAGE).items() if "required" in cells[1]}
        assert required == set(NEEDED)

    def test_every_parameter_that_it_names_is_in_the_template(self) -> None:
        parameters = Template(ROOT / "template.yaml").parameters
        named = {
            name for cells in rows(PAGE).values() for name in re.findall(r"`([A-Z]\w+)`", cells[0])
        }
        assert {name for name in named if not name.isupper() and "_" not in name} <= set(parameters)

    def test_every_variable_that_the_template_sets_is_read(self) -> None:
        functions = Template(ROOT / "template.yaml").functions.values()
        variables = {
            name
            for function in functions
            for name in function.get("Environment", {}).get("Variables", {})
        }
        own = {name for name in variables if not name.startswith(("AWS_", AGENT_PREFIX))}
        assert own <= set(FIELDS)
        assert set(NEEDED) <= own

    def test_every_member_says_what_it_means(self) -> None:
        assert all(field.description for field in Settings.model_fields.values())


class TestReading:
    def test_two_variables_are_needed_and_no_more(self) -> None:
        assert read() == make_settings()

    @pytest.mark.parametrize(
        ("variable", "text", "value"),
        [
            ("API_TOKEN_HEADER", "X-API-Key", "x-api-key"),
            ("SESSIONS_TABLE", "calls", "calls"),
            ("SESSION_TTL_SECONDS", "3600", 3600),
            ("ANSWER_DEADLINE_SECONDS", "0.5", 0.5),
            ("INPUT_TIMEOUT_SECONDS", "12.5", 12.5),
            ("APOLOGY_MESSAGE", "Wie bitte? 🤖", "Wie bitte? 🤖"),
            ("ALLOWED_ACCOUNT_IDS", "a1, a2,,a3  a4", frozenset({"a1", "a2", "a3", "a4"})),
            ("POWERTOOLS_SERVICE_NAME", "agent", "agent"),
            ("POWERTOOLS_METRICS_NAMESPACE", "Agents", "Agents"),
            ("STORE_TRANSCRIPTS", "disabled", "disabled"),
            ("POWERTOOLS_LOG_LEVEL", "DEBUG", "DEBUG"),
        ],
    )
    def test_each_is_read_from_its_variable(self, variable: str, text: str, value: object) -> None:
        assert getattr(read(**{variable: text}), FIELDS[variable]) == value

    def test_digests_are_read_as_bytes_in_capitals_or_not(self) -> None:
        digest = digest_of("another")
        settings = read(API_TOKEN_SHA256=digest.upper(), API_TOKEN_SHA256_NEXT=digest_of(TOKEN))
        assert settings.token_digests == (bytes.fromhex(digest), bytes.fromhex(digest_of(TOKEN)))

    @pytest.mark.parametrize("variable", sorted(set(FIELDS) - set(NEEDED)))
    @pytest.mark.parametrize("blank", ["", " ", "\t\n"])
    def test_an_empty_variable_is_not_set(self, variable: str, blank: str) -> None:
        assert read(**{variable: blank}) == read()

    def test_variables_of_others_are_left_alone(self) -> None:
        others = {"PATH": "/bin", "AWS_REGION": "eu-central-1", "apology_message": "no"}
        assert read(**others) == read()

    def test_they_do_not_change(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            read().apology_message = "else"  # type: ignore[misc]  # the point of it


class TestRefusing:
    @pytest.mark.parametrize(
        ("variable", "text"),
        [
            ("SESSION_TTL_SECONDS", "3599"),
            ("SESSION_TTL_SECONDS", "31536001"),
            ("SESSION_TTL_SECONDS", "1.5"),
            ("SESSION_TTL_SECONDS", "a day"),
            ("ANSWER_DEADLINE_SECONDS", "0.4"),
            ("ANSWER_DEADLINE_SECONDS", "25.1"),
            ("ANSWER_DEADLINE_SECONDS", "nan"),
            ("ANSWER_DEADLINE_SECONDS", "inf"),
            ("INPUT_TIMEOUT_SECONDS", "0"),
            ("INPUT_TIMEOUT_SECONDS", "121"),
            ("INPUT_TIMEOUT_SECONDS", "-inf"),
            ("STORE_TRANSCRIPTS", "none"),
            ("STORE_TRANSCRIPTS", "Disabled"),
            ("POWERTOOLS_LOG_LEVEL", "loud"),
            ("POWERTOOLS_LOG_LEVEL", "info"),
            ("APOLOGY_MESSAGE", "\x00\x01"),
        ],
    )
    def test_what_cannot_be_used_is_named_and_not_repeated(self, variable: str, text: str) -> None:
        with pytest.raises(SettingsError, match=f"{variable}: ") as refusal:
            read(**{variable: text})
        assert f"'{text}'" not in str(refusal.value)
        assert "docs/settings.md" in str(refusal.value)

    def test_everything_that_is_wrong_is_named_at_once(self) -> None:
        environment = {
            "API_TOKEN_SHA256": "my secret token",
            "SESSION_TTL_SECONDS": "soon",
            "ANSWER_DEADLINE_SECONDS": "1000",
        }
        with pytest.raises(SettingsError) as refusal:
            Settings.from_environment(environment)
        message = str(refusal.value)
        assert [name for name in FIELDS if f"{name}: " in message] == [
            "API_TOKEN_SHA256",
            "SESSIONS_TABLE",
            "SESSION_TTL_SECONDS",
            "ANSWER_DEADLINE_SECONDS",
        ]
        assert "my secret token" not in message


class TestForHandlers:
    def test_a_handler_reads_variables_of_its_own_by_their_names(self) -> None:
        seen: list[object] = []

        def look(event: UserSpeak, call: Call) -> Reply:
            seen.append(call.config)
            return event.text

        settings = read(AGENT_CITY="Neuss", AGENT_TRANSFER_NUMBER="+493023125001", AGENT_EMPTY="")
        event = {"type": "user_speak", "text": "Hello", "session": {"id": "session-123"}}
        invoke(entrypoint(look), event, make_runtime(settings=settings))

        assert seen == [{"city": "Neuss", "transfer_number": "+493023125001"}]

    def test_a_name_of_ours_behind_the_prefix_is_still_theirs(self) -> None:
        settings = read(AGENT_APOLOGY_MESSAGE="theirs")
        assert settings.apology_message != "theirs"
        assert settings.agent == {"apology_message": "theirs"}


def test_a_function_of_lambda_is_known_by_its_runtime() -> None:
    assert on_lambda({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"})
    assert not on_lambda({"AWS_LAMBDA_FUNCTION_NAME": "in a test"})
