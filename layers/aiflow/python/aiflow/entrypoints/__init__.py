"""Lambda handlers: of events, the webhook, the WebSocket authorizer and connection, the sweeper."""
