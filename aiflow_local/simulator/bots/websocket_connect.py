"""Opens WebSocket connections as the service does, and explains failures in one line."""

import socket
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.exceptions import (
    ConnectionClosed,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect
from websockets.uri import WebSocketURI, parse_uri

from aiflow_local.errors import Unreadable
from aiflow_local.simulator.bots.inbox import Disconnect
from aiflow_local.simulator.engine.response_validation import WRONG_TOKEN

MAX_MESSAGE_BYTES = 128 * 1024
"""Maximum message size of API Gateway."""

_CLOSING_SECONDS = 1.0
_REFUSED: Mapping[int, str] = {
    401: WRONG_TOKEN,
    403: "the API token or the path is wrong: give --token; on API Gateway, the path is the stage",
    404: "nothing is served at this path",
    429: "the server has too many connections",
}
_CLOSED: Mapping[int, str] = {
    CloseCode.GOING_AWAY: "; API Gateway does so after 2 hours, or 10 minutes without messages",
    CloseCode.MESSAGE_TOO_BIG: ": an event was too large",
}
_GIVEN_UP: Mapping[int, Disconnect] = {
    CloseCode.MESSAGE_TOO_BIG: Disconnect(
        "too_large",
        f"sent a message of more than {MAX_MESSAGE_BYTES // 1024} KB, the limit of API Gateway: "
        "the simulator closed the connection",
    ),
    CloseCode.INVALID_DATA: Disconnect(
        "not_utf8", "sent a text message that is not UTF-8: the simulator closed the connection"
    ),
}


def websocket_url(url: str) -> WebSocketURI:
    """Parse the URL of a WebSocket.

    Raises:
        Unreadable: the URL is not valid.
    """
    try:
        # Reading the port rejects one that is out of range.
        if urlsplit(url).port == 0:
            raise Unreadable("bad_url", f"{url} is not a URL: port 0 is not valid")
        return parse_uri(url)
    except InvalidURI as error:
        raise Unreadable("bad_url", f"{url} is not a URL: {error.msg}") from None
    except ValueError as error:
        raise Unreadable("bad_url", f"{url} is not a URL: {error}") from None


def open_connection(url: str, token: str | None, seconds: float) -> ClientConnection | Disconnect:
    """Connect without proxies, compression or redirects.

    Args:
        url: URL of the WebSocket.
        token: value of the header `X-API-TOKEN`; None sends no header.
        seconds: time limit.
    """
    parsed = websocket_url(url)
    try:
        # With its own socket, the client uses no proxy and follows no redirect.
        opened = socket.create_connection((parsed.host, parsed.port), timeout=seconds)
        opened.settimeout(None)
        return connect(
            url,
            sock=opened,
            compression=None,
            additional_headers={} if token is None else {"X-API-TOKEN": token},
            user_agent_header="aiflow-call",
            open_timeout=seconds,
            ping_interval=None,
            close_timeout=_CLOSING_SECONDS,
            max_size=MAX_MESSAGE_BYTES,
            legacy=True,
        )
    except TimeoutError:
        return Disconnect("timeout", f"did not open the connection within {seconds:g} s")
    except ssl.SSLError as error:
        return Disconnect("no_tls", f"has no trusted TLS certificate ({error.reason or error})")
    except OSError as error:
        return Disconnect("no_connection", f"no server answers at this address ({error})")
    except (WebSocketException, ValueError, EOFError) as error:
        return _refused(error)


def disconnect_of(closed: ConnectionClosed) -> Disconnect:
    """Return why a connection ended."""
    received, sent = closed.rcvd, closed.sent
    if received and closed.rcvd_then_sent is not False:
        why = _CLOSED.get(received.code, "")
        return Disconnect("closed", f"closed the connection, {received}{why}")
    if sent and sent.code in _GIVEN_UP:
        return _GIVEN_UP[sent.code]
    why = f": {sent.reason}" if sent and sent.reason else ""
    return Disconnect("broken_off", f"broke off{why}")


def _refused(error: Exception) -> Disconnect:
    status = _status(error)
    if status is None:
        return Disconnect("broken_off", f"is not a WebSocket server: {error}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        why = "redirects are not followed: give the URL that this one leads to"
    elif status == HTTPStatus.OK:
        why = "the server answers with HTTP, not WebSocket"
    else:
        why = _REFUSED.get(status, "")
    reason = f"refused the connection with {status}{'; ' if why else ''}{why}"
    return Disconnect("refused", reason, status)


def _status(error: BaseException | None) -> int | None:
    """Return the HTTP status of a refusal, from the chain of exceptions."""
    while error:
        if isinstance(error, InvalidStatus):
            return error.response.status_code
        error = error.__cause__ or error.__context__
    return None
