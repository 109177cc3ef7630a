"""Clients that load less of botocore's data send the same requests as botocore's own."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.session import get_session

from aiflow.aws_clients import connections_client, dynamodb_client
from tests.helpers.tables import ENVIRONMENT

REGIONS = ("eu-central-1", "us-east-1", "us-gov-west-1", "cn-north-1", "xx-nowhere-1")
VARIANTS = ("", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


class Caught(Exception):
    """A request that was about to be sent."""


def sent(client: Any, ask: Callable[[Any], object]) -> tuple[str, list[str]]:  # noqa: ANN401 - two clients of different stubs
    """Return the URL of a request, and the region and service that it is signed for."""

    def catch(request: AWSPreparedRequest, **_: object) -> None:
        raise Caught(request)

    client.meta.events.register("before-send", catch)
    with pytest.raises(Caught) as caught:
        ask(client)
    request = cast("AWSPreparedRequest", caught.value.args[0])
    scope = str(request.headers["Authorization"]).partition(",")[0].split("/")
    return str(request.url), scope[2:4]


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    region = str(request.param)
    for name, value in {**ENVIRONMENT, "AWS_DEFAULT_REGION": region, "AWS_REGION": region}.items():
        monkeypatch.setenv(name, value)
    return region


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_request_to_the_table_is_the_same_as_botocores(
    region: str, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variant:
        monkeypatch.setenv(variant, "true")

    def ask(client: Any) -> object:  # noqa: ANN401 - see `sent`
        return client.get_item(TableName="calls", Key={"pk": {"S": "1"}})

    ours = sent(dynamodb_client(), ask)
    assert ours == sent(get_session().create_client("dynamodb"), ask)
    assert ours[1] == [region, "dynamodb"]


def test_a_posted_message_is_the_same_as_botocores(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = f"https://api.execute-api.{region}.amazonaws.com/live"
    monkeypatch.setenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", endpoint)

    def post(client: Any) -> object:  # noqa: ANN401 - see `sent`
        return client.post_to_connection(ConnectionId="abc=", Data=b"{}")

    ours = sent(connections_client(), post)
    assert ours == sent(get_session().create_client("apigatewaymanagementapi"), post)
    assert ours[1] == [region, "execute-api"]
