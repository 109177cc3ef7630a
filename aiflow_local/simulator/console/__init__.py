"""The phone in a terminal: what a person types is what the caller does."""
