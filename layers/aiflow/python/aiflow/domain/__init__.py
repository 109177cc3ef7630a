"""What happens to a call: pure functions of a record, an event and the settings."""
