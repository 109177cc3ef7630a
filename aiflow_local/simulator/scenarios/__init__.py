"""Calls in YAML, with what the agent is expected to do: read, played, judged, reported."""
