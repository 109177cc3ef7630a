"""The model of a stack, read from its template and parameters."""
