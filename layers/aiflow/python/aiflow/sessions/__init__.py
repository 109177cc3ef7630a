"""The state of a call: what is kept (model), the port (store), and where (memory, dynamodb)."""
