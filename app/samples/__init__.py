"""The drawn sample pictures of the quickstart: a shop's catalogue, the same on every machine."""
