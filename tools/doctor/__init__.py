"""Looks at a deployed stack and says what is wrong with it: `make doctor STACK=name`."""
