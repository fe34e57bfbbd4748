"""Measurements. Run one with `python -m benchmarks.<name> --json FILE`; the last results stand in RESULTS.md."""
