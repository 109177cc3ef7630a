"""Event scripts: files of events that are sent to a bot without simulating a call."""
