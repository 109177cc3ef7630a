"""Answers of functions, as an HTTP API reads them."""

import base64
import json
from typing import cast

from starlette.responses import Response

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.lambda_function import FunctionFailed


def http_response(answer: JsonValue) -> Response:
    """Return what a function's answer stands for; without `statusCode` all of it is the body.

    Raises:
        FunctionFailed: API Gateway would not understand it.
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
        problem = f"API Gateway does not understand the answer of the function: {error}"
        raise FunctionFailed(problem) from None
    return response


def message(status: int, text: str) -> Response:
    """Return what API Gateway answers by itself."""
    return _json(status, {"message": text})


def _body(answer: JsonObject) -> bytes:
    body = answer.get("body")
    text = "" if body is None else str(body)
    return base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()


def _json(status: int, value: JsonValue) -> Response:
    body = json.dumps(value, separators=(",", ":"))
    return Response(body, status, media_type="application/json")
