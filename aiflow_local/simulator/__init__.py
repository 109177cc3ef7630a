"""Simulator of the AI Flow service and the caller."""
