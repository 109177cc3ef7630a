"""Flask behind apig-wsgi, structured like the Python sample in the docs of the protocol."""

import hmac
import os
from hashlib import sha256

import boto3
from apig_wsgi import make_lambda_handler
from boto3.dynamodb.conditions import Attr
from flask import Flask, jsonify, request

TOKEN_SHA256 = bytes.fromhex(os.environ["API_TOKEN_SHA256"])

app = Flask(__name__)
calls = boto3.resource("dynamodb").Table(os.environ["TABLE"])


@app.post("/webhook")
def webhook():
    token = request.headers.get("X-API-TOKEN", "")
    if not hmac.compare_digest(sha256(token.encode()).digest(), TOKEN_SHA256):
        return jsonify(error="unauthorized"), 401
    event = request.get_json()
    if event["type"] != "user_speak":
        return "", 204
    session_id = event["session"]["id"]
    count_turn(session_id)
    return jsonify(type="speak", session_id=session_id, text=f"You said: {event['text']}")


def count_turn(session_id):
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


lambda_handler = make_lambda_handler(app)
