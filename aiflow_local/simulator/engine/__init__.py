"""Model of a call on virtual time: the AI Flow service and the caller."""
