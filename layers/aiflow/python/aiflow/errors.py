"""The errors of this package: one root, one class per cause.

- A rejected request is a `RequestRejected` with a `reason` from a closed set. Logs and metrics
  contain only the reason.
- A mistake of a handler is an `InvalidAction`, an `AnswerTooLarge` or a `StateNotStorable`.
- A failure of the environment is a `StoreUnavailable`, a `DeadlineExceeded` or an error of a
  connection.

`aiflow.transports.http.STATUS` maps each `RequestRejected` to its HTTP status: 400, 401, 403, 405,
413 or 415. The other errors have no HTTP status.
"""


class AiflowError(Exception):
    """The base of all errors of this package."""


class SettingsError(AiflowError):
    """A setting is missing or invalid; the message names the variable and what to do."""


class HandlerLoadError(AiflowError):
    """A handler of `functions/` is missing or cannot be imported; the message names the module."""


class RequestRejected(AiflowError):
    """A request that gets a 4xx status and reaches no handler.

    Attributes:
        reason: A word from a closed set, safe to log and to count.
    """

    def __init__(self, reason: str, message: str) -> None:
        """Create an error with a machine-readable `reason` and a `message` for people."""
        super().__init__(message)
        self.reason = reason


class InvalidEvent(RequestRejected):
    """The body is not a valid AI Flow event."""


class Unauthorized(RequestRejected):
    """The token is missing, wrong or given more than once."""


class AccountNotAllowed(RequestRejected):
    """The token is valid, but the stack does not serve the account of the event."""


class MethodNotAllowed(RequestRejected):
    """The HTTP method is not POST."""


class BodyTooLarge(RequestRejected):
    """The body exceeds the size limit for events."""


class UnsupportedBody(RequestRejected):
    """The content type or the encoding of the body is not supported."""


class InvalidAction(AiflowError):
    """An action that violates the protocol; the message names the member and what is allowed."""


class AnswerTooLarge(AiflowError):
    """The answer exceeds the size limit of the transport."""


class AudioError(AiflowError, ValueError):
    """The audio is not WAV, PCM, 16 kHz, mono, 16 bit; the message says how to convert it."""


class SsmlError(AiflowError, ValueError):
    """The text is not well-formed SSML with a `speak` root."""


class StoreUnavailable(AiflowError):
    """The session store failed or timed out; a write may have been applied or not."""


class ConnectionGone(AiflowError):
    """The WebSocket is closed, which is one way in which a call ends."""


class ConnectionUnavailable(AiflowError):
    """Sending a WebSocket message failed or timed out; it may have been sent or not."""


class StateNotStorable(AiflowError):
    """The state of a call is not JSON, or too large; the message names the part and the limit."""


class DeadlineExceeded(AiflowError):
    """A handler exceeded the time in which it must answer."""
