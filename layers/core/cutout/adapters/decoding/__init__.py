"""One module a file format: what its container says, and the pixels as Pillow decodes them."""
