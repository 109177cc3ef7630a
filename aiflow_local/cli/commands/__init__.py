"""The commands, one module each, loaded when asked for: most need little, and start at once."""
