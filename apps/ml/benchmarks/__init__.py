"""Benchmarks that ship with the product: each module has `add_arguments` and `run`, and goes through serving code."""
