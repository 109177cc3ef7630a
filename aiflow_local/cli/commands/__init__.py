"""The commands of `aiflow`, one module each, imported on first use."""
