"""Converts answers of functions to HTTP responses."""

import base64
import json
from typing import cast

from starlette.responses import Response

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.lambda_function import FunctionError


def http_response(answer: JsonValue) -> Response:
    """Convert the answer of a function; without `statusCode`, the whole answer is the body.

    Raises:
        FunctionError: The answer is not valid for API Gateway.
    """
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return _json(200, answer)
    try:
        response = Response(_body(answer), int(str(answer["statusCode"])))
        for name, value in cast("JsonObject", answer.get("headers") or {}).items():
            response.headers[name] = str(value)
        for cookie in cast("list[JsonValue]", answer.get("cookies") or []):
            response.headers.append("set-cookie", str(cookie))
    except (ValueError, TypeError, AttributeError) as error:
        raise FunctionError(f"the function's answer is not valid: {error}") from None
    return response


def message(status: int, text: str) -> Response:
    """Return an error response of API Gateway."""
    return _json(status, {"message": text})


def _body(answer: JsonObject) -> bytes:
    body = answer.get("body")
    text = "" if body is None else str(body)
    return base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()


def _json(status: int, value: JsonValue) -> Response:
    body = json.dumps(value, separators=(",", ":"))
    return Response(body, status, media_type="application/json")
