"""The call is over. The place for what comes after: a summary, a ticket, a line in a CRM."""

from aiflow import Call, Reply, SessionEnd, entrypoint


def handle(event: SessionEnd, call: Call) -> Reply:
    """Keep what the call was about; nothing that is answered is heard any more."""
    call.state["outcome"] = "talked" if call.history else "silent"
    return None


lambda_handler = entrypoint(handle)
