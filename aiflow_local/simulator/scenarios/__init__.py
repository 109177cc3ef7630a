"""Scenarios in YAML: calls with expected actions."""
