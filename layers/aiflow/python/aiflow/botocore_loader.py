"""A data loader for botocore that skips what this package does not need.

botocore builds a client from JSON files: a list of 400 services, a table of legacy endpoints (1 MB)
and a model of the service. This loader replaces all three by less. It relies on details of botocore
that a test compares with the installed version (tests/unit/test_botocore_loader.py). What it saves:
docs/performance.md.
"""

from typing import Any, cast, override

from botocore.loaders import Loader

SERVICES = ("apigatewaymanagementapi", "dynamodb")
STORED_TYPES = ("S", "N")
"""The types of attributes that the session store writes."""


class MinimalLoader(Loader):
    """Loads the models of the services in use, without what is never read from them."""

    @override
    def list_available_services(self, type_name: str) -> list[str]:
        """Return the services in use, instead of listing 400 folders."""
        return [*SERVICES]

    @override
    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Return an empty table of legacy endpoints; load everything else.

        Endpoint and signature follow from the endpoint rules of each service. botocore reads the
        table only for services without rules.
        """
        if name == "endpoints":
            return {"partitions": []}, self.BUILTIN_DATA_PATH
        return cast("tuple[Any, str]", super().load_data_with_path(name))

    @override
    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> dict[str, Any]:
        """Return a model in which an item has attributes of the stored types only.

        For each attribute of an item botocore tries all ten types of the model.
        """
        model = cast(
            "dict[str, Any]", super().load_service_model(service_name, type_name, api_version)
        )
        if (service_name, type_name) == ("dynamodb", "service-2"):
            shapes = model["shapes"]
            types = shapes["AttributeValue"]["members"]
            shapes["StoredValue"] = {
                "type": "structure",
                "members": {name: types[name] for name in STORED_TYPES},
            }
            shapes["StoredItem"] = shapes["AttributeMap"] | {"value": {"shape": "StoredValue"}}
            shapes["GetItemOutput"]["members"]["Item"] = {"shape": "StoredItem"}
        return model
