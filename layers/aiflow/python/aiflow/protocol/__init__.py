"""The wire format: events from AI Flow, parsed leniently, and actions for it, checked strictly."""
