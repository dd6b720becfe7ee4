"""One module per provider: its HTTP calls, its vocabulary, its webhook's form (docs/providers.md)."""
