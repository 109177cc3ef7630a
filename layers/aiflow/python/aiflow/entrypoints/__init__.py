"""The Lambda handlers: one for events, and those that the layer itself brings."""
