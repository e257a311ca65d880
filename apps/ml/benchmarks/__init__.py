"""Benchmarks on public data: each package has `add_arguments` and `run`, and goes through serving code."""
