"""What the loader assumes about botocore, which a new version of botocore may break."""

from typing import Any

import pytest
from botocore.loaders import Loader

from aiflow.botocore_loader import SERVICES, STORED_TYPES, MinimalLoader


def resolved(model: dict[str, Any], shape: str) -> dict[str, Any]:
    found: dict[str, Any] = model["shapes"][shape]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_botocore_has_the_services_under_these_names(service: str) -> None:
    assert service in Loader().list_available_services("service-2")


@pytest.mark.parametrize("service", SERVICES)
def test_the_services_have_endpoint_rules_and_need_no_endpoint_table(service: str) -> None:
    rules = Loader().load_service_model(service, "endpoint-rule-set-1")
    assert rules["rules"]


def test_botocore_reads_the_legacy_endpoints_under_this_name() -> None:
    assert {each["partition"] for each in Loader().load_data("endpoints")["partitions"]} >= {"aws"}
    assert MinimalLoader().load_data("endpoints") == {"partitions": []}


def test_the_shapes_of_an_item_are_those_that_the_loader_replaces() -> None:
    model = Loader().load_service_model("dynamodb", "service-2")
    assert resolved(model, "GetItemOutput")["members"]["Item"]["shape"] == "AttributeMap"
    assert resolved(model, "AttributeMap")["value"] == {"shape": "AttributeValue"}
    assert resolved(model, "AttributeValue")["members"].keys() >= set(STORED_TYPES)
    assert not {"StoredValue", "StoredItem"} & model["shapes"].keys()


def test_only_the_item_of_a_read_differs_from_botocores_model() -> None:
    ours = MinimalLoader().load_service_model("dynamodb", "service-2")
    theirs = Loader().load_service_model("dynamodb", "service-2")
    differing = {
        name for name in ours["shapes"] if ours["shapes"][name] != theirs["shapes"].get(name)
    }
    assert differing == {"StoredValue", "StoredItem", "GetItemOutput"}
    assert resolved(ours, "StoredValue")["members"].keys() == set(STORED_TYPES)
    assert {**ours, "shapes": None} == {**theirs, "shapes": None}
