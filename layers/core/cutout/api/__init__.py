"""The jobs API (DESIGN 4.7) over its use cases: forms, answers, routes. Only `api` imports it."""
