"""Tests of what is deployed and how the repository is laid out."""
