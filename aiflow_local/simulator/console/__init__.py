"""Interactive calls in a terminal or a pipe."""
