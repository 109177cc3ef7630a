"""A bot on the standard library alone: greets, echoes, and hangs up after its goodbye was heard."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

leaving: set[str] = set()


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        action = self.answer(event, {"session_id": event["session"]["id"]})
        self.send_response(200 if action else 204)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(action).encode() if action else b"")

    def answer(self, event: dict[str, Any], session: dict[str, str]) -> dict[str, str] | None:
        if event["type"] == "session_start":
            return session | {"type": "speak", "text": "Hello! Say something."}
        if event["type"] == "assistant_speech_ended" and session["session_id"] in leaving:
            return session | {"type": "hangup"}
        if event["type"] == "user_speak" and "goodbye" in event["text"].lower():
            leaving.add(session["session_id"])
            return session | {"type": "speak", "text": "Goodbye!"}
        if event["type"] == "user_speak":
            return session | {"type": "speak", "text": f"You said: {event['text']}"}
        return None


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)  # noqa: T201 - the test reads it
    server.serve_forever()
