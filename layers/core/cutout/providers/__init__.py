"""One module per provider: HTTP calls, vocabulary, the webhook's form (docs/providers.md)."""
