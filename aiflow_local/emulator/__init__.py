"""Emulates API Gateway, Lambda and DynamoDB for the template, with the real handlers."""
