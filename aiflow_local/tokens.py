"""API tokens: the shared secret between AI Flow and the stack."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

_BYTES = 32


@dataclass(frozen=True)
class Token:
    """An API token, which AI Flow sends with each request.

    Attributes:
        secret: The token itself, which belongs into the sipgate dashboard only.
    """

    secret: str

    @property
    def digest(self) -> str:
        """The hexadecimal SHA-256 of the token, which the stack stores."""
        return sha256(self.secret.encode()).hexdigest()


def new_token() -> Token:
    """Generate a random token of 256 bits, in characters that headers and URLs allow."""
    return Token(secrets.token_urlsafe(_BYTES))
