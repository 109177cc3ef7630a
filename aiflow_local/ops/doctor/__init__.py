"""Checks of `aiflow doctor`: the local prerequisites, the deployed stack, and test calls."""
