"""Connects to a WebSocket as the service does, and says in a line why that is impossible."""

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

MAX_MESSAGE_BYTES = 128 * 1024
"""More than API Gateway lets through in a message."""

_CLOSING_SECONDS = 1.0
_REFUSED: Mapping[int, str] = {
    401: "the API token is missing or wrong: give it with --token",
    403: "the API token is wrong: give it with --token; or the path is: API Gateway's is the stage",
    404: "nothing is served at this path",
    429: "it has too many connections",
}
_CLOSED: Mapping[int, str] = {
    CloseCode.GOING_AWAY: "; API Gateway does so after 2 hours, and after 10 minutes of silence",
    CloseCode.MESSAGE_TOO_BIG: ": an event was too large for it",
}
_GIVEN_UP: Mapping[int, Disconnect] = {
    CloseCode.MESSAGE_TOO_BIG: Disconnect(
        "too_large",
        f"sent a message of more than {MAX_MESSAGE_BYTES // 1024} KB, which API Gateway carries "
        "not: the connection is closed",
    ),
    CloseCode.INVALID_DATA: Disconnect(
        "not_utf8", "sent a text message that is not UTF-8: the connection is closed"
    ),
}


def websocket_url(url: str) -> WebSocketURI:
    """Read the URL of a WebSocket.

    Raises:
        Unreadable: it is none.
    """
    try:
        # A port that is out of range would else fail when the call begins.
        if urlsplit(url).port == 0:
            raise Unreadable("bad_url", f"{url} is no URL: there is no port 0")
        return parse_uri(url)
    except InvalidURI as error:
        raise Unreadable("bad_url", f"{url} is no URL: {error.msg}") from None
    except ValueError as error:
        raise Unreadable("bad_url", f"{url} is no URL: {error}") from None


def open_connection(url: str, token: str | None, seconds: float) -> ClientConnection | Disconnect:
    """Connect, without a proxy and without compression, and follow no redirect.

    Args:
        url: of the WebSocket.
        token: sent as `X-API-TOKEN`; None sends none.
        seconds: until when the connection must be open.
    """
    parsed = websocket_url(url)
    try:
        # With a socket of our own it neither asks for proxies nor takes the token elsewhere.
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
        return Disconnect("no_tls", f"speaks no TLS that can be trusted ({error.reason or error})")
    except OSError as error:
        return Disconnect("no_connection", f"no server answers at this address ({error})")
    except (WebSocketException, ValueError, EOFError) as error:
        return _refused(error)


def disconnect_of(closed: ConnectionClosed) -> Disconnect:
    """Say why a connection is gone."""
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
        return Disconnect("broken_off", f"speaks no WebSocket: {error}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        why = "redirects are not followed: give the URL that it leads to"
    elif status == HTTPStatus.OK:
        why = "it speaks HTTP there and no WebSocket"
    else:
        why = _REFUSED.get(status, "")
    reason = f"refused the connection with {status}{'; ' if why else ''}{why}"
    return Disconnect("refused", reason, status)


def _status(error: BaseException | None) -> int | None:
    """Return the status of the answer; a redirect that cannot be followed hides it."""
    while error:
        if isinstance(error, InvalidStatus):
            return error.response.status_code
        error = error.__cause__ or error.__context__
    return None
