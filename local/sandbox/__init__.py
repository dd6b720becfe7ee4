"""A stand-in for the hosted providers: their contracts, limits and faults, on loopback only."""
