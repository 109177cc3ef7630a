"""The WebSocket itself: connected, disconnected, or with a message that no other function takes."""

from aiflow import connection

lambda_handler = connection()
