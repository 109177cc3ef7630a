"""The model of a stack: what the template, its parameters and the project say."""
