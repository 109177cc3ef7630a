"""The AWS clients: the one place that imports botocore.

botocore's session is all that is needed of boto3, and loads in half the time. What each setting
is worth: docs/performance.md.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, cast, override

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader
from botocore.session import Session, get_session

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_dynamodb import DynamoDBClient

FAULTS: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
"""What a client raises when AWS did not do what it was asked."""


class _OurServices(Loader):
    """Knows our services without looking into the folders of all 400 that botocore has."""

    @override
    def list_available_services(self, type_name: str) -> list[str]:
        return ["apigatewaymanagementapi", "dynamodb"]

    @override
    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Return none of the endpoints of old, a megabyte of JSON for all services.

        Where a request goes and how it is signed follows from the rules of each service; botocore
        takes the old table for what has none.
        """
        if name == "endpoints":
            return {"partitions": []}, self.BUILTIN_DATA_PATH
        return cast("tuple[Any, str]", super().load_data_with_path(name))

    @override
    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> dict[str, Any]:
        """Return a model that reads of an item no other types than those that we keep.

        With each attribute botocore tries all the types that it knows.
        """
        model = cast(
            "dict[str, Any]", super().load_service_model(service_name, type_name, api_version)
        )
        if (service_name, type_name) == ("dynamodb", "service-2"):
            shapes = model["shapes"]
            kinds = shapes["AttributeValue"]["members"]
            kept = {kind: kinds[kind] for kind in ("S", "N")}
            shapes["KeptValue"] = {"type": "structure", "members": kept}
            shapes["KeptItem"] = shapes["AttributeMap"] | {"value": {"shape": "KeptValue"}}
            shapes["GetItemOutput"]["members"]["Item"] = {"shape": "KeptItem"}
        return model


def dynamodb_client() -> "DynamoDBClient":
    """Return a client for the region and credentials of the environment."""
    # The stubs type boto3's clients, and botocore's are the same.
    client = _session().create_client("dynamodb", config=_config())
    return cast("DynamoDBClient", client)


def connections_client() -> "ApiGatewayManagementApiClient":
    """Return a client for the WebSocket API of AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI."""
    client = _session().create_client("apigatewaymanagementapi", config=_config())
    return cast("ApiGatewayManagementApiClient", client)


@cache
def _session() -> Session:
    session = get_session()
    session.register_component("data_loader", _OurServices())
    return session


def _config() -> Config:
    return Config(
        # A caller hears the wait. The defaults, 60 s each, would outlive the call; one repetition
        # is what the answer's budget has room for.
        connect_timeout=0.3,
        read_timeout=0.7,
        retries={"total_max_attempts": 2, "mode": "standard"},
        # Our requests are made in two modules; their tests send each of them.
        parameter_validation=False,
        # botocore would put the same one together again for each request, twice.
        user_agent=_session().user_agent(),
    )
