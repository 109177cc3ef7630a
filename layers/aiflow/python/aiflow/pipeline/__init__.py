"""The pipeline of an event: load, decide, run the handler, commit, send."""
