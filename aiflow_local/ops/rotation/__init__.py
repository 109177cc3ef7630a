"""Token rotation in two slots, so that no call is rejected meanwhile."""
