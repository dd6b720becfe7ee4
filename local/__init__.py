"""Tools for working on Cutout without an AWS account or an API key."""
