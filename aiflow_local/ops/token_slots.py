"""The two stack parameters that hold token digests."""

from aiflow.settings import digest_from
from aiflow_local.emulator.sample_events import SAM_LOCAL_TOKEN
from aiflow_local.tokens import Token

CURRENT, NEXT = "TokenSha256", "TokenSha256Next"
FIRST_DEPLOYMENT = f"sam deploy --parameter-overrides {CURRENT}=DIGEST"
"""The command that deploys the first digest."""

_PUBLIC = digest_from(Token(SAM_LOCAL_TOKEN).digest)


def digest_problem(digest: str) -> str | None:
    """Return what is wrong with a digest; None if it is valid."""
    try:
        is_public = digest_from(digest) == _PUBLIC
    except ValueError as error:
        return str(error)
    return "it is the digest of the token for `sam local`, which is public" if is_public else None
