"""The ASK SDK: request handlers, dispatcher and DynamoDB adapter.

The skill class of the SDK reads only Alexa's JSON. Its runtime is generic, so it gets our events
here. Handlers, interceptors and the adapter are used as in a skill.
"""

import hmac
import json
import os
from dataclasses import dataclass
from hashlib import sha256

from ask_sdk_dynamodb.adapter import DynamoDbAdapter
from ask_sdk_runtime.dispatch import GenericRequestDispatcher
from ask_sdk_runtime.dispatch_components import (
    AbstractRequestHandler,
    AbstractRequestInterceptor,
    AbstractResponseInterceptor,
)
from ask_sdk_runtime.skill import RuntimeConfigurationBuilder

TOKEN_SHA256 = bytes.fromhex(os.environ["API_TOKEN_SHA256"])

adapter = DynamoDbAdapter(
    table_name=os.environ["TABLE"], partition_keygen=lambda event: event["session"]["id"]
)


@dataclass
class HandlerInput:
    event: dict
    attributes: dict


class UserSpeakHandler(AbstractRequestHandler):
    def can_handle(self, handler_input):
        return handler_input.event["type"] == "user_speak"

    def handle(self, handler_input):
        event, attributes = handler_input.event, handler_input.attributes
        attributes["turns"] = int(attributes.get("turns", 0)) + 1
        return {
            "type": "speak",
            "session_id": event["session"]["id"],
            "text": f"You said: {event['text']}",
        }


class OtherEventHandler(AbstractRequestHandler):
    def can_handle(self, handler_input):
        return True

    def handle(self, handler_input):
        return None


class LoadAttributes(AbstractRequestInterceptor):
    def process(self, handler_input):
        handler_input.attributes = adapter.get_attributes(handler_input.event)


class SaveAttributes(AbstractResponseInterceptor):
    def process(self, handler_input, response):
        adapter.save_attributes(handler_input.event, handler_input.attributes)


def dispatcher():
    builder = RuntimeConfigurationBuilder()
    builder.add_request_handlers([UserSpeakHandler(), OtherEventHandler()])
    builder.add_global_request_interceptor(LoadAttributes())
    builder.add_global_response_interceptor(SaveAttributes())
    return GenericRequestDispatcher(builder.get_runtime_configuration())


skill = dispatcher()


def lambda_handler(envelope, context):
    token = envelope["headers"].get("x-api-token", "")
    if not hmac.compare_digest(sha256(token.encode()).digest(), TOKEN_SHA256):
        return {"statusCode": 401}
    answer = skill.dispatch(HandlerInput(event=json.loads(envelope["body"]), attributes={}))
    if answer is None:
        return {"statusCode": 204}
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }
