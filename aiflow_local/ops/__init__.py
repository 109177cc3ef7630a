"""Operate a stack that is deployed: look at it, rotate its token, answer for what it keeps."""
