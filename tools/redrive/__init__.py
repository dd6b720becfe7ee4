"""Tries failed jobs again, and dead letters: `make redrive STACK=name`."""
