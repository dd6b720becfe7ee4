"""Builds and deploys the stack, beginning with what is deployed already."""
