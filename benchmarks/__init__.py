"""`make bench`: speed, cost and cold starts, measured and written to docs/benchmarks.md."""
