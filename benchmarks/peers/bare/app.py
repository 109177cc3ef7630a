"""The baseline: written by hand with `json` and a boto3 client, without other libraries."""

import hmac
import json
import os
from hashlib import sha256

import boto3

TABLE = os.environ["TABLE"]
TOKEN_SHA256 = bytes.fromhex(os.environ["API_TOKEN_SHA256"])

dynamodb = boto3.client("dynamodb")


def lambda_handler(envelope, context):
    token = envelope["headers"].get("x-api-token", "")
    if not hmac.compare_digest(sha256(token.encode()).digest(), TOKEN_SHA256):
        return {"statusCode": 401}
    event = json.loads(envelope["body"])
    if event["type"] != "user_speak":
        return {"statusCode": 204}
    session_id = event["session"]["id"]
    count_turn(session_id)
    answer = {"type": "speak", "session_id": session_id, "text": f"You said: {event['text']}"}
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }


def count_turn(session_id):
    key = {"id": {"S": session_id}}
    found = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")
    version = int(found["version"]["N"]) if found else 0
    state = json.loads(found["state"]["S"]) if found else {}
    state["turns"] = state.get("turns", 0) + 1
    dynamodb.update_item(
        TableName=TABLE,
        Key=key,
        UpdateExpression="SET #state = :state, version = :next",
        ConditionExpression="attribute_not_exists(version) OR version = :version",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={
            ":state": {"S": json.dumps(state)},
            ":next": {"N": str(version + 1)},
            ":version": {"N": str(version)},
        },
    )
