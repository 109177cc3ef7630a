"""Stands in for API Gateway, Lambda and DynamoDB: reads the template, calls the real handlers."""
