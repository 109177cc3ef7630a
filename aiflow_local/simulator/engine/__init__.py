"""The AI Flow service and its caller: the model of a call, on virtual time."""
