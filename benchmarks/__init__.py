"""Benchmarks and the cost model."""
