"""What a file's bytes say about the image in it, one module a format. Pure, without a decoder."""
