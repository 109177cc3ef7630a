"""The error family: one root, each class one cause.

What a request did wrong is a `RequestRejected`; it carries a `reason` from a closed set, which is
all that logs and metrics ever see of it. What a handler did wrong is an `InvalidAction` or a
`StateNotStorable`. What the world did wrong is a `StoreUnavailable` or a `DeadlineExceeded`. The
table from class to HTTP status is in `aiflow.domain.outbox`.
"""


class AiflowError(Exception):
    """The root of every error that this package raises on purpose."""


class SettingsError(AiflowError):
    """The environment lacks what the functions need; the message names variable and remedy."""


class HandlerLoadError(AiflowError):
    """A handler of `functions/` is missing or cannot be imported; the message names the module."""


class RequestRejected(AiflowError):
    """A request that is answered with a 4xx status and reaches no handler.

    Attributes:
        reason: one word of a closed set, safe to log and to count.
    """

    def __init__(self, reason: str, message: str) -> None:
        """Keep the countable `reason` beside the `message` for people."""
        super().__init__(message)
        self.reason = reason


class InvalidEvent(RequestRejected):
    """The body is not an AI Flow event."""


class Unauthorized(RequestRejected):
    """The shared secret is missing, wrong or given more than once."""


class AccountNotAllowed(RequestRejected):
    """The secret is right, but the event belongs to an account this stack does not serve."""


class MethodNotAllowed(RequestRejected):
    """AI Flow only ever sends POST."""


class BodyTooLarge(RequestRejected):
    """The body is larger than any event of the protocol."""


class UnsupportedBody(RequestRejected):
    """The body is not plain JSON by its content type or its encoding."""


class InvalidAction(AiflowError):
    """An action that the service would refuse; the message names the field and what is allowed."""


class AnswerTooLarge(AiflowError):
    """The answer is larger than the way back can carry."""


class AudioError(AiflowError, ValueError):
    """The sound is not WAV, PCM, 16 kHz, mono, 16 bit; the message says how to convert it."""


class SsmlError(AiflowError, ValueError):
    """The text is not well-formed SSML with a `speak` root."""


class StoreUnavailable(AiflowError):
    """The session store did not answer, or not in time; whether a write was applied is unknown."""


class ConnectionGone(AiflowError):
    """The WebSocket is closed, which is one way for a call to end."""


class ConnectionUnavailable(AiflowError):
    """A message to a WebSocket failed; whether it was delivered is unknown."""


class StateNotStorable(AiflowError):
    """Stored data of a call is not JSON or exceeds a limit; the message names part and limit."""


class DeadlineExceeded(AiflowError):
    """The handler did not answer within the time that a caller can wait."""
