"""The two slots of a stack for the digest of a token."""

from aiflow.settings import digest_from
from aiflow_local.emulator.sample_events import SAM_LOCAL_TOKEN
from aiflow_local.tokens import Token

CURRENT, NEXT = "TokenSha256", "TokenSha256Next"
FIRST_TIME = f"sam deploy --parameter-overrides {CURRENT}=DIGEST"
"""How the first of them comes there."""

_PUBLIC = digest_from(Token(SAM_LOCAL_TOKEN).digest)


def objection_to(digest: str) -> str | None:
    """Return what is wrong with a digest; None if nothing is."""
    try:
        is_public = digest_from(digest) == _PUBLIC
    except ValueError as error:
        return str(error)
    return "it is the digest of the token for `sam local`, which is public" if is_public else None
