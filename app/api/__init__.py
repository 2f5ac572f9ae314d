"""The REST interface: parses requests, calls one service each, writes answers. Only this package knows Flask."""
