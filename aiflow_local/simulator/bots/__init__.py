"""Connections to bots: the agent of this project, or any bot at a URL."""
