"""The two slots of a stack for the digest of a token."""

import re
from hashlib import sha256

from local.mock_events import SAM_LOCAL_TOKEN
from local.tokens import Token

CURRENT, NEXT = "TokenSha256", "TokenSha256Next"

_DIGEST = re.compile(r"[0-9a-f]{64}")
_KNOWN = {
    sha256().hexdigest(): "it is the digest of nothing",
    Token(SAM_LOCAL_TOKEN).digest: "it is the digest of the token for `sam local`, which is public",
}


def objection_to(digest: str) -> str | None:
    """Return what is wrong with a digest; None if nothing is."""
    if not _DIGEST.fullmatch(digest):
        return "it is not 64 lower-case hexadecimal digits"
    return _KNOWN.get(digest)
