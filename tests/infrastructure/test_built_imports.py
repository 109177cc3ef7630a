"""The modules that a built function imports: each one adds to the cold start."""

import pytest

from benchmarks.modules import imported
from tests.helpers.emulator import BUILD, RUNTIME
from tests.helpers.runtime import TOKEN, digest_of
from tests.helpers.tables import ENVIRONMENT
from tests.helpers.template import ROOT, Template

pytestmark = pytest.mark.built

FUNCTIONS = sorted(Template(ROOT / "template.yaml").functions)
SETTINGS = {"API_TOKEN_SHA256": digest_of(TOKEN), "SESSIONS_TABLE": "sessions"}
WITHOUT_AWS = {"AuthorizerFunction", "ConnectionFunction"}
WEBHOOKS = {"WebhookFunction", "PreparedWebhookFunction"}
# Three more than today, for the next version of botocore.
MOST, MOST_OF_A_WEBHOOK, MOST_WITHOUT_AWS = 463, 479, 283
NEEDLESS = {
    *("boto3", "s3transfer", "asyncio"),
    *("aws_lambda_powertools.event_handler", "aws_lambda_powertools.utilities.parser"),
    *("multiprocessing", "sqlite3", "unittest", "pydantic.v1", "aws_xray_sdk"),
    # Loaded on demand, for a few calls only.
    *("phonenumbers", "xml.parsers.expat", "aiflow.protocol.schema", "aiflow.domain.phone_numbers"),
}


def modules_of(function: str) -> frozenset[str]:
    """Return the modules that the handler imports, without the runtime client of Lambda."""
    handler = Template(BUILD / "template.yaml").functions[function]["Handler"]
    paths = [BUILD / function, BUILD / "AiflowLayer/python", RUNTIME]
    return imported(handler.rpartition(".")[0], paths, ENVIRONMENT | SETTINGS)


def most(function: str) -> int:
    """Return the maximum number of modules of a function."""
    if function in WITHOUT_AWS:
        return MOST_WITHOUT_AWS
    return MOST_OF_A_WEBHOOK if function in WEBHOOKS else MOST


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_no_more_modules_than_allowed(function: str) -> None:
    modules = modules_of(function)
    assert "aiflow" in modules
    assert len(modules) <= most(function)
    assert NEEDLESS & modules == set()
    assert (function in WITHOUT_AWS) == ("botocore.session" not in modules)
