"""Powertools for AWS Lambda: resolver with validation, Logger, Tracer and Metrics."""

import hmac
import os
from hashlib import sha256
from typing import Annotated, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import UnauthorizedError
from aws_lambda_powertools.event_handler.openapi.params import Header
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from boto3.dynamodb.conditions import Attr
from pydantic import BaseModel

TOKEN_SHA256 = bytes.fromhex(os.environ["API_TOKEN_SHA256"])

logger = Logger()
tracer = Tracer()
metrics = Metrics()
app = APIGatewayHttpResolver(enable_validation=True)
calls = boto3.resource("dynamodb").Table(os.environ["TABLE"])


class Session(BaseModel):
    id: str
    account_id: str | None = None
    phone_number: str | None = None
    direction: Literal["inbound", "outbound"] | None = None
    from_phone_number: str | None = None
    to_phone_number: str | None = None


class UserSpeak(BaseModel):
    type: Literal["user_speak"]
    session: Session
    text: str
    barged_in: bool = False


class Speak(BaseModel):
    type: Literal["speak"] = "speak"
    session_id: str
    text: str


@app.post("/webhook")
@tracer.capture_method
def webhook(
    event: UserSpeak, x_api_token: Annotated[str, Header(alias="x-api-token")] = ""
) -> Speak:
    if not hmac.compare_digest(sha256(x_api_token.encode()).digest(), TOKEN_SHA256):
        raise UnauthorizedError("the token is missing or wrong")
    count_turn(event.session.id)
    metrics.add_metric(name="Turns", unit=MetricUnit.Count, value=1)
    logger.info("Event handled", session_id=event.session.id)
    return Speak(session_id=event.session.id, text=f"You said: {event.text}")


@tracer.capture_method
def count_turn(session_id: str) -> None:
    found = calls.get_item(Key={"id": session_id}, ConsistentRead=True).get("Item", {})
    version, state = found.get("version", 0), found.get("state", {})
    state["turns"] = state.get("turns", 0) + 1
    calls.update_item(
        Key={"id": session_id},
        UpdateExpression="SET #state = :state, version = :next",
        ConditionExpression=Attr("version").not_exists() | Attr("version").eq(version),
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": state, ":next": version + 1},
    )


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(envelope, context):
    return app.resolve(envelope, context)
