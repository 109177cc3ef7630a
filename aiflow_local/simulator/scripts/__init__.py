"""Scripted calls: events from a file to an agent, one after the other, with no phone in between."""
