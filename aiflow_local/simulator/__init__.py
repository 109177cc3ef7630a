"""Stands in for the AI Flow service and the caller."""
