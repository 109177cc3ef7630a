"""The settings: one model, read from the environment, documented in docs/settings.md."""

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
"""From each variable to its field name."""


def rows(page: Path) -> dict[str, list[str]]:
    """Return the rows of the first table of a page, by variable."""
    found = re.findall(
        r"^\| `([A-Z0-9_*]+)` \|(.*)\|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in found}


def read(**variables: str) -> Settings:
    return Settings.from_environment({**NEEDED, **variables})


class TestDocumentation:
    def test_exactly_the_existing_variables_are_documented(self) -> None:
        assert set(rows(PAGE)) == {*FIELDS, f"{AGENT_PREFIX}*"}

    def test_every_documented_default_is_the_actual_one(self) -> None:
        documented = {
            name: cells[1].strip("`") for name, cells in rows(PAGE).items() if "`" in cells[1]
        }
        assert set(documented) >= {"APOLOGY_MESSAGE", "SESSION_TTL_SECONDS", "API_TOKEN_HEADER"}
        assert read(**documented) == read()

    def test_every_variable_without_a_default_is_documented_as_required(self) -> None:
        required = {name for name, cells in rows(PAGE).items() if "required" in cells[1]}
        assert required == set(NEEDED)

    def test_every_documented_template_parameter_exists(self) -> None:
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

    def test_every_field_has_a_description(self) -> None:
        assert all(field.description for field in Settings.model_fields.values())


class TestEnvironment:
    def test_only_two_variables_are_required(self) -> None:
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
    def test_each_field_is_read_from_its_variable(
        self, variable: str, text: str, value: object
    ) -> None:
        assert getattr(read(**{variable: text}), FIELDS[variable]) == value

    def test_digests_are_read_in_lower_or_upper_case(self) -> None:
        digest = digest_of("another")
        settings = read(API_TOKEN_SHA256=digest.upper(), API_TOKEN_SHA256_NEXT=digest_of(TOKEN))
        assert settings.token_digests == (bytes.fromhex(digest), bytes.fromhex(digest_of(TOKEN)))

    @pytest.mark.parametrize("variable", sorted(set(FIELDS) - set(NEEDED)))
    @pytest.mark.parametrize("blank", ["", " ", "\t\n"])
    def test_a_blank_variable_counts_as_unset(self, variable: str, blank: str) -> None:
        assert read(**{variable: blank}) == read()

    def test_other_variables_are_ignored(self) -> None:
        others = {"PATH": "/bin", "AWS_REGION": "eu-central-1", "apology_message": "no"}
        assert read(**others) == read()

    def test_settings_are_immutable(self) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            read().apology_message = "else"  # type: ignore[misc]  # assigning is what the test forbids


class TestInvalidValues:
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
    def test_an_invalid_value_is_rejected_by_variable_without_being_quoted(
        self, variable: str, text: str
    ) -> None:
        with pytest.raises(SettingsError, match=f"{variable}: ") as error:
            read(**{variable: text})
        assert f"'{text}'" not in str(error.value)
        assert "docs/settings.md" in str(error.value)

    def test_one_error_names_all_invalid_values(self) -> None:
        environment = {
            "API_TOKEN_SHA256": "my secret token",
            "SESSION_TTL_SECONDS": "soon",
            "ANSWER_DEADLINE_SECONDS": "1000",
        }
        with pytest.raises(SettingsError) as error:
            Settings.from_environment(environment)
        message = str(error.value)
        assert [name for name in FIELDS if f"{name}: " in message] == [
            "API_TOKEN_SHA256",
            "SESSIONS_TABLE",
            "SESSION_TTL_SECONDS",
            "ANSWER_DEADLINE_SECONDS",
        ]
        assert "my secret token" not in message


class TestAgentVariables:
    def test_a_handler_reads_its_own_variables_by_name(self) -> None:
        seen: list[object] = []

        def look(event: UserSpeak, call: Call) -> Reply:
            seen.append(call.config)
            return event.text

        settings = read(AGENT_CITY="Neuss", AGENT_TRANSFER_NUMBER="+493023125001", AGENT_EMPTY="")
        event = {"type": "user_speak", "text": "Hello", "session": {"id": "session-123"}}
        invoke(entrypoint(look), event, make_runtime(settings=settings))

        assert seen == [{"city": "Neuss", "transfer_number": "+493023125001"}]

    def test_an_agent_variable_may_share_the_name_of_a_setting(self) -> None:
        settings = read(AGENT_APOLOGY_MESSAGE="theirs")
        assert settings.apology_message != "theirs"
        assert settings.agent == {"apology_message": "theirs"}


def test_lambda_is_detected_by_its_runtime_api() -> None:
    assert on_lambda({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"})
    assert not on_lambda({"AWS_LAMBDA_FUNCTION_NAME": "in a test"})
