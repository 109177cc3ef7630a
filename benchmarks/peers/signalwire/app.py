"""An agent of `signalwire-agents` on Lambda.

It implements another protocol. A turn here is a call of a tool, which returns what the agent says.
It authenticates by Basic authentication, and its call id is `call_id`.
"""

import json
import os

import boto3
from signalwire_agents import AgentBase
from signalwire_agents.core.function_result import SwaigFunctionResult

TABLE = os.environ["TABLE"]

dynamodb = boto3.client("dynamodb")
agent = AgentBase("repeater", route="/")
agent.prompt_add_section("Role", "Repeat what the caller says with the tool.")


@agent.tool(
    name="repeat",
    description="Repeat what the caller said",
    parameters={"text": {"type": "string", "description": "What the caller said"}},
    secure=False,
)
def repeat(args, raw_data):
    count_turn(raw_data["call_id"])
    return SwaigFunctionResult(f"You said: {args['text']}")


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


def lambda_handler(envelope, context):
    return agent.run(event=envelope, context=context)
