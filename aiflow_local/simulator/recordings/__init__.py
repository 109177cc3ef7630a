"""Recorded calls: written, replayed, and converted to scenarios."""
