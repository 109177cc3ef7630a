"""A bot behind a WebSocket: greets, echoes, and hangs up when it has said goodbye."""

import json

from websockets.sync.server import ServerConnection, serve


def talk(connection: ServerConnection) -> None:
    for message in connection:
        event = json.loads(message)
        speak = {"session_id": event["session"]["id"], "type": "speak"}
        if event["type"] == "session_start":
            connection.send(json.dumps(speak | {"text": "Hello! Say something."}))
        if event["type"] == "user_speak" and "goodbye" in event["text"].lower():
            hangup = speak | {"type": "hangup"}
            connection.send(json.dumps([speak | {"text": "Goodbye!"}, hangup]))
        elif event["type"] == "user_speak":
            connection.send(json.dumps(speak | {"text": f"You said: {event['text']}"}))


if __name__ == "__main__":
    with serve(talk, "127.0.0.1", 0) as server:
        print(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/", flush=True)  # noqa: T201 - the test reads it
        server.serve_forever()
