"""Transports: how an event arrives and how its answer is sent; translation only."""
