"""Use of the table in a long call: round trips and capacity units of each turn.

A proxy between the contender and the table makes the table report the capacity that each request
consumes. The contender does not request this report itself.
"""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, override

import httpx

from benchmarks.contenders import Contender
from benchmarks.processes import run
from benchmarks.store import Store
from tests.helpers.loopback import HOST

_READS = frozenset({"GetItem", "Query", "BatchGetItem", "Scan"})


@dataclass(frozen=True)
class Request:
    """One request to the table.

    Attributes:
        operation: name of the API operation.
        units: consumed capacity units, read or write.
        sent_bytes: size of the request body.
        received_bytes: size of the response body.
    """

    operation: str
    units: float
    sent_bytes: int
    received_bytes: int

    @property
    def is_read(self) -> bool:
        """Whether it consumes read units."""
        return self.operation in _READS


@dataclass
class RequestLog:
    """All requests, in order."""

    requests: list[Request] = field(default_factory=list[Request])


@dataclass(frozen=True)
class Turn:
    """The use of the table in one turn."""

    reads: int
    writes: int
    read_units: float
    write_units: float
    bytes: int


def turns_of(contender: Contender, store: Store, count: int) -> list[Turn]:
    """Run one call, and return the use of the table in each turn."""
    with _proxied(store) as (proxied, log):
        run(contender, proxied, count)
    return _by_turn(log.requests)


def _by_turn(requests: list[Request]) -> list[Turn]:
    """Split the requests at the read that starts each turn."""
    turns: list[list[Request]] = []
    for request in requests:
        if request.is_read or not turns:
            turns.append([])
        turns[-1].append(request)
    return [_turn(turn) for turn in turns]


def _turn(requests: list[Request]) -> Turn:
    reads = [request for request in requests if request.is_read]
    writes = [request for request in requests if not request.is_read]
    return Turn(
        reads=len(reads),
        writes=len(writes),
        read_units=sum(request.units for request in reads),
        write_units=sum(request.units for request in writes),
        bytes=sum(request.sent_bytes + request.received_bytes for request in requests),
    )


@contextmanager
def _proxied(store: Store) -> Generator[tuple[Store, RequestLog]]:
    log = RequestLog()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are sent apart. With Nagle's algorithm the body would wait for an ACK.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            target = self.headers["x-amz-target"]
            answer, request = _forward(table, target, body, dict(self.headers))
            log.requests.append(request)
            self.send_response(answer.status_code)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    with httpx.Client(base_url=store.endpoint) as table:
        thread.start()
        try:
            yield replace(store, endpoint=f"http://{HOST}:{server.server_port}"), log
        finally:
            server.shutdown()
            server.server_close()


def _forward(
    table: httpx.Client, target: str, body: bytes, headers: dict[str, str]
) -> tuple[httpx.Response, Request]:
    asked = json.dumps(json.loads(body) | {"ReturnConsumedCapacity": "TOTAL"}).encode()
    kept = {
        name: value
        for name, value in headers.items()
        if name.lower() not in {"host", "content-length", "accept-encoding"}
    }
    answer = table.post("/", content=asked, headers=kept)
    consumed = answer.json().get("ConsumedCapacity", {})
    return answer, Request(
        operation=target.rpartition(".")[2],
        units=float(consumed.get("CapacityUnits", 0)),
        sent_bytes=len(body),
        received_bytes=len(answer.content),
    )
