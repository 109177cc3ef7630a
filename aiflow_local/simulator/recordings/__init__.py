"""Calls that were taken down: played again, and made into scenarios."""
