"""The call is over. Write a summary, a ticket or a CRM entry here."""

from aiflow import Call, Reply, SessionEnd, entrypoint


def handle(event: SessionEnd, call: Call) -> Reply:
    """Store the outcome of the call; the caller no longer hears a reply."""
    call.state["outcome"] = "talked" if call.history else "silent"
    return None


lambda_handler = entrypoint(handle)
