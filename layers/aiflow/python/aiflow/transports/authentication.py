"""Authentication by the API token, and the check of the sipgate account."""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

from aiflow.errors import AccountNotAllowed, Unauthorized
from aiflow.protocol.events import Event, UnknownEvent
from aiflow.settings import Settings

Headers = Mapping[str, Sequence[str]]
"""Request headers by lower-case name, each with all its values."""

# The same text for all reasons, so that an attacker learns nothing; the log has the reason.
_MESSAGE = "The API token is missing or wrong."


def authenticate(headers: Headers, header: str, digests: Sequence[bytes]) -> int:
    """Check that `header` carries, exactly once, the token of one of `digests`.

    Digests are compared in constant time.

    Returns:
        The index of the digest that matched.

    Raises:
        Unauthorized: the token is missing, wrong, or given more than once.
    """
    tokens = headers.get(header, ())
    if len(tokens) != 1:
        raise Unauthorized("repeated" if tokens else "missing", _MESSAGE)
    presented = sha256(tokens[0].encode("utf-8", "surrogatepass")).digest()
    # Compare all of them: the time must not tell which one matched.
    matches = [hmac.compare_digest(presented, digest) for digest in digests]
    if not any(matches):
        raise Unauthorized("wrong", _MESSAGE)
    return matches.index(True)


def check_account(event: Event | UnknownEvent, settings: Settings) -> None:
    """Check that the stack serves the account of an event.

    Raises:
        AccountNotAllowed: it does not.
    """
    account = event.session.account_id
    if settings.allowed_account_ids and account and account not in settings.allowed_account_ids:
        raise AccountNotAllowed("account", "This account is not served here.")
