"""The road of an event, from the gateway's envelope to the committed answer."""
