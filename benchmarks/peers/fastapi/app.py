"""FastAPI behind Mangum, with pydantic models of events and actions."""

import hmac
import os
from hashlib import sha256
from typing import Annotated, Literal

import boto3
from boto3.dynamodb.conditions import Attr
from fastapi import Depends, FastAPI, Header, HTTPException
from mangum import Mangum
from pydantic import BaseModel

TOKEN_SHA256 = bytes.fromhex(os.environ["API_TOKEN_SHA256"])

app = FastAPI()
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


def authenticate(x_api_token: Annotated[str, Header()] = "") -> None:
    if not hmac.compare_digest(sha256(x_api_token.encode()).digest(), TOKEN_SHA256):
        raise HTTPException(status_code=401)


@app.post("/webhook", dependencies=[Depends(authenticate)])
def webhook(event: UserSpeak) -> Speak:
    count_turn(event.session.id)
    return Speak(session_id=event.session.id, text=f"You said: {event.text}")


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


lambda_handler = Mangum(app, lifespan="off")
