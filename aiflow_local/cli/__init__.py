"""The `aiflow` command."""
