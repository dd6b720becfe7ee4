"""Has existing images cut out: `make backfill STACK=name PREFIX=photos/`."""
