"""Benchmarks: what this executor does on one core, with its peers beside it in the same run."""
