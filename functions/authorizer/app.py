"""Let in whoever knows the API token: asked once, when AI Flow connects to the WebSocket."""

from aiflow import authorizer

lambda_handler = authorizer()
