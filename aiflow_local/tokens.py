"""The shared secret between AI Flow and the stack."""

import secrets
from dataclasses import dataclass
from hashlib import sha256

_BYTES = 32


@dataclass(frozen=True)
class Token:
    """An API token, which AI Flow sends.

    Attributes:
        secret: what goes into the AI Flow dashboard, and nowhere else.
    """

    secret: str

    @property
    def digest(self) -> str:
        """Its SHA-256, hexadecimal: what the stack holds."""
        return sha256(self.secret.encode()).hexdigest()


def new_token() -> Token:
    """Return a random token of 256 bits that fits into a header and into a URL."""
    return Token(secrets.token_urlsafe(_BYTES))
