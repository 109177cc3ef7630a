"""The shared secret: compared by digest, in constant time, before anything is parsed."""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

from aiflow.errors import Unauthorized

Headers = Mapping[str, Sequence[str]]
"""Request headers by lower-case name, each with all its values."""

# One sentence for all: whoever guesses learns nothing from it. The log tells the reason.
_MESSAGE = "The API token is missing or wrong."


def authenticate(headers: Headers, header: str, digests: Sequence[bytes]) -> int:
    """Let a request pass that carries the secret of one of `digests`, once, in `header`.

    Returns:
        Which of the digests it was: its index.

    Raises:
        Unauthorized: the token is missing, wrong, or there more than once.
    """
    tokens = headers.get(header, ())
    if len(tokens) != 1:
        raise Unauthorized("repeated" if tokens else "missing", _MESSAGE)
    presented = sha256(tokens[0].encode("utf-8", "surrogatepass")).digest()
    # All are compared, whatever the first says: time tells nothing about which of them nearly fits.
    matches = [hmac.compare_digest(presented, digest) for digest in digests]
    if not any(matches):
        raise Unauthorized("wrong", _MESSAGE)
    return matches.index(True)
